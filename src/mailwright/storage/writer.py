"""The writer: gathers what many callers want written while the last commit runs, and writes it as one transaction.

It lives in the event loop. On SQLite one turn is taken after the other: groups, and between them the work that runs alone. A
group of plain rows goes to a process of its own (written.py), all else runs in a thread. On PostgreSQL a few groups are under way
at the same time, and a pool of threads runs the rest.

Where another program holds an SQLite database, a transaction waits for it (engine.BUSY_MS), and is refused. All that came into
the line meanwhile is refused with it, at once: else each would wait as long again, and a client for all that stand before it.
"""

import asyncio
import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic, monotonic_ns, sleep
from typing import Any, TypeVar

from sqlalchemy import Connection

from mailwright.storage.engine import Engines
from mailwright.storage.faults import collided, locked, unavailable
from mailwright.storage.group import NewId, Stale, Unit, kept, script, write
from mailwright.storage.written import Gone, WritingProcess
from mailwright.values import Unavailable

GROUP_ROWS = 4_000  # of one transaction: some 50 ms of work
GROUP_OCTETS = 16 * 1024 * 1024
BETWEEN_SECONDS = 0.1  # for the work that runs alone, until the next group has its turn
GROUPS_AT_ONCE = 2  # on PostgreSQL: one gathers while the other commits, half as much again where a commit takes 8 ms
GOES = 4  # of transactions that met in a way that only the database could end
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

    def __init__(self, engines: Engines, new_id: NewId, between: Callable[[], Callable[[], None] | None] | None = None) -> None:
        """`between` is called after each turn, and may give work for a thread."""
        self._engines, self._new_id, self._between = engines, new_id, between
        self._hand: WritingProcess | None = None
        self._waiting: deque[_Grouped] = deque()
        self._alone: deque[_Alone] = deque()  # on SQLite, where it takes turns with the groups
        self._wake = asyncio.Event()
        self._turns: list[asyncio.Task[None]] = []
        self._pool: ThreadPoolExecutor | None = None
        self._closing = False
        self.trouble: Unavailable | None = None  # what keeps the store from writing, as the last write found
        self.faults = 0  # writes of which it may not be known whether they were kept

    def start(self, hand: WritingProcess | None = None) -> None:
        """Begin to write; groups of plain rows by `hand`, where there is one, which is closed with this."""
        self._hand = hand
        count = 1 if self._engines.sqlite else GROUPS_AT_ONCE
        self._pool = ThreadPoolExecutor(count if self._engines.sqlite else count + ALONE_THREADS, "storage-writer")
        self._turns = [asyncio.create_task(self._take_turns(), name=f"storage-writer-{n}") for n in range(count)]

    async def close(self) -> None:
        """Write what was handed in, then stop."""
        self._closing = True
        self._wake.set()
        await asyncio.gather(*self._turns)
        self._turns = []
        if self._pool is not None:
            await asyncio.to_thread(self._pool.shutdown)
        if self._hand is not None:
            await self._hand.close()

    async def put(self, unit: Unit) -> None:
        """Write a unit with the next group and set its result. Raises Unavailable, and then nothing of it was kept."""
        future = self._running().create_future()
        self._waiting.append(_Grouped(unit, future))
        self._wake.set()
        await future

    async def alone(self, work: Work[T], *, quick: bool = False) -> T:
        """Run work in a transaction of its own. `quick`: it need not be durable when this returns, only in order."""
        loop = self._running()
        if self._engines.sqlite:
            future: asyncio.Future[T] = loop.create_future()
            self._alone.append(_Alone(work, quick, future))
            self._wake.set()
            return await future
        result: T | _Failed = await loop.run_in_executor(self._pool, self._once, work, quick)
        if isinstance(result, _Failed):
            raise result.error
        return result

    @property
    def in_line(self) -> int:
        """How many units and pieces of work wait."""
        return len(self._waiting) + len(self._alone)

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._closing or not self._turns:
            raise Unavailable("The store is not open.", "Start it first.")
        return asyncio.get_running_loop()

    async def _take_turns(self) -> None:
        while True:
            while not self.in_line:
                if self._closing:
                    return
                self._wake.clear()
                await self._wake.wait()
            refused = await self._commit(_next_group(self._waiting)) if self._waiting else None
            refused = refused or await self._run_alone()
            if refused is not None:
                self._turn_away(refused)
            work = self._between() if self._between is not None else None
            if work is not None:
                await self._in_thread(work)

    async def _commit(self, group: Sequence[_Grouped]) -> _Failed | None:
        """Write a group; what it was refused with where the database is locked."""
        results = await self._written([item.unit for item in group])
        for item, result in zip(group, results, strict=True):
            _resolve(item.future, result)
        return _locked_out(results[-1])

    async def _run_alone(self) -> _Failed | None:
        """Between two groups, not for long, for mail waits; what one was refused with where the database is locked."""
        ends = monotonic() + BETWEEN_SECONDS
        while self._alone:
            one = self._alone.popleft()
            outcome = await self._in_thread(lambda one=one: self._once(one.work, one.quick))  # type: ignore[misc]
            _resolve(one.future, outcome)
            if (refused := _locked_out(outcome)) is not None:
                return refused
            if monotonic() >= ends:
                break
        return None

    def _turn_away(self, refused: _Failed) -> None:
        """Nothing of what stands in line was begun, so nothing of it is kept."""
        line: list[_Grouped | _Alone] = [*self._waiting, *self._alone]
        for item in line:
            _resolve(item.future, refused)
        self._waiting.clear()
        self._alone.clear()

    async def _written(self, units: Sequence[Unit]) -> Sequence[Any]:
        try:
            steps = script(units) if self._hand is not None else None
            outcome = await self._by_hand(steps, units) if steps is not None else None
        except Exception as fault:  # nobody else writes: whatever it is, the line goes on, and the thread tells who is at fault
            log.error("A group could not be handed to the process that writes.", exc_info=fault)
            outcome = None
        if outcome is not None:
            return [outcome if isinstance(outcome, _Failed) else None] * len(units)
        return await self._in_thread(lambda: self._in_one(units))

    async def _by_hand(self, steps: Sequence[Any], units: Sequence[Unit]) -> _Failed | bool | None:
        """True where the process that writes has kept the group, None where it has to be written here, with questions."""
        if self._hand is None:
            return None
        try:
            if not await self._hand.write(steps):
                return None
        except Gone:
            return await self._in_thread(lambda: self._once(lambda connection: kept(connection, units), quick=True)) or None
        except sqlite3.Error as fault:
            failed = self._failure(fault)
            return failed if isinstance(failed.error, Unavailable) else None
        self._say(None)
        return True

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def _in_one(self, units: Sequence[Unit]) -> Sequence[Any]:
        """The results of a group that is written in this thread."""
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
            results += self._in_one([unit]) if refused is None else [refused]
        return results

    def _once(self, work: Work[Any], quick: bool) -> Any:
        """The result of work in its own transaction, or _Failed; transactions that met are told apart by another go."""
        for go in range(GOES):
            outcome = self._transact(work, quick)
            if not (isinstance(outcome, _Failed) and collided(outcome.error)):
                return outcome
            sleep(
                go * (1 + monotonic_ns() // 1_000 % 16) / 1_000
            )  # again at once; then after some ms that the others do not have
        return _Failed(Unavailable("The database is busy with the same rows.", "Try again in a moment."))

    def _transact(self, work: Work[Any], quick: bool) -> Any:
        engine = self._engines.write.execution_options(quick=True) if quick else self._engines.write
        try:
            with engine.begin() as connection:
                result = work(connection)
            self._say(None)
            return result
        except Exception as error:  # noqa: BLE001 - handed to the caller, who alone knows what it means
            return self._failure(error)

    def _failure(self, error: Exception) -> _Failed:
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


def _resolve(future: asyncio.Future[Any], result: Any) -> None:
    if future.done():
        return
    if isinstance(result, _Failed):
        future.set_exception(result.error)
    else:
        future.set_result(result)
