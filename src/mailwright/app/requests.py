"""The request log beside the path of a request: rows wait in memory and are written in batches, old ones are deleted."""

import asyncio
from collections import deque
from collections.abc import Callable

from mailwright.app.logs import Logger
from mailwright.ports.requests import Request, RequestLog
from mailwright.values import Unavailable
from mailwright.values.ids import least_id

MOST_WAITING = 20_000  # rows: about ten seconds of what one process can answer; more are lost, and counted
BATCH = 1000  # rows of one transaction: the writer is wanted by mail meanwhile
EVERY = 1.0  # seconds
FORGET_EVERY = 60  # rounds
FORGET_STEP = 5000  # rows deleted in one transaction
DAY = 86_400_000  # milliseconds


class Requests:
    """Lives in one event loop."""

    def __init__(self, kept: RequestLog, *, days: int, now: Callable[[], int], log: Logger) -> None:
        self.kept = kept
        self.lost = 0
        self._days, self._now, self._log = days, now, log
        self._waiting: deque[Request] = deque()

    def put(self, request: Request) -> None:
        """Take a row without waiting."""
        if not self._days:
            return
        if len(self._waiting) >= MOST_WAITING:
            self.lost += 1
            return
        self._waiting.append(request)

    async def run(self) -> None:
        """Until it is cancelled."""
        rounds = 0
        while True:
            await asyncio.sleep(EVERY)
            await self.write()
            rounds += 1
            if rounds % FORGET_EVERY == 0:
                await self.forget()

    async def write(self) -> None:
        """Write what waits; where the store is away it is lost: what was asked matters less than that mail flows."""
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            try:
                await self.kept.keep(batch)
            except Unavailable as gone:
                self.lost += len(batch)
                self._log.warning("requests lost", rows=len(batch), what=str(gone))

    async def forget(self) -> None:
        """Delete what is too old."""
        until = least_id(self._now() - self._days * DAY)
        try:
            gone = FORGET_STEP
            while gone == FORGET_STEP:
                gone = await self.kept.forget(until=until, limit=FORGET_STEP)
        except Unavailable as away:
            self._log.warning("requests kept", what=str(away))
