"""A process that stops within a transaction on PostgreSQL: its session is ended, its rows are free again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from typing import Any

import psycopg
import pytest
import pytest_asyncio

from mailwright.queue import EventKind, EventRow, State
from mailwright.storage import Storage, open_storage
from mailwright.storage.engine import HUNG_SECONDS
from mailwright.storage.hung import LOOK_SECONDS, end_hung
from tests.storage.mails import Mails, claim, states, worker
from tests.storage.pg import Postgres

SHORT = 0.2  # seconds
COPY, SELECT = b"COPY event FROM STDIN", b"SELECT repeat('x', 1000000) FROM generate_series(1, 20)"


@pytest_asyncio.fixture
async def big(postgres: Postgres) -> AsyncIterator[tuple[Storage, str]]:
    url = postgres.fresh("migrated")
    storage = open_storage(url)
    await storage.start()
    yield storage, url
    await storage.close()


def stopped(url: str, statement: bytes, *, name: str = "mailwright", begun: bool = True) -> psycopg.Connection[Any]:
    """A session of a process that locked all deliveries, asked for one thing more, and stopped to listen."""
    connection = psycopg.connect(url, application_name=name, autocommit=not begun)
    if begun:
        connection.execute("UPDATE delivery SET site = site")
    if statement:
        connection.pgconn.send_query(statement)
        connection.pgconn.flush()
    return connection


@pytest.mark.parametrize(
    ("session", "ended", "because"),
    [
        (lambda url: stopped(url, COPY), True, "it has rows to send, and sends none"),
        (lambda url: stopped(url, SELECT), True, "it was sent more than it reads"),
        (lambda url: stopped(url, b""), True, "it has nothing to say, and does not commit"),
        (lambda url: stopped(url, b"SELECT pg_sleep(5)"), False, "it is the server that is at work"),
        (lambda url: stopped(url, b"", begun=False), False, "it is at rest, and holds nothing"),
        (lambda url: stopped(url, COPY, name="psql"), False, "it is none of ours"),
    ],
)
async def test_which_sessions_are_ended(
    session: Callable[[str], psycopg.Connection[Any]], ended: bool, because: str, big: tuple[Storage, str]
) -> None:
    storage, url = big
    with closing(session(url)):
        assert await storage._door.read(end_hung, SHORT) == 0, "not at once"
        await asyncio.sleep(SHORT + 0.1)
        assert await storage._door.read(end_hung, SHORT) == ended, because


async def test_what_it_had_locked_is_freed(big: tuple[Storage, str], mails: Mails) -> None:
    """It was about to store an outcome: from outside its row is still begun."""
    storage, url = big

    def unknown(delivery: int, message: int, account: int, now: int) -> EventRow:
        return mails.event(EventKind.UNKNOWN, message, account=account, delivery=delivery, at=now)

    async def freed() -> int:
        return await storage.queue.free_dead(worker=me, alone=False, new_events=unknown)

    hung, me = await worker(storage), await worker(storage)
    message, (delivery,) = await mails.accept(storage)
    await claim(storage, hung)
    await storage.queue.begin([delivery.id], worker=hung)
    with closing(stopped(url, COPY)):
        await storage.queue.resign(hung)
        assert await freed() == 0, "nobody else may touch it"
        await asyncio.sleep(SHORT + 0.1)
        await storage._door.read(end_hung, SHORT)
        while not await freed():  # noqa: ASYNC110 - the server rolls back beside us
            await asyncio.sleep(0.01)
    assert await states(storage, message.id) == [State.READY]


@pytest.mark.slow
async def test_whoever_serves_looks_by_itself(big: tuple[Storage, str], mails: Mails) -> None:
    """Also while its own writes wait for the lock."""
    storage, url = big
    await mails.accept(storage)
    with closing(stopped(url, COPY)):
        async with asyncio.timeout(HUNG_SECONDS + LOOK_SECONDS + 5):
            await storage._door.write(lambda connection: connection.exec_driver_sql("UPDATE delivery SET site = 'x.example'"))
