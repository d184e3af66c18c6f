"""A name server on loopback that answers from lines of text, and a door out that leads public addresses to ports of ours."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from mailwright.net.smtp_out import SmtpSender
from mailwright.ports.sender import HostAddress, Session, Target, Unreachable

SOA = "{} 60 IN SOA ns.example. host.example. 1 3600 600 86400 1"


class Nameserver(asyncio.DatagramProtocol):
    """Records one a line, `name type data`; a name that has none at all does not exist; `name SERVFAIL` is a broken one.

    Nothing is answered while `gate` is shut. `asked` counts questions.
    """

    def __init__(self, zone: str = "") -> None:
        self.asked: Counter[str] = Counter()
        self.gate = asyncio.Event()
        self.gate.set()
        self.records: list[tuple[str, str, str]] = []
        self.read(zone)
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def read(self, zone: str) -> None:
        """What is said from now on."""
        lines = [line.split(None, 2) for line in zone.splitlines() if line.strip()]
        self.records = [(name, type, "".join(data)) for name, type, *data in lines]

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for task in self._tasks:
            task.cancel()
        self._transport.close()

    @property
    def settings(self) -> str:
        """The settings that ask here."""
        return f'dns.servers = ["127.0.0.1:{self.port}"]\ndns.timeout = "3 s"\n'

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        task = asyncio.get_running_loop().create_task(self._answer(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        self.asked[query.question[0].name.to_text(omit_final_dot=True).lower()] += 1
        await self.gate.wait()
        self._transport.sendto(self._response(query).to_wire(max_size=4096), addr)

    def _response(self, query: dns.message.Message) -> dns.message.Message:
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        name, type = query.question[0].name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(query.question[0].rdtype)
        mine = [(kind, data) for owner, kind, data in self.records if owner == name]
        if ("SERVFAIL", "") in mine:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif not mine and not any(owner.endswith("." + name) for owner, _, _ in self.records):
            response.set_rcode(dns.rcode.NXDOMAIN)
        found = [data for kind, data in mine if kind == type]
        if found:
            response.answer.append(dns.rrset.from_text(name + ".", 60, "IN", type, *found))
        else:
            response.authority.append(dns.rrset.from_text(*SOA.format(name + ".").split(None, 4)))  # type: ignore[arg-type]
        return response


class Signpost:
    """ports.sender.Sender: a public address leads to a port of this machine; everything else takes the usual way."""

    def __init__(self, ports: Mapping[str, int], sender: SmtpSender | None = None) -> None:
        self.ports, self._sender = dict(ports), sender or SmtpSender()
        self.targets: list[Target] = []

    async def open(self, target: Target) -> Session | Unreachable:
        self.targets.append(target)
        found: Session | Unreachable = await self._sender.open(replace(target, hosts=()))
        for host in target.hosts:
            port = self.ports.get(host.ip)
            led = host if port is None else HostAddress(host.name, "127.0.0.1", port)
            source = target.source_ip if port is None else None
            found = await self._sender.open(replace(target, hosts=(led,), source_ip=source, allow_private=port is not None))
            if not isinstance(found, Unreachable):
                break
        return found
