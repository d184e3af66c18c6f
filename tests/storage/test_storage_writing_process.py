"""Groups on SQLite are written by a process of their own; it may end at any moment, and nothing is lost or kept twice."""

import asyncio
import marshal
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from mailwright.queue import Accepted, State
from mailwright.storage import Storage, open_storage
from mailwright.storage.group import Accepting, script
from mailwright.storage.rows import delivery_row, message_row
from mailwright.storage.writer_process import ANY, FAILED, KEPT, TOUCHED_OTHERS, Pen
from mailwright.values import Conflict
from tests.storage.mails import Mails, claim, states, worker

ROOT = Path(__file__).parents[2]
SOON = 0.2  # seconds: what did not come by then waits for somebody


@pytest_asyncio.fixture
async def serving(tmp_path: Path) -> AsyncIterator[Storage]:
    storage = open_storage(f"sqlite:///{tmp_path}/mail.db")
    await storage.start()
    yield storage
    await storage.close()


def hand(storage: Storage) -> int:
    """The process that writes."""
    found = storage._door._writer._hand
    assert found is not None
    assert found.pid is not None
    return found.pid


async def kept(storage: Storage) -> list[int]:
    return sorted(message.id for message, _ in await storage.store.messages(account=None, limit=1000))


async def test_a_group_waits_for_the_process(serving: Storage, mails: Mails) -> None:
    os.kill(hand(serving), signal.SIGSTOP)
    waiting = asyncio.ensure_future(mails.accept(serving))
    await asyncio.sleep(SOON)
    assert not waiting.done()
    os.kill(hand(serving), signal.SIGCONT)
    message, _ = await waiting
    assert await kept(serving) == [message.id]


async def test_it_is_started_again(serving: Storage, mails: Mails) -> None:
    first = hand(serving)
    os.kill(first, signal.SIGKILL)
    accepted = [await mails.accept(serving) for _ in range(3)]
    assert hand(serving) != first
    assert await kept(serving) == sorted(message.id for message, _ in accepted)
    assert serving.faults == 0


async def test_it_dies_with_a_group_that_it_has_not_written(serving: Storage, mails: Mails) -> None:
    os.kill(hand(serving), signal.SIGSTOP)
    waiting = [asyncio.ensure_future(mails.accept(serving)) for _ in range(5)]
    await asyncio.sleep(SOON)
    os.kill(hand(serving), signal.SIGKILL)
    accepted = await asyncio.gather(*waiting)
    assert await kept(serving) == sorted(message.id for message, _ in accepted)


async def test_it_dies_with_a_group_that_it_has_written(serving: Storage, mails: Mails, tmp_path: Path) -> None:
    """Its answer never came: another connection writes the same rows, as it would have done."""
    me = await worker(serving)
    new = mails.message()
    deliveries = [delivery_row(mails.delivery(new, to), new, None) for to in ("a@remote.example", "b@remote.example")]
    unit = Accepting(new, message_row(new), [(new.id, 0, b"x" * new.size)], deliveries, [])
    steps = script([unit])
    assert steps is not None
    os.kill(hand(serving), signal.SIGSTOP)
    waiting = asyncio.ensure_future(serving._door.group(unit))
    await asyncio.sleep(SOON)
    assert Pen(f"{tmp_path}/mail.db", 1.0, ()).write(steps) == (KEPT,)
    os.kill(hand(serving), signal.SIGKILL)
    await waiting
    assert unit.result is None or unit.result == Accepted(new.id)
    assert await kept(serving) == [new.id]
    jobs = await claim(serving, me)
    assert len(jobs) == 2
    assert await serving.queue.begin([job.delivery for job in jobs], worker=me) == frozenset()
    assert await states(serving, new.id) == [State.SENDING] * 2


class Odd(str):
    """Text that SQLite takes and that cannot be handed over."""


async def test_what_cannot_be_handed_over_is_written_here_and_the_line_goes_on(serving: Storage, mails: Mails) -> None:
    new = mails.message()
    unit = Accepting(new, (*message_row(new)[:-1], Odd("x")), [(new.id, 0, b"x" * new.size)], [], [])
    with pytest.raises(ValueError, match="unmarshallable"):
        marshal.dumps(unit.row)
    async with asyncio.timeout(10):
        outcomes = await asyncio.gather(serving._door.group(unit), mails.accept(serving), return_exceptions=True)
        message, _ = await mails.accept(serving)
    assert message.id in await kept(serving)
    assert not any(isinstance(one, BaseException) for one in outcomes[1:])


@pytest.fixture
def table(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / "few.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE one (id INTEGER PRIMARY KEY, word TEXT)")
    yield connection
    connection.close()


def test_all_or_nothing(table: sqlite3.Connection, tmp_path: Path) -> None:
    pen, insert = Pen(str(tmp_path / "few.db"), 0.1, ()), "INSERT INTO one (id, word) VALUES (?, ?)"
    assert pen.write([(insert, [(1, "a"), (2, "b")], 2, "")]) == (KEPT,)
    change = "UPDATE one SET word = given.word FROM (SELECT ? AS id, ? AS word) AS given WHERE one.id = given.id"
    assert pen.write([(insert, [(3, "c")], 1, ""), (change, [(1, "x"), (9, "x")], 2, "")]) == (TOUCHED_OTHERS,)
    kind, constraint, _, words = pen.write([(insert, [(4, "d"), (1, "again")], 2, "")])
    assert (kind, constraint) == (FAILED, True)
    assert "UNIQUE" in words
    assert table.execute("SELECT id, word FROM one ORDER BY id").fetchall() == [(1, "a"), (2, "b")]
    table.execute("BEGIN IMMEDIATE")
    kind, constraint, code, _ = pen.write([(insert, [(5, "e")], 1, "")])
    assert (kind, constraint, code) == (FAILED, False, sqlite3.SQLITE_BUSY)
    table.execute("ROLLBACK")
    assert pen.write([(insert, [(5, "e")], 1, "")]) == (KEPT,), "it goes on"
    asked = "SELECT 1 FROM one WHERE word = 'e'"
    assert pen.write(
        [(change, [(1, "never")], ANY, asked.replace("'e'", "'z'")), (change, [(2, "x"), (9, "x")], ANY, asked)]
    ) == (KEPT,)
    assert table.execute("SELECT id, word FROM one ORDER BY id").fetchall() == [(1, "a"), (2, "x"), (5, "e")]
    pen.forget()


SERVES = """
import asyncio, sys
from mailwright.storage import open_storage

async def main():
    storage = open_storage(sys.argv[1])
    await storage.start()
    print(storage._door._writer._hand.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_nobody_serves_before_it_has_ended(tmp_path: Path) -> None:
    """The process that asked is killed while its last group is being written."""
    url = f"sqlite:///{tmp_path}/mail.db"
    with subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", SERVES, url], env={"PYTHONPATH": f"{ROOT}/src"}, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        writing = int(await asyncio.to_thread(first.stdout.readline))
        second = open_storage(url)
        with pytest.raises(Conflict, match=f"process {first.pid}"):
            await second.start()
        os.kill(writing, signal.SIGSTOP)
        first.kill()
        await asyncio.to_thread(first.wait)
    asyncio.get_running_loop().call_later(SOON, os.kill, writing, signal.SIGCONT)
    third = open_storage(url)
    starting = asyncio.ensure_future(asyncio.to_thread(third._lock.take))  # type: ignore[union-attr]
    await asyncio.sleep(SOON / 2)
    assert not starting.done()
    await starting
    third._lock.free()  # type: ignore[union-attr]
