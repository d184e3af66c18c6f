"""A process that hangs for longer than its lease, and wakes: what others took over meanwhile it does not send again."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import Any

import psycopg
import pytest

from tests.crash.conftest import Cluster, Tell
from tests.crash.house import House
from tests.crash.killing import BEGUN, Books, mark, settled
from tests.crash.sink import Sink
from tests.crash.source import Source

MAILS, MORE = 150, 50
PATIENCE = 60.0  # seconds
# Who is in the middle of storing outcomes, and whether rows are locked for it.
STORING = """SELECT pid, state_change FROM pg_stat_activity WHERE datname = current_database()
AND state = 'active' AND wait_event = 'ClientRead' AND query LIKE 'COPY event%'
AND (SELECT count(*) FROM delivery WHERE state IN (3, 4))
> (SELECT count(*) FROM (SELECT 1 FROM delivery WHERE state IN (3, 4) FOR UPDATE SKIP LOCKED) AS free)"""


@pytest.mark.slow
@pytest.mark.parametrize("storing", [False, True], ids=["at a final dot", "while it stores outcomes"])
async def test_a_process_that_hangs_and_wakes(storing: bool, cluster: Cluster, tmp_path: Path, tell: Tell) -> None:
    with psycopg.connect(cluster.url, autocommit=True) as connection:

        def query(sql: str) -> list[tuple[object, ...]]:
            return connection.execute(sql.encode()).fetchall()

        async with Sink(answer_after=0.05) as sink:
            options: Any = {"sink": sink.port, "database": cluster.url, "connections": 10}
            async with House(tmp_path / "a", cluster.data, **options) as one, House(tmp_path / "b", cluster.data, **options):
                books = Books(Source(), sink)
                await hang(one, books, (lambda: query(STORING)) if storing else lambda: ["anywhere"])
                begun = {str(row[0]).partition("@")[0] for row in query(BEGUN)}
                await settled(query)  # by the other one
                assert books.missing == []
                seen = dict(sink.seen)
                one.send(SIGCONT)
                await pump(one, books, MORE)
                await settled(query)
                await mark(books, cluster.url, query)
                again = [mail for mail, times in seen.items() if sink.seen[mail] > times]
                tell(f"hung with {len(begun)} begun mails: {len(again)} of them sent after waking; {books}")
                assert again == []
                assert set(books.doubles) <= begun
                assert set(books.doubles) == books.marked
                assert one.starts == 1
                await one.until_ready(ready=True)


async def hang(house: House, books: Books, there: Callable[[], Sequence[object]]) -> None:
    """Stop the process at a final dot while it has more in hand; let it go on and stop it again until it stands `there`."""
    stopped = asyncio.Event()

    def stop(_: str) -> None:
        if len(books.sink.seen) >= MAILS and not stopped.is_set():
            house.send(SIGSTOP)
            stopped.set()

    books.sink.on_dot = stop
    pumping = asyncio.create_task(books.source.pump(house.port, sessions=20, until=lambda: False))
    async with asyncio.timeout(PATIENCE):
        while True:
            await stopped.wait()
            if await stands(there):
                break
            house.send(SIGCONT)
            stopped.clear()
    pumping.cancel()
    await asyncio.gather(pumping, return_exceptions=True)


async def stands(there: Callable[[], Sequence[object]]) -> bool:
    """Whether it was found in the same place twice: others only pass by."""
    await asyncio.sleep(0.05)
    once = set(there())
    await asyncio.sleep(0.05)
    return bool(once & set(there()))


async def pump(house: House, books: Books, more: int) -> None:
    """Hand in some more mail and see it arrive."""
    most = len(books.source.accepted) + more
    await books.source.pump(house.port, sessions=5, until=lambda: len(books.source.accepted) >= most)
    await books.sink.until(lambda: not books.missing, seconds=PATIENCE)
