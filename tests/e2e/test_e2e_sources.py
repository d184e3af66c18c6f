"""The addresses from which mail leaves: in turns, by the family that the other side has, and IPv6 only with a good name."""

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from mailwright.ports.sender import Target
from tests.e2e.conftest import Serve
from tests.e2e.nameserver import Nameserver, Signpost
from tests.e2e.peers import Keeper, aiosmtpd
from tests.e2e.served import Served, route
from tests.net.scripted import ScriptedServer

V4, V6 = "93.184.215.20", "2606:2800:21f::20"  # ours
MX4, MX6 = "93.184.215.14", "2606:2800:21f::14"  # theirs; both lead to a port of ours
OUR4 = f'[[outbound]]\nip = "{V4}"\nehlo = "four.operator.example"\n'
OUR6 = f'[[outbound]]\nip = "{V6}"\nehlo = "six.operator.example"\n'
NAMED = f"{'0.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.f.1.2.0.0.0.8.2.6.0.6.2'}.ip6.arpa PTR six.operator.example."
BACK = f"six.operator.example AAAA {V6}"
DUAL = f"remote.example MX 10 mx.remote.example.\nmx.remote.example A {MX4}\nmx.remote.example AAAA {MX6}\n"
ONLY4, ONLY6 = DUAL.replace(f"mx.remote.example AAAA {MX6}\n", ""), DUAL.replace(f"mx.remote.example A {MX4}\n", "")


class Callers(Keeper):
    """Notes who called, and under which name."""

    def __init__(self) -> None:
        super().__init__()
        self.callers: set[tuple[str, str]] = set()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert session.peer is not None
        self.callers.add((session.peer[0], str(session.host_name)))
        return await super().handle_DATA(server, session, envelope)


async def test_source_addresses_take_turns_each_with_its_name(serve: Serve) -> None:
    keeper = Callers()
    async with aiosmtpd(keeper) as port:
        settings = "".join(f'[[outbound]]\nip = "127.0.0.{n}"\nehlo = "out{n}.operator.example"\n' for n in (2, 3))
        served = await serve("timeouts.idle = '100 ms'\n" + settings + route(port))
        acme = await served.customer()
        for n in range(4):
            await served.ended(await served.hand_in(acme, f"r{n}@remote.example"))
            await served.until(lambda: nobody(served))
    assert keeper.callers == {("127.0.0.2", "out2.operator.example"), ("127.0.0.3", "out3.operator.example")}


async def nobody(served: Served) -> bool:
    return all(site.lanes == 0 for site in served.house.dispatch.sites.values())


async def test_without_any_the_system_chooses_and_the_hostname_is_said(serve: Serve) -> None:
    async with ScriptedServer() as server:
        served = await serve(route(server.port))
        await served.ended(await served.hand_in(await served.customer(), "bob@remote.example"))
    assert server.said[0] == "EHLO mail.operator.example"


FAMILIES: list[tuple[str, str, str, list[str | None], list[str], str]] = [
    # settings, what the DNS says of ours, of theirs; from which addresses, to which, because
    ("", "", DUAL, [None], [MX4, MX6], "IPv4 first"),
    ("ipv6 = true\n", "", DUAL, [None], [MX6, MX4], "IPv6 first where the operator says so"),
    ("ipv6 = false\n", "", DUAL, [None], [MX4], "never IPv6 where the operator says so"),
    (OUR4 + OUR6, "", DUAL, [V4], [MX4], "an IPv6 address without reverse name gets no turn"),
    (OUR4 + OUR6, NAMED, DUAL, [V4], [MX4], "nor one whose name does not lead back"),
    (OUR4 + OUR6, NAMED + "\n" + BACK, DUAL, [V4, V6], [MX4, MX6], "one with a confirmed name does"),
    (OUR4 + OUR6, NAMED + "\n" + BACK, ONLY4, [V4], [MX4], "where the other side has IPv4 alone, it leaves from IPv4"),
    (OUR4 + OUR6, "", ONLY6, [V6], [MX6], "where it has IPv6 alone, from IPv6, confirmed or not"),
    (OUR6, "", DUAL, [V6], [MX6], "there is no other"),
]


@pytest.mark.parametrize("settings, ours, theirs, sources, hosts, because", FAMILIES, ids=[row[5] for row in FAMILIES])
async def test_families(
    serve: Serve, settings: str, ours: str, theirs: str, sources: list[str | None], hosts: list[str], because: str
) -> None:
    async with Nameserver(theirs + ours) as names, ScriptedServer() as server:
        served = await serve(f"timeouts.idle = '100 ms'\n{names.settings}{settings}")
        await served.stop()
        sender = served.sender = Signpost({MX4: server.port, MX6: server.port})
        await served.start()
        await served.house.works.sources.look()
        acme = await served.customer()
        for n in range(2 if len(sources) > 1 else 1):
            await served.ended(await served.hand_in(acme, f"r{n}@remote.example"))
            await served.until(lambda: nobody(served))
    assert {target.source_ip for target in sender.targets} == set(sources), because
    assert [host.ip for target in sorted(sender.targets, key=family) for host in target.hosts] == hosts, because
    names_said = {None: "mail.operator.example", V4: "four.operator.example", V6: "six.operator.example"}
    assert all(target.ehlo == names_said[target.source_ip] for target in sender.targets)


def family(target: Target) -> bool:
    return target.source_ip == V6
