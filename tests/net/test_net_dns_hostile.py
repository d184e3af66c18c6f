"""The live resolver against servers that mean ill: they flood, drip, lie and never end; every row has its answer in time."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

import dns.flags
import dns.message
import dns.rrset
import pytest

from mailwright.dns import Answer, Asking, Cause, Failed, Found, Question, ask
from mailwright.net.dns import Resolver

A = Question("a.example", "A")
Send = Callable[[bytes], None]
Udp = Callable[[bytes, Send], Awaitable[None]]  # a query's octets, and how to send a datagram back
Tcp = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]  # the same over a stream, length octets not yet in front


def said(query: bytes, *, flags: int = dns.flags.RA, line: str = "a.example. 60 IN A 192.0.2.1") -> bytes:
    response = dns.message.make_response(dns.message.from_wire(query))
    response.flags |= flags
    response.answer = [dns.rrset.from_text(*line.split(None, 4))]  # type: ignore[arg-type]
    return response.to_wire()


def framed(wire: bytes) -> bytes:
    return len(wire).to_bytes(2) + wire


async def cut(query: bytes, send: Send) -> None:
    """Sends them to TCP."""
    send(said(query, flags=dns.flags.TC))


async def flood(query: bytes, send: Send) -> None:
    """Forged answers without end, each with another id."""
    wire = said(query)
    for number in range(1 << 20):
        send(((int.from_bytes(wire[:2]) + 1 + number % 65535) & 0xFFFF).to_bytes(2) + wire[2:])
        if number % 16 == 0:
            await asyncio.sleep(0)


async def other_name(query: bytes, send: Send) -> None:
    """The right id, another question: an answer to something that nobody asked."""
    other = dns.message.make_query("b.example", "A", id=int.from_bytes(query[:2])).to_wire()
    send(said(other, line="a.example. 60 IN A 192.0.2.66"))


async def other_records(query: bytes, send: Send) -> None:
    """The right question, records of another name: cache poisoning by what rides along."""
    send(said(query, line="bank.example. 60 IN A 192.0.2.66"))


async def drip(query: bytes, writer: asyncio.StreamWriter) -> None:
    """One octet at a time, so that no single read ever times out."""
    for octet in framed(said(query)):
        writer.write(bytes([octet]))
        await asyncio.sleep(0.05)


async def endless(query: bytes, writer: asyncio.StreamWriter) -> None:
    """The largest length, then noise for ever."""
    writer.write(b"\xff\xff")
    while True:
        writer.write(b"\x00" * 4096)
        await writer.drain()


async def half(query: bytes, writer: asyncio.StreamWriter) -> None:
    """Closes in the middle."""
    writer.write(framed(said(query))[:20])


async def wrong_id(query: bytes, writer: asyncio.StreamWriter) -> None:
    wire = said(query)
    writer.write(framed(bytes([wire[0] ^ 255]) + wire[1:]))


async def cut_again(query: bytes, writer: asyncio.StreamWriter) -> None:
    """TC over TCP makes no sense; what is there is taken or refused, but not asked for ever."""
    writer.write(framed(said(query, flags=dns.flags.TC)))


async def trailing(query: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(framed(said(query)) + b"\xff" * 100)


async def honest(query: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(framed(said(query)))


FOUND = Found(("192.0.2.1",), 60)
ROWS: list[tuple[str, Udp, Tcp, Answer | Cause]] = [
    ("a flood of forgeries", flood, honest, Cause.TIMEOUT),
    ("the right id, another question", other_name, honest, Cause.TIMEOUT),
    ("a cut answer, whole by TCP", cut, honest, FOUND),
    ("TCP drips", cut, drip, Cause.TIMEOUT),
    ("TCP never ends", cut, endless, Cause.SERVFAIL),
    ("TCP ends in the middle", cut, half, Cause.SERVFAIL),
    ("TCP with a wrong id", cut, wrong_id, Cause.SERVFAIL),
    ("TCP with octets after the answer", cut, trailing, FOUND),
    ("cut by TCP too", cut, cut_again, FOUND),
]


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, script: Udp) -> None:
        self.script = script
        self.tasks: set[asyncio.Task[None]] = set()
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        task = asyncio.ensure_future(self.script(data, lambda wire: self.transport.sendto(wire, addr)))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


@asynccontextmanager
async def serving(udp: Udp, tcp: Tcp) -> AsyncIterator[tuple[str, int]]:
    tasks: set[asyncio.Task[None]] = set()

    async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())  # type: ignore[arg-type]
        try:
            await tcp(await reader.readexactly(int.from_bytes(await reader.readexactly(2))), writer)
            await writer.drain()
        except (asyncio.CancelledError, OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(stream, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()[:2]
    transport, datagrams = await asyncio.get_running_loop().create_datagram_endpoint(lambda: Datagrams(udp), local_addr=address)
    try:
        yield address
    finally:
        waiting = [*datagrams.tasks, *tasks]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        transport.close()
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("because,udp,tcp,expected", ROWS, ids=[row[0] for row in ROWS])
async def test_a_hostile_server(because: str, udp: Udp, tcp: Tcp, expected: Answer | Cause) -> None:
    seconds = 0.4 if expected is Cause.TIMEOUT else 10
    async with serving(udp, tcp) as server:
        live = Resolver(clock=time.monotonic, servers=[server], try_seconds=seconds, lookup_seconds=seconds)
        answer = await asyncio.wait_for(live.answer(A), 20)
    assert (answer.cause if isinstance(answer, Failed) else answer) == expected


async def test_records_of_another_name_are_not_ours() -> None:
    async with serving(other_records, honest) as server:
        live = Resolver(clock=time.monotonic, servers=[server])
        answer = await live.answer(A)
        poisoned = live._cache.answer(Question("bank.example", "A"))
    assert not isinstance(answer, Found)
    assert poisoned is None


def greedy(rounds: int, width: int) -> Asking[list[Answer]]:
    seen: list[Answer] = []
    for number in range(rounds):
        seen += yield tuple(Question(f"n{number}-{one}.example", "A") for one in range(width))
    return seen


class Counting:
    """Answers every question, and counts."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self, query: bytes, send: Send) -> None:
        self.asked += 1
        name = dns.message.from_wire(query).question[0].name
        send(said(query, line=f"{name} 60 IN A 192.0.2.1"))


async def test_a_run_has_a_budget_of_questions() -> None:
    counting = Counting()
    async with serving(counting, honest) as server:
        live = Resolver(clock=lambda: 0.0, servers=[server], run_questions=10)
        answers = await live.run(greedy(4, 4))
        again = await live.run(greedy(4, 4))
        fresh = await live.run(ask(Question("n3-3.example", "A")))
        wide = await live.run(greedy(4, 4), most=16)
    assert [type(answer) for answer in answers] == [Found] * 10 + [Failed] * 6
    assert answers[-1] == Failed(Cause.TIMEOUT, "the questions for this check are used up")
    assert again == answers, "a verdict does not hang on what is cached"
    assert isinstance(fresh, Found), "the next run has its own budget"
    assert [type(answer) for answer in wide] == [Found] * 16
    assert counting.asked == 16
