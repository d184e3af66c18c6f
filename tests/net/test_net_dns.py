"""The live resolver against scripted servers on loopback: each misbehaviour is a row."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from dns.edns import EDECode

from mailwright.dns import Answer, Asking, Cause, Failed, Found, Missing, Mx, Question, RecordType, Txt, ask, together
from mailwright.net.dns import LOOK_SECONDS, Resolver, SystemServers, system_servers
from mailwright.values import Unavailable

Reply = Callable[[dns.message.Message, bool], list[bytes] | None]  # query, by UDP? -> datagrams; None: silence

SOA = "example. 600 IN SOA ns.example. host.example. 1 3600 600 86400 30"


def says(
    *lines: str,
    code: str = "NOERROR",
    authority: tuple[str, ...] = (),
    flags: int = dns.flags.RA,
    error: EDECode | None = None,
) -> Reply:
    """An honest reply with these records."""

    def reply(query: dns.message.Message, udp: bool) -> list[bytes]:
        response = dns.message.make_response(query)
        response.flags |= flags
        response.set_rcode(dns.rcode.from_text(code))
        response.answer = [dns.rrset.from_text(*line.split(None, 4)) for line in lines]  # type: ignore[arg-type]
        response.authority = [dns.rrset.from_text(*line.split(None, 4)) for line in authority]  # type: ignore[arg-type]
        if error is not None:
            response.use_edns(0, options=[dns.edns.EDEOption(error)])
        return [response.to_wire(max_size=65535)]

    return reply


def silence(query: dns.message.Message, udp: bool) -> None:
    """Never answers."""


def cut(*lines: str) -> Reply:
    """Truncated by UDP, whole by TCP."""

    def reply(query: dns.message.Message, udp: bool) -> list[bytes] | None:
        return says(flags=dns.flags.TC)(query, udp) if udp else says(*lines)(query, udp)

    return reply


def noise_then(reply: Reply) -> Reply:
    """Garbage, a wrong id and a wrong question come before the answer: forgeries."""

    def noisy(query: dns.message.Message, udp: bool) -> list[bytes] | None:
        forged = says("a.example. 60 IN A 192.0.2.66")(query, udp) or []
        other = dns.message.make_query("other.example", "A", id=query.id)
        wrong = says("other.example. 60 IN A 192.0.2.66")(other, udp) or []
        wrong_id = bytes([forged[0][0] ^ 255]) + forged[0][1:]
        return [b"", b"\xff" * 40, wrong_id, *wrong, query.to_wire(), *(reply(query, udp) or [])]

    return noisy


def broken(query: dns.message.Message, udp: bool) -> list[bytes]:
    """The header and the question fit, the rest is torn."""
    whole = says("a.example. 60 IN A 192.0.2.1")(query, udp) or []
    return [whole[0][:-20]]


def no_edns(reply: Reply) -> Reply:
    """An old server: FORMERR for a query with EDNS (RFC 6891 §7)."""

    def old(query: dns.message.Message, udp: bool) -> list[bytes] | None:
        return says(code="FORMERR")(query, udp) if query.edns >= 0 else reply(query, udp)

    return old


def bogus(query: dns.message.Message, udp: bool) -> list[bytes] | None:
    """A validating server: SERVFAIL, and an answer where validation is switched off."""
    checked = not query.flags & dns.flags.CD
    return (says(code="SERVFAIL") if checked else says("a.example. 60 IN A 192.0.2.1"))(query, udp)


@dataclass
class Server:
    """A DNS server on loopback, by UDP and TCP at one port."""

    reply: Reply
    port: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    gate: asyncio.Event | None = None  # answers only once it is set
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    async def answer(self, wire: bytes, *, udp: bool) -> list[bytes]:
        query = dns.message.from_wire(wire)
        self.asked[f"{query.question[0].name.to_text(True)} {'udp' if udp else 'tcp'}"] += 1
        self.heard.set()
        if self.gate is not None:
            await self.gate.wait()
        return self.reply(query, udp) or []

    async def stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            wire = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
            for answer in await self.answer(wire, udp=False):
                writer.write(len(answer).to_bytes(2) + answer)
            await reader.read()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: Server) -> None:
        self.server = server
        self.tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        task = asyncio.ensure_future(self.send(data, addr))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def send(self, data: bytes, addr: tuple[str, int]) -> None:
        for answer in await self.server.answer(data, udp=True):
            self.transport.sendto(answer, addr)


@asynccontextmanager
async def serving(reply: Reply, gate: asyncio.Event | None = None) -> AsyncIterator[Server]:
    server = Server(reply, gate=gate)
    tcp = await asyncio.start_server(server.stream, "127.0.0.1", 0)
    server.port = tcp.sockets[0].getsockname()[1]
    transport, datagrams = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Datagrams(server), local_addr=server.address
    )
    try:
        yield server
    finally:
        for task in datagrams.tasks:
            task.cancel()
        transport.close()
        tcp.close()
        await tcp.wait_closed()


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def resolver(*servers: Server, clock: Callable[[], float] | None = None, **settings: float) -> Resolver:
    addresses = [server.address for server in servers]
    return Resolver(clock=clock or Clock(), servers=addresses, **settings)  # type: ignore[arg-type]


A = Question("a.example", "A")
A_LINE = "a.example. 60 IN A 192.0.2.1"

ANSWERS: list[tuple[str, Reply, RecordType, Answer]] = [
    # because, the server, type, answer
    ("an answer", says(A_LINE), "A", Found(("192.0.2.1",), 60)),
    ("the AD bit is kept", says(A_LINE, flags=dns.flags.AD), "A", Found(("192.0.2.1",), 60, authenticated=True)),
    ("addresses are written one way", says("a.example. 9 IN AAAA 2001:DB8:0:0::1"), "AAAA", Found(("2001:db8::1",), 9)),
    ("names are canonical", says("a.example. 9 IN MX 10 MX.Example.NET."), "MX", Found((Mx(10, "mx.example.net"),), 9)),
    ("null MX, RFC 7505", says("a.example. 9 IN MX 0 ."), "MX", Found((Mx(0, ""),), 9)),
    ("a dot inside a label is no dot", says("a.example. 9 IN PTR mx\\.example.net."), "PTR", Found(("mx\\.example.net",), 9)),
    ("pieces and octets", says('a.example. 9 IN TXT "v=" "\\255"'), "TXT", Found((Txt("v=\udcff", (b"v=", b"\xff")),), 9)),
    (
        "aliases, the shortest TTL",
        says("a.example. 60 IN CNAME B.example.", "b.example. 30 IN CNAME c.example.", "c.example. 90 IN A 192.0.2.3"),
        "A",
        Found(("192.0.2.3",), 30, chain=("b.example", "c.example")),
    ),
    ("NODATA, RFC 2308 §5", says(authority=(SOA,)), "A", Missing(True, 30)),
    ("NXDOMAIN", says(code="NXDOMAIN", authority=(SOA,)), "A", Missing(False, 30)),
    ("NXDOMAIN without SOA lives shortest", says(code="NXDOMAIN"), "A", Missing(False, 1)),
    (
        "an alias to nowhere",
        says("a.example. 60 IN CNAME b.example.", code="NXDOMAIN", authority=(SOA,)),
        "A",
        Missing(False, 30, chain=("b.example",)),
    ),
    ("a referral is no answer", says(authority=("example. 60 IN NS ns.example.",)), "A", Failed(Cause.REFUSED)),
    ("SERVFAIL", says(code="SERVFAIL"), "A", Failed(Cause.SERVFAIL)),
    ("NOTIMP", says(code="NOTIMP"), "A", Failed(Cause.SERVFAIL)),
    ("REFUSED", says(code="REFUSED"), "A", Failed(Cause.REFUSED)),
    ("bogus, told by the server, RFC 8914", says(code="SERVFAIL", error=EDECode.DNSSEC_BOGUS), "A", Failed(Cause.BOGUS)),
    ("another error, told by the server", says(code="SERVFAIL", error=EDECode.NETWORK_ERROR), "A", Failed(Cause.SERVFAIL)),
    ("bogus, found out", bogus, "A", Failed(Cause.BOGUS)),
    ("silence", silence, "A", Failed(Cause.TIMEOUT)),
    ("cut by UDP, whole by TCP", cut(A_LINE), "A", Found(("192.0.2.1",), 60)),
    ("forgeries are passed over", noise_then(says(A_LINE)), "A", Found(("192.0.2.1",), 60)),
    ("forgeries alone are no answer", noise_then(silence), "A", Failed(Cause.TIMEOUT)),
    ("a torn answer", broken, "A", Failed(Cause.SERVFAIL)),
    ("a server without EDNS", no_edns(says(A_LINE)), "A", Found(("192.0.2.1",), 60)),
    (
        "a loop of aliases",
        says("a.example. 60 IN CNAME b.example.", "b.example. 60 IN CNAME a.example."),
        "A",
        Failed(Cause.SERVFAIL),
    ),
    ("NXDOMAIN with records contradicts itself", says(A_LINE, code="NXDOMAIN"), "A", Failed(Cause.SERVFAIL)),
]


@pytest.mark.parametrize("because,reply,type,expected", ANSWERS, ids=[row[0] for row in ANSWERS])
async def test_answer(because: str, reply: Reply, type: RecordType, expected: Answer) -> None:
    async with serving(reply) as server:
        seconds = 0.1 if expected == Failed(Cause.TIMEOUT) else 5  # long where an answer must come in time
        answer = await resolver(server, try_seconds=seconds).answer(Question("a.example", type))
    if isinstance(expected, Failed):
        assert isinstance(answer, Failed)
        assert answer.cause == expected.cause
        assert answer.detail.startswith("127.0.0.1: ")
    else:
        assert answer == expected


SEVERAL: list[tuple[str, list[Reply], Answer | Cause]] = [
    ("the second answers where the first is silent", [silence, says(A_LINE)], Found(("192.0.2.1",), 60)),
    ("the second answers where the first refuses", [says(code="REFUSED"), says(A_LINE)], Found(("192.0.2.1",), 60)),
    ("the second answers where the first fails", [says(code="SERVFAIL"), says(A_LINE)], Found(("192.0.2.1",), 60)),
    ("the first's 'there is none' counts", [says(code="NXDOMAIN", authority=(SOA,)), says(A_LINE)], Missing(False, 30)),
    ("one that says why comes before one that is silent", [silence, says(code="REFUSED")], Cause.REFUSED),
]


@pytest.mark.parametrize("because,replies,expected", SEVERAL, ids=[row[0] for row in SEVERAL])
async def test_several_servers(because: str, replies: list[Reply], expected: Answer | Cause) -> None:
    async with serving(replies[0]) as one, serving(replies[1]) as two:
        answer = await resolver(one, two, try_seconds=0.5).answer(A)
    assert (answer.cause if isinstance(answer, Failed) else answer) == expected


async def test_a_dead_server_costs_its_time_once() -> None:
    async with serving(silence) as dead, serving(says(A_LINE)) as alive:
        live = resolver(dead, alive, try_seconds=0.5)
        await live.answer(A)
        await live.answer(Question("b.example", "A"))
    assert dead.asked == {"a.example udp": 1}
    assert alive.asked == {"a.example udp": 1, "b.example udp": 1}


async def test_nobody_listens() -> None:
    async with serving(silence) as server:
        gone = server
    answer = await resolver(gone).answer(A)
    assert isinstance(answer, Failed)
    assert answer.cause is Cause.TIMEOUT
    assert "cannot be reached" in answer.detail


async def test_a_lost_datagram_is_sent_again() -> None:
    def second_time(query: dns.message.Message, udp: bool) -> list[bytes] | None:
        return says(A_LINE)(query, udp) if server.asked["a.example udp"] > 1 else None

    async with serving(second_time) as server:
        assert isinstance(await resolver(server, try_seconds=0.5).answer(A), Found)


async def test_a_tcp_server_that_hangs_does_not_hold_us() -> None:
    def hangs(query: dns.message.Message, udp: bool) -> list[bytes] | None:
        return says(flags=dns.flags.TC)(query, udp) if udp else None

    async with serving(hangs) as server:
        answer = await resolver(server, lookup_seconds=0.3).answer(A)
    assert isinstance(answer, Failed)
    assert answer.cause is Cause.TIMEOUT


async def test_the_time_for_a_lookup_holds_whatever_the_servers_do() -> None:
    async with serving(silence) as server:
        live = resolver(server, try_seconds=30, lookup_seconds=0.1)
        answer = await asyncio.wait_for(live.answer(A), 10)
    assert answer == Failed(Cause.TIMEOUT, "no answer within 0.1 seconds")


async def test_the_time_for_a_run_holds_and_the_lookup_goes_on() -> None:
    gate = asyncio.Event()
    async with serving(says(A_LINE), gate) as server:
        live = resolver(server, try_seconds=30, lookup_seconds=30)
        assert await live.run(ask(A), seconds=0.1) == Failed(Cause.TIMEOUT, "the time for this check is up")
        gate.set()
        assert await live.run(ask(A)) == Found(("192.0.2.1",), 60)
    assert server.asked == {"a.example udp": 1}


def three_rounds() -> Asking[tuple[Answer, ...]]:
    (one,) = yield (A,)
    two = yield (A, Question("b.example", "A"))
    (three,) = yield (A,)
    return (one, *two, three)


async def test_run_asks_each_question_once_while_it_lives() -> None:
    async with serving(says(A_LINE)) as server:
        live = resolver(server)
        answers = await live.run(together(three_rounds(), three_rounds()))
    assert server.asked == {"a.example udp": 1, "b.example udp": 1}
    assert [answer[0] for answer in answers] == [Found(("192.0.2.1",), 60)] * 2
    assert (live.misses, live.hits, live.failures) == (2, 2, 0)


async def test_a_run_from_the_cache_never_waits() -> None:
    async with serving(says(A_LINE, "b.example. 60 IN A 192.0.2.2")) as server:
        live = resolver(server)
        await live.run(three_rounds())
        with pytest.raises(StopIteration) as ended:
            live.run(three_rounds()).send(None)
    assert len(ended.value.value) == 4


class TestCache:
    async def test_answers_age_and_expire(self) -> None:
        clock = Clock()
        async with serving(says(A_LINE)) as server:
            live = resolver(server, clock=clock)
            await live.answer(A)
            clock.now += 59.5
            assert await live.answer(A) == Found(("192.0.2.1",), 0)
            clock.now += 0.6
            assert await live.answer(A) == Found(("192.0.2.1",), 60)
        assert server.asked["a.example udp"] == 2

    async def test_what_is_missing_is_kept_for_as_long_as_the_soa_says(self) -> None:
        clock = Clock()
        async with serving(says(code="NXDOMAIN", authority=(SOA,))) as server:
            live = resolver(server, clock=clock)
            for moved, asked in ((0, 1), (29, 1), (2, 2)):
                clock.now += moved
                await live.answer(A)
                assert server.asked["a.example udp"] == asked

    async def test_failures_are_kept_for_seconds(self) -> None:
        clock = Clock()
        async with serving(says(code="REFUSED")) as server:
            live = resolver(server, clock=clock)
            for moved, asked in ((0, 1), (4, 1), (2, 2)):
                clock.now += moved
                await live.answer(A)
                assert server.asked["a.example udp"] == asked
        assert live.failures == 2

    async def test_ttl_has_bounds(self) -> None:
        async with serving(says("a.example. 999999 IN A 192.0.2.1")) as server:
            assert await resolver(server, max_ttl=300).answer(A) == Found(("192.0.2.1",), 300)
        async with serving(says("a.example. 0 IN A 192.0.2.1")) as server:
            assert await resolver(server, min_ttl=5).answer(A) == Found(("192.0.2.1",), 5)

    async def test_the_least_used_go_first(self) -> None:
        async with serving(says("a.example. 60 IN A 192.0.2.1")) as server:
            live = resolver(server, cache_size=3)
            for name in ("one", "two", "three", "one", "four", "one", "two"):
                await live.answer(Question(name, "A"))
        assert server.asked == {"one udp": 1, "two udp": 2, "three udp": 1, "four udp": 1}

    async def test_forget_reads_anew(self) -> None:
        async with serving(says(A_LINE)) as server:
            live = resolver(server)
            await live.answer(A)
            live.forget("A.example.")
            await live.answer(A)
        assert server.asked["a.example udp"] == 2


class TestSingleFlight:
    async def test_many_who_ask_alike_send_one_query(self) -> None:
        gate = asyncio.Event()
        async with serving(says(A_LINE), gate) as server:
            live = resolver(server, try_seconds=30, lookup_seconds=30)
            asked = [asyncio.ensure_future(live.answer(A)) for _ in range(50)]
            await server.heard.wait()
            gate.set()
            assert set(await asyncio.gather(*asked)) == {Found(("192.0.2.1",), 60)}
        assert server.asked["a.example udp"] == 1
        assert live.shared == 49

    async def test_one_who_gives_up_does_not_take_it_from_the_others(self) -> None:
        gate = asyncio.Event()
        async with serving(says(A_LINE), gate) as server:
            live = resolver(server, try_seconds=30, lookup_seconds=30)
            first, second = asyncio.ensure_future(live.answer(A)), asyncio.ensure_future(live.answer(A))
            await server.heard.wait()
            first.cancel()
            gate.set()
            assert await second == Found(("192.0.2.1",), 60)
        assert first.cancelled()
        assert server.asked["a.example udp"] == 1

    async def test_close_tells_those_who_wait(self) -> None:
        async with serving(silence) as server:
            live = resolver(server, try_seconds=30, lookup_seconds=30)
            waiting = asyncio.ensure_future(live.answer(A))
            await server.heard.wait()
            await live.close()
            assert await waiting == Failed(Cause.TIMEOUT, "the resolver was closed")

    async def test_queries_in_flight_are_bounded(self) -> None:
        gate = asyncio.Event()
        async with serving(says(A_LINE), gate) as server:
            live = resolver(server, try_seconds=30, lookup_seconds=30, concurrent=2)
            names = [Question(f"{n}.example", "A") for n in range(6)]
            waiting = asyncio.ensure_future(live.answers(tuple(names)))
            await server.heard.wait()
            await asyncio.sleep(0.2)  # for those that must not come
            assert sum(server.asked.values()) == 2
            gate.set()
            assert not any(isinstance(answer, Failed) for answer in await waiting)
        assert sum(server.asked.values()) == 6


async def test_a_name_that_cannot_be_is_not_asked() -> None:
    async with serving(says(A_LINE)) as server:
        for name in ("a..example", "a" * 64 + ".example", "a." * 200, "\ud800.example"):
            assert await resolver(server).answer(Question(name, "A")) == Missing(False)
    assert not server.asked


async def test_names_go_out_as_they_are() -> None:
    async with serving(says()) as server:
        await resolver(server).answer(Question('a b\\"ü.example', "TXT"))
        await resolver(server).answer(Question(".", "NS"))
    assert set(server.asked) == {'a\\032b\\\\\\"\\195\\188.example udp', ". udp"}


async def test_an_asking_that_raises_is_closed_and_its_exception_goes_on() -> None:
    def faulty() -> Asking[None]:
        yield (A,)
        raise LookupError

    async with serving(says(A_LINE)) as server:
        with pytest.raises(LookupError):
            await resolver(server).run(faulty())


def test_the_system_has_servers_or_says_that_it_has_none() -> None:
    try:
        servers = system_servers()
    except Unavailable:
        servers = ()
    assert all(port == 53 for _, port in servers)


def names(path: Path, text: str, *, moved: bool = False) -> None:
    """Write a resolv.conf, in place or by moving a new one there; no two have the same time."""
    stamp = path.stat().st_mtime_ns + 1_000_000_000 if path.exists() else 1_800_000_000 * 10**9
    target = path.with_suffix(".new") if moved else path
    target.write_text(text)
    os.utime(target, ns=(stamp, stamp))
    if moved:
        target.replace(path)


FILES = [
    ("nameserver 192.0.2.1\n", False, ["192.0.2.1"], "as it was"),
    ("nameserver 192.0.2.2\nnameserver 2001:db8::53\n", False, ["192.0.2.2", "2001:db8::53"], "other servers"),
    ("", False, ["192.0.2.2", "2001:db8::53"], "it is being written: those of before"),
    ("# DHCP\nnameserver nonsense\n", False, ["192.0.2.2", "2001:db8::53"], "it cannot be read: those of before"),
    ("nameserver 192.0.2.3\n", True, ["192.0.2.3"], "moved into place"),
    (None, False, ["192.0.2.3"], "the file is gone: those of before"),
    ("nameserver 192.0.2.4\n", False, ["192.0.2.4"], "and is there again"),
]


def test_the_file_of_the_system_is_followed(tmp_path: Path) -> None:
    path, clock = tmp_path / "resolv.conf", Clock()
    names(path, "nameserver 192.0.2.1\n")
    system, before = SystemServers(path, clock), ["192.0.2.1"]
    for text, moved, expected, because in FILES:
        if text is None:
            path.unlink()
        else:
            names(path, text, moved=moved)
        assert not system.changed(), "it is looked at every few seconds only"
        clock.now += LOOK_SECONDS
        assert system.changed() is (expected != before), because
        assert [host for host, _ in system.servers] == expected, because
        before = expected


async def test_a_resolver_asks_the_servers_of_now(tmp_path: Path) -> None:
    path, clock = tmp_path / "resolv.conf", Clock()
    names(path, "nameserver 127.83.0.1\n")
    resolver, asked = Resolver(clock=clock, system=path, try_seconds=0.2, lookup_seconds=0.5), []
    for address, name in (("127.83.0.1", "a.example"), ("127.83.0.2", "b.example"), ("127.83.0.2", "c.example")):
        names(path, f"nameserver {address}\n")
        clock.now += LOOK_SECONDS
        answer = await resolver.answer(Question(name, "A"))
        assert isinstance(answer, Failed)
        asked.append(answer.detail.partition(":")[0])
    assert asked == ["127.83.0.1", "127.83.0.2", "127.83.0.2"]


def test_the_clock_may_be_the_system_s() -> None:
    assert Resolver(clock=time.monotonic, servers=[("192.0.2.53", 53)]).hits == 0
