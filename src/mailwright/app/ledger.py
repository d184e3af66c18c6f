"""Begins and outcomes gather here, so that one group goes to the store at a time; an outcome is kept until it is stored."""

import asyncio
from collections.abc import Callable, Sequence

from mailwright.ports import Queue
from mailwright.queue import Job, Outcome
from mailwright.values import Unavailable

RETRY_SECONDS = 1.0  # how long to wait before the store is asked again
Lost = frozenset[int] | None  # deliveries that this worker does not hold any more; None: nothing may be sent at all
FULL = 5_000  # outcomes that wait for the store: beyond this lanes stop until it answers


class Ledger:
    """Two gathering lists, two tasks."""

    def __init__(self, queue: Queue, worker: int, settled: Callable[[Sequence[tuple[Job, Outcome]]], None]) -> None:
        self._queue, self._worker, self._told = queue, worker, settled
        self._beginning: list[int] = []
        self._begun: asyncio.Future[Lost] | None = None
        self._outcomes: list[tuple[Job, Outcome]] = []
        self._work = asyncio.Event()
        self._begin_work = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self._tasks: list[asyncio.Task[None]] = []
        self.lost = False  # our lease is gone: nothing may be sent any more

    def start(self) -> None:
        """Begin to write."""
        self._tasks = [asyncio.create_task(self._write_begins()), asyncio.create_task(self._write_outcomes())]

    @property
    def full(self) -> bool:
        """Whether so many outcomes wait for the store that nothing new may be sent."""
        return len(self._outcomes) >= FULL

    def begin(self, jobs: Sequence[Job]) -> asyncio.Future[Lost]:
        """Mark jobs as SENDING; the future is shared by the group and done once that is durable."""
        self._beginning.extend(job.delivery for job in jobs)
        if self._begun is None:
            self._begun = asyncio.get_running_loop().create_future()
            self._begin_work.set()
        return self._begun

    def settle(self, pairs: Sequence[tuple[Job, Outcome]]) -> None:
        """Take over outcomes; they are written with the next group."""
        self._outcomes.extend(pairs)
        self._drained.clear()
        self._work.set()

    async def drain(self) -> None:
        """Wait until every outcome is stored."""
        await self._drained.wait()

    async def close(self) -> None:
        """Store what is left and stop."""
        await self.drain()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _write_begins(self) -> None:
        while True:
            await self._begin_work.wait()
            self._begin_work.clear()
            group, self._beginning = self._beginning, []
            future, self._begun = self._begun, None
            written = None if self.lost else await self._mark(group)
            if future is not None and not future.done():
                future.set_result(written)

    async def _mark(self, group: list[int]) -> Lost:
        try:
            gone = await self._queue.begin(group, worker=self._worker)
        except Unavailable:
            return None
        return None if self.lost else gone  # it may have been lost meanwhile

    async def _write_outcomes(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            group, self._outcomes = self._outcomes, []
            await self._store(group)
            if not self._outcomes:
                self._drained.set()

    async def _store(self, group: list[tuple[Job, Outcome]]) -> None:
        while True:
            try:
                await self._queue.settle([outcome for _, outcome in group], worker=self._worker)
            except Unavailable:
                await asyncio.sleep(RETRY_SECONDS)
                continue
            self._told(group)
            return
