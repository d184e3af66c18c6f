"""Memory stays bounded: at rest, over many mails, with large mails at once, and with more clients than are let in."""

import asyncio
from pathlib import Path

import pytest

from tests.crash.conftest import Tell
from tests.crash.house import House
from tests.crash.sink import Sink
from tests.crash.source import DOMAIN, Source, reply

IDLE_MB, LARGE_MB, SLOPE_MB = 150, 400, 6
LARGE = 25_000_000  # octets of one mail
AT_ONCE = 20
ROOM = 10  # clients that are let in
PATIENCE = 120.0
SEVEN_BIT = b"Dear Mrs Miller, your invoice of October is ready; please find it in your account.\r\n" * 800
EIGHT_BIT = "Sehr geehrte Frau Müller, Ihre Rechnung über die Übung im Oktober ist fertig.\r\n".encode() * 800


async def test_at_rest(data: Path, tmp_path: Path, tell: Tell) -> None:
    async with House(tmp_path, data, sink=9) as house:
        await house.until_ready(ready=True)
        tell(f"memory at rest: {house.memory():.0f} MB, all processes together")
        assert house.memory() <= IDLE_MB


@pytest.mark.slow
async def test_flat_over_many_mails(data: Path, tmp_path: Path, tell: Tell) -> None:
    async with Sink() as sink, House(tmp_path, data, sink=sink.port) as house:
        source, seen = Source(), []
        for mails in (4_000, 12_000, 20_000):
            await source.pump(house.port, sessions=20, until=lambda mails=mails: len(source.accepted) >= mails)  # type: ignore[misc]
            await sink.until(lambda: all(sink.answered[mail] for mail in source.accepted), seconds=PATIENCE)
            seen.append(house.memory())
        tell(f"memory after 4,000, 12,000 and 20,000 mails: {', '.join(f'{one:.0f}' for one in seen)} MB")
        assert seen[-1] - seen[1] <= SLOPE_MB


@pytest.mark.slow
@pytest.mark.parametrize("lines", [pytest.param(SEVEN_BIT, id="7-bit"), pytest.param(EIGHT_BIT, id="8-bit, re-encoded")])
async def test_large_mails_at_once(lines: bytes, data: Path, tmp_path: Path, tell: Tell) -> None:
    async with Sink() as sink, House(tmp_path, data, sink=sink.port) as house:
        said = await asyncio.gather(*(hand_in(house.port, f"large{n}", lines) for n in range(AT_ONCE)))
        await sink.until(lambda: len(sink.answered) == AT_ONCE, seconds=PATIENCE)
        tell(f"{AT_ONCE} mails of 25 MB at once: at most {house.memory('VmHWM'):.0f} MB")
        assert [one[:3] for one in said] == ["250"] * AT_ONCE
        assert min(sink.octets.values()) >= LARGE
        assert house.memory("VmHWM") <= LARGE_MB


@pytest.mark.parametrize("clients", [1_000, pytest.param(10_000, marks=pytest.mark.slow)])
async def test_more_clients_than_are_let_in(clients: int, data: Path, tmp_path: Path, tell: Tell) -> None:
    """The rest is sent away with 421, whoever is in goes on, and the place of one that leaves is free."""
    more = f"limits.connections = {ROOM}\nlimits.connections_per_address = {ROOM}"
    async with Sink() as sink, House(tmp_path, data, sink=sink.port, more=more) as house:
        first = Source()  # one mail all the way: its signer, a process of its own, has loaded what it needs
        await first.pump(house.port, sessions=1, until=lambda: len(first.accepted) >= 1)
        await sink.until(lambda: len(sink.seen) >= len(first.accepted), seconds=60)
        inside = [await asyncio.open_connection("127.0.0.1", house.port) for _ in range(ROOM)]
        assert [(await reply(reader))[:3] for reader, _ in inside] == ["220"] * ROOM
        before = house.memory()
        outside = await crowd(house.port, clients)
        tell(f"{clients:,} clients too many: {house.memory() - before:.1f} MB more")
        assert {said[:3] for said in outside} == {"421"}
        for _, writer in inside:
            writer.close()
        source = Source()
        await source.pump(house.port, sessions=1, until=lambda: len(source.accepted) >= 1)
        assert house.memory() - before < SLOPE_MB


async def crowd(port: int, number: int) -> list[str]:
    """What each of many clients hears first; a hundred connect at once."""
    gate = asyncio.Semaphore(100)

    async def one() -> str:
        async with gate:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                return await reply(reader)
            finally:
                writer.close()

    return await asyncio.gather(*(one() for _ in range(number)))


async def hand_in(port: int, mail: str, lines: bytes) -> str:
    """Hand in one large mail, `lines` again and again."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reply(reader)
    writer.write(f"EHLO app.example\r\nMAIL FROM:<app@{DOMAIN}>\r\nRCPT TO:<{mail}@dest.example>\r\nDATA\r\n".encode())
    for _ in range(4):
        assert (said := await reply(reader))[0] in "23", said
    writer.write(f"From: billing@{DOMAIN}\r\nSubject: {mail}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n".encode())
    for _ in range(LARGE // len(lines) + 1):
        writer.write(lines)
        await writer.drain()
    writer.write(b".\r\n")
    said = await reply(reader)
    writer.close()
    return said
