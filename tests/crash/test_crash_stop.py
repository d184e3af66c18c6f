"""SIGTERM while mail flows: nothing is lost or doubled, and the process ends in time, whoever does not answer."""

import asyncio
import errno
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from signal import SIGTERM

import pytest

from tests.crash import disk
from tests.crash.conftest import Tell
from tests.crash.house import House
from tests.crash.killing import Books, mark, settled
from tests.crash.sink import Sink
from tests.crash.source import Source

GRACE = 2.0  # seconds
SETTINGS = f'timeouts.shutdown = "{GRACE:g} s"'
SLACK = 3.0  # to end threads and the interpreter on a busy machine
PATIENCE = 30.0


@pytest.mark.slow
async def test_stopped_in_the_middle_and_started_again(data: Path, tmp_path: Path, tell: Tell) -> None:
    query = asking(data)
    async with Sink(answer_after=0.005) as sink, House(tmp_path, data, sink=sink.port, more=SETTINGS) as house:
        books = Books(Source(), sink)
        most, codes = 0, []
        for _ in range(2):
            most += 200
            stop_at(house, books, most // 2)
            await books.source.pump(house.port, sessions=10, until=lambda: not house.alive)
            codes.append(await house.ended())
            await house.start()
        await books.sink.until(lambda: not books.missing, seconds=PATIENCE)
        await settled(query)
        await mark(books, f"sqlite:///{data}/mailwright.db", query)
        tell(f"stopped twice: {books}")
        assert codes == [0, 0]
        assert books.missing == []
        assert books.doubles == {}
        assert books.source.unheard == set(), "a mail that had begun got its answer"


@pytest.mark.slow
async def test_a_receiver_that_does_not_answer_holds_nobody_up(data: Path, tmp_path: Path) -> None:
    query = asking(data)
    async with Sink() as sink, House(tmp_path, data, sink=sink.port, more=SETTINGS) as house:
        books = Books(Source(), sink)
        sink.silent = True
        await books.source.pump(house.port, sessions=1, until=lambda: len(books.source.accepted) >= 1)
        await sink.until(lambda: bool(sink.seen), seconds=PATIENCE)
        await stops_in_time(house)
        sink.silent = False
        await house.start()
        await sink.until(lambda: not books.missing, seconds=PATIENCE)
        await settled(query)
        await mark(books, f"sqlite:///{data}/mailwright.db", query)
        assert set(books.doubles) == books.marked == set(books.source.accepted), "it may have arrived: that is told"


@pytest.mark.slow
async def test_a_store_that_does_not_answer_holds_nobody_up(data: Path, tmp_path: Path) -> None:
    query = asking(data)
    drive = disk.Disk(disk.build(tmp_path), data, tmp_path)
    async with Sink(answer_after=0.2) as sink, House(tmp_path, data, sink=sink.port, more=SETTINGS, env=drive.env) as house:
        books = Books(Source(), sink)
        await books.source.pump(house.port, sessions=5, until=lambda: len(books.source.accepted) >= 5)
        await sink.until(lambda: bool(sink.seen), seconds=PATIENCE)
        drive.fail(errno.ENOSPC)
        await stops_in_time(house)
        drive.mend()
        await house.start()
        await sink.until(lambda: not books.missing, seconds=PATIENCE)
        await settled(query)
        await mark(books, f"sqlite:///{data}/mailwright.db", query)
        assert set(books.doubles) == books.marked


async def test_a_second_process_is_refused_with_words(data: Path, tmp_path: Path) -> None:
    async with House(tmp_path / "a", data, sink=9) as house:
        second = House(tmp_path / "b", data, sink=9)
        await second.launch()
        assert await second.ended() != 0
        assert f"Another Mailwright process (process {house.pid}) serves this database already." in second.last_words()
        assert "several processes need PostgreSQL" in second.last_words()


def stop_at(house: House, books: Books, mails: int) -> None:
    """SIGTERM at a final dot, while more mail comes in."""

    def stop(_: str) -> None:
        if len(books.sink.seen) >= mails:
            books.sink.on_dot = lambda _: None
            house.send(SIGTERM)

    books.sink.on_dot = stop


async def stops_in_time(house: House) -> None:
    """Once the grace for mail under way, once for the store."""
    async with asyncio.timeout(2 * GRACE + SLACK):
        assert await house.stop() == 0


def asking(data: Path) -> Callable[[str], list[tuple[object, ...]]]:
    def query(sql: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(data / "mailwright.db", timeout=30)) as connection:
            return connection.execute(sql).fetchall()

    return query
