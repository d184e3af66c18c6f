"""A process that hangs for longer than its lease, and wakes: what others took over meanwhile it does not send again."""

import asyncio
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


@pytest.mark.slow
async def test_a_process_that_hangs_and_wakes(cluster: Cluster, tmp_path: Path, tell: Tell) -> None:
    with psycopg.connect(cluster.url, autocommit=True) as connection:

        def query(sql: str) -> list[tuple[object, ...]]:
            return connection.execute(sql.encode()).fetchall()

        async with Sink(answer_after=0.05) as sink:
            options: Any = {"sink": sink.port, "database": cluster.url, "connections": 10}
            async with House(tmp_path / "a", cluster.data, **options) as one, House(tmp_path / "b", cluster.data, **options):
                books = Books(Source(), sink)
                await hang(one, books)
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


async def hang(house: House, books: Books) -> None:
    """Stop the process at a final dot, while it has more in hand."""

    def stop(_: str) -> None:
        if len(books.sink.seen) == MAILS:
            house.send(SIGSTOP)

    books.sink.on_dot = stop
    pumping = asyncio.create_task(books.source.pump(house.port, sessions=20, until=lambda: False))
    await books.sink.until(lambda: len(books.sink.seen) >= MAILS, seconds=PATIENCE)
    pumping.cancel()
    await asyncio.gather(pumping, return_exceptions=True)


async def pump(house: House, books: Books, more: int) -> None:
    """Hand in some more mail and see it arrive."""
    most = len(books.source.accepted) + more
    await books.source.pump(house.port, sessions=5, until=lambda: len(books.source.accepted) >= most)
    await books.sink.until(lambda: not books.missing, seconds=PATIENCE)
