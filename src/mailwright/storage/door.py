"""What the three doors share: the writer, the readers, and ids for the events that storage tells itself."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Concatenate, ParamSpec, TypeVar, cast

from sqlalchemy import Connection, Table, select, update
from sqlalchemy.dialects import postgresql, sqlite

from mailwright.storage.engine import READERS, Engines
from mailwright.storage.faults import unavailable
from mailwright.storage.group import Unit
from mailwright.storage.schema import counter
from mailwright.storage.writer import Writer
from mailwright.storage.written import WritingProcess
from mailwright.values import Unavailable
from mailwright.values.ids import NODES, IdMaker

T = TypeVar("T")
P = ParamSpec("P")


class Door:
    """Lives in one event loop, from `start` to `close`."""

    def __init__(self, engines: Engines, between: Callable[[], Callable[[], None] | None] | None = None) -> None:
        self.engines = engines
        self.worker: int | None = None  # the one that this process registered
        self._ids = IdMaker(0)
        self._ids_lock = Lock()
        self._readers = ThreadPoolExecutor(READERS, "storage-reader")
        self._writer = Writer(engines, self.new_id, between)

    async def start(self, *, hand: WritingProcess | None = None) -> None:
        """Start the threads and draw a node for ids of our own. `hand` is the process that writes groups."""
        self._writer.start(hand)
        self._ids.node = await self.write(count_up, "worker") % NODES

    async def finish(self) -> None:
        """Write what was handed in; nothing more is taken."""
        await self._writer.close()

    async def close(self) -> None:
        """The same, and end the threads that read."""
        await self.finish()
        await asyncio.to_thread(self._readers.shutdown)

    @property
    def trouble(self) -> Unavailable | None:
        """What the last write met, None where it went well."""
        return self._writer.trouble

    @property
    def faults(self) -> int:
        """How many writes failed so far because of the store."""
        return self._writer.faults

    def new_id(self, now: int) -> int:
        """An id for an event that storage tells, behind those that the caller made at that time; safe in any thread."""
        with self._ids_lock:
            return self._ids.next(now + 1)

    async def read(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Read in a thread, never through the writer. Raises Unavailable."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self.read_here, bind(work, *args, **kwargs))

    def read_here(self, work: Callable[[Connection], T]) -> T:
        """Read in the calling thread. Raises Unavailable."""
        try:
            with self.engines.read.connect() as connection:
                return work(connection)
        except Exception as error:
            gone = unavailable(error)
            if gone is None:
                raise
            self.engines.forget()
            raise gone from error

    async def write(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Write in a transaction of its own, durable when it returns. Raises Unavailable."""
        return await self._writer.alone(bind(work, *args, **kwargs))

    async def write_soon(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same, but durable only with what is written durably after it: for what a restart voids or finds out anew."""
        return await self._writer.alone(bind(work, *args, **kwargs), quick=True)

    async def group(self, unit: Unit) -> None:
        """Write a unit together with others; its result is in the unit. Raises Unavailable."""
        await self._writer.put(unit)


def bind(work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> Callable[[Connection], T]:
    """Work that wants nothing but a connection."""
    return lambda connection: work(connection, *args, **kwargs)


def count_up(connection: Connection, name: str) -> int:
    """The next value of a counter."""
    raised = update(counter).where(counter.c.name == name).values(value=counter.c.value + 1).returning(counter.c.value)
    return int(connection.execute(raised).scalar_one())


def count(connection: Connection, name: str) -> int:
    """The value of a counter."""
    return int(connection.execute(select(counter.c.value).where(counter.c.name == name)).scalar_one())


def upsert(connection: Connection, table: Table) -> sqlite.Insert:
    """INSERT .. ON CONFLICT of this database; both are written alike."""
    return cast("sqlite.Insert", postgresql.insert(table)) if connection.dialect.name == "postgresql" else sqlite.insert(table)
