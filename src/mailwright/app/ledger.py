"""Begins and outcomes gather here on their way to the store; an outcome is kept until it is stored."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from mailwright.app.lease import Leases
from mailwright.ports import Queue
from mailwright.queue import Job, Outcome
from mailwright.values import Unavailable

RETRY_SECONDS = 1.0  # how long to wait before the store is asked again
Lost = frozenset[int] | None  # deliveries that this worker does not hold any more; None: nothing may be sent at all
T = TypeVar("T")
FULL = 5_000  # outcomes that wait for the store: beyond this lanes stop until it answers

log = logging.getLogger(__name__)


class Ledger:
    """Two gathering lists: begins go at each turn of the loop, for somebody waits; outcomes one group after the other."""

    def __init__(self, queue: Queue, leases: Leases, settled: Callable[[Sequence[tuple[Job, Outcome]]], None]) -> None:
        self._queue, self._leases, self._told = queue, leases, settled
        self._beginning: list[Job] = []
        self._begun: asyncio.Future[Lost] | None = None
        self._outcomes: list[tuple[Job, Outcome]] = []
        self._unstored = 0  # outcomes, those of the group that is being written too
        self._work = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to write."""
        self._tasks.add(asyncio.create_task(self._write_outcomes()))

    @property
    def full(self) -> bool:
        """Whether so many outcomes wait for the store that nothing new may be sent."""
        return self._unstored >= FULL

    def begin(self, jobs: Sequence[Job]) -> asyncio.Future[Lost]:
        """Mark jobs as SENDING; the future is shared by the group and done once that is durable."""
        self._beginning.extend(jobs)
        if self._begun is None:
            loop = asyncio.get_running_loop()
            self._begun = loop.create_future()
            loop.call_soon(self._write_begins, self._begun)
        return self._begun

    def settle(self, pairs: Sequence[tuple[Job, Outcome]]) -> None:
        """Take over outcomes; they are written with the next group."""
        self._outcomes.extend(pairs)
        self._unstored += len(pairs)
        self._drained.clear()
        self._work.set()

    async def close(self, grace: float) -> int:
        """Store what is left within some seconds, and stop: how many outcomes were not stored."""
        try:
            async with asyncio.timeout(grace):
                await self._drained.wait()
        except TimeoutError:
            pass
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        return self._unstored

    def _write_begins(self, begun: asyncio.Future[Lost]) -> None:
        """Not one group after the other: on a slow disk each would wait for the commit before its own."""
        group, self._beginning, self._begun = self._beginning, [], None
        task = asyncio.create_task(self._mark(group, begun))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _mark(self, group: list[Job], begun: asyncio.Future[Lost]) -> None:
        lost = await self._lost(group)
        if not begun.done():
            begun.set_result(lost)

    async def _lost(self, group: list[Job]) -> Lost:
        gone: frozenset[int] = frozenset()
        try:
            for lease, jobs in _by_lease(group, lambda job: job.lease):
                gone |= await self._queue.begin([job.delivery for job in jobs], worker=lease)
        except Unavailable:
            return None
        except Exception as fault:  # nothing is sent, and the next group must not wait for ever
            log.error("begins failed", exc_info=fault)
            return None
        return gone

    async def _write_outcomes(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            group, self._outcomes = self._outcomes, []
            await self._store(group)
            if not self._outcomes:
                self._drained.set()

    async def _store(self, group: list[tuple[Job, Outcome]]) -> None:
        for lease, pairs in _by_lease(group, lambda pair: pair[0].lease):
            await self._store_under(lease, pairs)

    async def _store_under(self, lease: int, pairs: list[tuple[Job, Outcome]]) -> None:
        while True:
            try:
                await self._queue.settle([outcome for _, outcome in pairs], worker=lease)
            except Unavailable:
                await asyncio.sleep(RETRY_SECONDS)
                continue
            except Exception as fault:  # the rows stay begun, until they are freed as unknown
                log.error("outcomes failed", exc_info=fault)
                self._leases.doubt()
            else:
                self._tell(pairs)
            self._unstored -= len(pairs)
            self._leases.let_go(job for job, _ in pairs)
            return

    def _tell(self, pairs: list[tuple[Job, Outcome]]) -> None:
        """What follows from outcomes must not keep the next ones from being stored."""
        try:
            self._told(pairs)
        except Exception as fault:
            log.error("outcomes are stored, and what follows failed", exc_info=fault)


def _by_lease(items: list[T], lease: Callable[[T], int]) -> Iterable[tuple[int, list[T]]]:
    """Nearly always one group."""
    groups: dict[int, list[T]] = {}
    for item in items:
        groups.setdefault(lease(item), []).append(item)
    return groups.items()
