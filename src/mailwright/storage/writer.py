"""The writer: gathers what many callers want written while the last commit runs, and writes it as one transaction.

On SQLite one thread writes everything: groups, and between them the work that runs alone. On PostgreSQL a few threads
write groups, and a pool of threads runs the rest. Futures of a group are resolved by one call into the event loop.

Where another program holds an SQLite database, a transaction waits for it (engine.BUSY_MS), and is refused. All that came into
the line meanwhile is refused with it, at once: else each would wait as long again, and a client for all that stand before it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any, TypeVar

from sqlalchemy import Connection

from mailwright.storage.engine import Engines
from mailwright.storage.faults import collided, locked, unavailable
from mailwright.storage.group import NewId, Stale, Unit, write
from mailwright.values import Unavailable

GROUP_ROWS = 4_000  # of one transaction: some 50 ms of work
GROUP_OCTETS = 16 * 1024 * 1024
BETWEEN_SECONDS = 0.1  # for the work that runs alone, until the next group has its turn
GROUP_THREADS = 2  # on PostgreSQL: one gathers while the other commits, half as much again where a commit takes 8 ms
ALONE_THREADS = 4  # on PostgreSQL: claims, slots, changes of set-up

log = logging.getLogger(__name__)
T = TypeVar("T")
Work = Callable[[Connection], T]


@dataclass(slots=True)
class _Grouped:
    unit: Unit
    future: asyncio.Future[Any]


@dataclass(slots=True)
class _Alone:
    work: Work[Any]
    quick: bool
    future: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class _Failed:
    error: BaseException
    locked: bool = False  # another program held the database for as long as one waits for it


class Writer:
    """Started and closed in the event loop; `put` and `alone` are called there."""

    def __init__(self, engines: Engines, new_id: NewId, between: Callable[[], None] | None = None) -> None:
        self._engines, self._new_id, self._between = engines, new_id, between
        self._inbox: SimpleQueue[_Grouped | _Alone | None] = SimpleQueue()
        self._threads: list[Thread] = []
        self._pool: ThreadPoolExecutor | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.trouble: Unavailable | None = None  # what keeps the store from writing, as the last write found
        self.faults = 0  # writes of which it may not be known whether they were kept

    def start(self) -> None:
        """Begin to write."""
        self._loop = asyncio.get_running_loop()
        count = 1 if self._engines.sqlite else GROUP_THREADS
        if not self._engines.sqlite:
            self._pool = ThreadPoolExecutor(ALONE_THREADS, "storage-alone")
        self._threads = [Thread(target=self._run, name=f"storage-writer-{n}", daemon=True) for n in range(count)]
        for thread in self._threads:
            thread.start()

    async def close(self) -> None:
        """Write what was handed in, then stop."""
        for _ in self._threads:
            self._inbox.put(None)
        for thread in self._threads:
            await asyncio.to_thread(thread.join)
        if self._pool is not None:
            self._pool.shutdown()
        self._threads = []

    async def put(self, unit: Unit) -> None:
        """Write a unit with the next group and set its result. Raises Unavailable, and then nothing of it was kept."""
        future = self._running().create_future()
        self._inbox.put(_Grouped(unit, future))
        await future

    async def alone(self, work: Work[T], *, quick: bool = False) -> T:
        """Run work in a transaction of its own. `quick`: it need not be durable when this returns, only in order."""
        loop = self._running()
        if self._pool is None:
            future: asyncio.Future[T] = loop.create_future()
            self._inbox.put(_Alone(work, quick, future))
            return await future
        result: T | _Failed = await loop.run_in_executor(self._pool, self._once, work, quick)
        if isinstance(result, _Failed):
            raise result.error
        return result

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None or not self._threads:
            raise Unavailable("The store is not open.", "Start it first.")
        return self._loop

    def _run(self) -> None:
        waiting: deque[_Grouped] = deque()
        alone: deque[_Alone] = deque()
        going_on = True
        while going_on or waiting or alone:
            if going_on:
                going_on = self._gather(waiting, alone, block=not waiting and not alone)
            refused = self._commit(_next_group(waiting)) if waiting else None
            refused = refused or self._run_alone(alone)
            if refused is not None:
                going_on = going_on and self._gather(waiting, alone, block=False)
                self._turn_away(waiting, alone, refused)
            if self._between is not None:
                self._between()

    def _gather(self, waiting: deque[_Grouped], alone: deque[_Alone], *, block: bool) -> bool:
        """Take all that is at hand, and wait for something where `block` says so; False at the end."""
        while True:
            try:
                item = self._inbox.get(block)
            except Empty:
                return True
            block = False
            if item is None:
                return False
            if isinstance(item, _Grouped):
                waiting.append(item)
            else:
                alone.append(item)

    def _commit(self, group: Sequence[_Grouped]) -> _Failed | None:
        """Write a group; what it was refused with where the database is locked."""
        results = self._written([item.unit for item in group])
        self._tell([(item.future, result) for item, result in zip(group, results, strict=True)])
        return _locked_out(results[-1])

    def _run_alone(self, alone: deque[_Alone]) -> _Failed | None:
        """Between two groups, not for long, for mail waits; what one was refused with where the database is locked."""
        ends = monotonic() + BETWEEN_SECONDS
        while alone:
            one = alone.popleft()
            outcome = self._once(one.work, one.quick)
            self._tell([(one.future, outcome)])
            if (refused := _locked_out(outcome)) is not None:
                return refused
            if monotonic() >= ends:
                break
        return None

    def _turn_away(self, waiting: deque[_Grouped], alone: deque[_Alone], refused: _Failed) -> None:
        """Nothing of what stands in line was begun, so nothing of it is kept."""
        line: list[_Grouped | _Alone] = [*waiting, *alone]
        self._tell([(item.future, refused) for item in line])
        waiting.clear()
        alone.clear()

    def _written(self, units: Sequence[Unit]) -> list[Any]:
        outcome = self._once(lambda connection: write(connection, units, self._new_id), quick=False)
        if isinstance(outcome, _Failed) and isinstance(outcome.error, Stale):
            outcome = self._once(lambda connection: write(connection, units, self._new_id, careful=True), quick=False)
        if not isinstance(outcome, _Failed):
            return [None] * len(units)
        if isinstance(outcome.error, Unavailable) or len(units) == 1:
            return [outcome] * len(units)
        log.warning("A group of %d was rolled back and is written one by one.", len(units), exc_info=outcome.error)
        return self._one_by_one(units)

    def _one_by_one(self, units: Sequence[Unit]) -> list[Any]:
        results: list[Any] = []
        for unit in units:
            refused = _locked_out(results[-1]) if results else None
            results += self._written([unit]) if refused is None else [refused]
        return results

    def _once(self, work: Work[Any], quick: bool) -> Any:
        """The result of work in its own transaction, or _Failed; two transactions that met are told apart by a second go."""
        outcome = self._transact(work, quick)
        if isinstance(outcome, _Failed) and collided(outcome.error):
            outcome = self._transact(work, quick)
            if isinstance(outcome, _Failed) and collided(outcome.error):
                return _Failed(Unavailable("The database is busy with the same rows.", "Try again in a moment."))
        return outcome

    def _transact(self, work: Work[Any], quick: bool) -> Any:
        engine = self._engines.write.execution_options(quick=True) if quick else self._engines.write
        try:
            with engine.begin() as connection:
                result = work(connection)
            self._say(None)
            return result
        except Exception as error:  # noqa: BLE001 - handed to the caller, who alone knows what it means
            gone = unavailable(error)
            if gone is None:
                return _Failed(error)
            gone.__cause__ = error
            self._say(gone)
            self._engines.forget()
            return _Failed(gone, locked(error))

    def _say(self, trouble: Unavailable | None) -> None:
        """One line in the log when the store stops to answer, and one when it answers again."""
        before, self.trouble = self.trouble, trouble
        self.faults += trouble is not None
        if str(before) == str(trouble):
            return
        if trouble is not None:
            log.error("The store takes no writes. %s (%s)", trouble, str(trouble.__cause__).partition("\n")[0])
        else:
            log.warning("The store takes writes again.")

    def _tell(self, results: Sequence[tuple[asyncio.Future[Any], Any]]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(_resolve, results)


def _locked_out(outcome: object) -> _Failed | None:
    return outcome if isinstance(outcome, _Failed) and outcome.locked else None


def _next_group(waiting: deque[_Grouped]) -> list[_Grouped]:
    group: list[_Grouped] = []
    rows = octets = 0
    while waiting and rows < GROUP_ROWS and octets < GROUP_OCTETS:
        item = waiting.popleft()
        more_rows, more_octets = item.unit.weight
        rows, octets = rows + more_rows, octets + more_octets
        group.append(item)
    return group


def _resolve(results: Sequence[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, result in results:
        if future.done():
            continue
        if isinstance(result, _Failed):
            future.set_exception(result.error)
        else:
            future.set_result(result)
