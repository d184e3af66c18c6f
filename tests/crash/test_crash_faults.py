"""The store fails while mail flows: a 4xx with a reason, /readyz says it, and all goes on by itself when it is mended."""

import asyncio
import errno
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.crash import disk
from tests.crash.conftest import Cluster, Tell
from tests.crash.house import House
from tests.crash.killing import Query, settled
from tests.crash.sink import Sink
from tests.crash.source import Source

SESSIONS = 10
AWAY = 5.0  # seconds
BEFORE, REFUSED, AFTER = 100, 30, 100  # mails
PATIENCE = 40.0  # seconds; a locked database is waited for five of them, then all that stands in line is refused


@dataclass(frozen=True, slots=True)
class Outage:
    """A fault, how it ends, what /readyz says meanwhile, and what a client hears."""

    begin: Callable[[], Awaitable[None]]
    end: Callable[[], Awaitable[None]]
    told: str
    said: str = "451 4.3.0"


@pytest.mark.parametrize(
    ("number", "told", "said"),
    [
        pytest.param(errno.ENOSPC, "is full", "452 4.3.1", id="full"),
        pytest.param(errno.EROFS, "cannot be written", "451 4.3.0", id="read-only", marks=pytest.mark.slow),
        pytest.param(errno.EIO, "reports an error", "451 4.3.0", id="broken", marks=pytest.mark.slow),
    ],
)
async def test_a_disk_that_fails(number: int, told: str, said: str, data: Path, tmp_path: Path, tell: Tell) -> None:
    drive = disk.Disk(disk.build(tmp_path), data, tmp_path)

    async def begin() -> None:
        drive.fail(number)

    async def end() -> None:
        drive.mend()

    await on_sqlite(Outage(begin, end, told, said), data, tmp_path, tell, env=drive.env)


@pytest.mark.slow
async def test_another_program_holds_the_database(data: Path, tmp_path: Path, tell: Tell) -> None:
    with closing(sqlite3.connect(data / "mailwright.db", isolation_level=None, timeout=30, check_same_thread=False)) as other:

        async def begin() -> None:
            await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")

        async def end() -> None:
            other.execute("ROLLBACK")

        await on_sqlite(Outage(begin, end, "locked by another program"), data, tmp_path, tell)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_postgresql_goes_for_five_seconds(mode: str, cluster: Cluster, tmp_path: Path, tell: Tell) -> None:
    def query(sql: str) -> list[tuple[object, ...]]:
        with psycopg.connect(cluster.url, autocommit=True) as connection:
            return connection.execute(sql.encode()).fetchall()

    async def begin() -> None:
        await asyncio.to_thread(cluster.server.stop, mode)

    async def end() -> None:
        await asyncio.sleep(AWAY)
        await asyncio.to_thread(cluster.server.start)

    outage = Outage(begin, end, "")  # what is told depends on the moment
    async with Sink(answer_after=0.02) as sink:
        options: Any = {"sink": sink.port, "database": cluster.url}
        async with (
            House(tmp_path / "a", cluster.data, **options) as one,
            House(tmp_path / "b", cluster.data, **options) as two,
        ):
            source = Source()
            await live_through(outage, source, sink, [one, two], query, tell)


async def on_sqlite(outage: Outage, data: Path, folder: Path, tell: Tell, **options: Any) -> None:
    def query(sql: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(data / "mailwright.db", timeout=30)) as connection:
            return connection.execute(sql).fetchall()

    async with Sink(answer_after=0.02) as sink, House(folder, data, sink=sink.port, **options) as house:
        source = Source()
        await live_through(outage, source, sink, [house], query, tell)
        assert [mail for mail in source.refused if sink.seen[mail]] == [], "what was refused was not kept"


async def live_through(outage: Outage, source: Source, sink: Sink, houses: list[House], query: Query, tell: Tell) -> None:
    """Mail before, during and after; nothing of it is lost or comes twice."""
    ended = False
    async with asyncio.TaskGroup() as group:
        for house in houses:
            group.create_task(source.pump(house.port, sessions=SESSIONS // len(houses), until=lambda: ended))
        await source.until(lambda: len(source.accepted) >= BEFORE, seconds=PATIENCE)
        await outage.begin()
        await source.until(lambda: len(source.refused) >= REFUSED, seconds=PATIENCE)
        findings = await houses[0].until_ready(ready=False)
        await outage.end()
        again = len(source.accepted) + AFTER
        await source.until(lambda: len(source.accepted) >= again, seconds=PATIENCE)
        for house in houses:
            await house.until_ready(ready=True)
        ended = True
    await settled(query, seconds=PATIENCE)
    name, replies = outage.told or "PostgreSQL was away", set(source.refused.values())
    tell(f"{name}: accepted {len(source.accepted)}, refused {len(source.refused)} with {replies}")
    assert any(outage.told in finding["what"] for finding in findings), findings
    assert {said[: len(outage.said)] for said in replies} == {outage.said}, replies
    assert source.unheard == set()
    assert [mail for mail in source.accepted if not sink.answered[mail]] == []
    assert [mail for mail, times in sink.seen.items() if times > 1] == []
    assert all(house.starts == 1 for house in houses)
