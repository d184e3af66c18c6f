"""The numbers under which this process holds rows of the queue; what it holds is its own while its heartbeats are heard.

After a fault of the store nobody knows which of the last writes were kept: rows, and slots, may be held under our number of
which this process knows nothing. So it goes on under a new number, and gives up the old one once nothing in memory is held
under it any more: then everybody may take what is left of it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from mailwright.app.logs import Logger
from mailwright.ports import Queue
from mailwright.ports.store import LEASE_MS
from mailwright.queue import Job
from mailwright.values import Unavailable

BEAT_SECONDS = 2.0
MARGIN_SECONDS = 5.0  # between our last final dot and the moment when others may take over
HELD_SECONDS = LEASE_MS / 1000 - MARGIN_SECONDS
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # goes on while the machine sleeps, where there is such a one


@dataclass(slots=True, eq=False)
class Lease:
    """One number; `until` in steady seconds, `jobs` are the deliveries in memory that are held under it."""

    number: int
    until: float
    jobs: set[int] = field(default_factory=set)
    doubles: dict[int, Job] = field(default_factory=dict)  # claimed anew while an earlier copy is still in memory


def steady() -> float:
    """Seconds that go on while this process is stopped."""
    return time.clock_gettime(_CLOCK)


class Leases:
    """Lives in the event loop; one of its numbers is for new work. `alone`: there is nobody who could take anything over."""

    def __init__(
        self, queue: Queue, number: int, *, alone: bool, register: Callable[[], Awaitable[int]], faults: Callable[[], int],
        log: Logger, clock: Callable[[], float] = steady,
    ) -> None:  # fmt: skip
        """`register` draws a new number, `faults` counts the faults of the store so far."""
        self._queue, self._alone, self._register, self._log = queue, alone, register, log
        self._faults, self._seen, self._clock = faults, faults(), clock
        self.current = Lease(number, clock() + HELD_SECONDS)
        self._leases = {number: self.current}
        self._heard_since: float | None = clock()  # without a break
        self.lost: Callable[[int], None] = _nothing  # what is to be done about a number that was lost
        self.doubled: Callable[[Job], None] = _nothing  # and about a second copy of a job once the first is gone

    def holds(self, number: int) -> bool:
        """Whether nobody else can have taken over what is held under this number."""
        lease = self._leases.get(number)
        return lease is not None and (self._alone or self._clock() < lease.until)

    @property
    def held(self) -> bool:
        """Whether new work may begin."""
        return self.holds(self.current.number)

    @property
    def may_judge(self) -> bool:
        """Whether this process was heard long enough to hold the silence of others against them, and not against the store."""
        return self._heard_since is not None and self._clock() - self._heard_since > LEASE_MS / 1000

    def take(self, jobs: Iterable[Job], lease: Lease) -> list[Job]:
        """These are in memory from now on; given back are those to work on.

        Where somebody paused a message and let it go on, a row may be claimed anew while its first copy is still in memory. Both
        have the same number: so only the first one is worked on, and the second goes back to the table behind it.
        """
        fresh = []
        for job in jobs:
            job.lease = lease.number
            if job.delivery in lease.jobs:
                lease.doubles[job.delivery] = job
            else:
                lease.jobs.add(job.delivery)
                fresh.append(job)
        return fresh

    def let_go(self, jobs: Iterable[Job]) -> None:
        """Their outcomes are stored, or they belong to others."""
        for job in jobs:
            lease = self._leases.get(job.lease)
            if lease is None:
                continue
            lease.jobs.discard(job.delivery)
            second = lease.doubles.pop(job.delivery, None) if lease.doubles else None
            if second is not None:
                lease.jobs.add(job.delivery)
                self.doubled(second)

    def doubt(self) -> None:
        """Rows may be held under our number of which this process knows nothing."""
        self._seen = -1

    async def run(self) -> None:
        """Beat until it is cancelled."""
        while True:
            try:
                await self.beat()
            except Unavailable:
                self._heard_since = None  # the store itself says so in the log
            except Exception as fault:  # noqa: BLE001 whatever it is, the next beat must come
                self._log.error("heartbeat", cause=fault)
            await asyncio.sleep(BEAT_SECONDS)

    async def beat(self) -> None:
        """Be heard under every number; take a new one, and give up old ones, where it is time. Raises Unavailable."""
        began = self._clock()
        if self._heard_since is None or began >= self.current.until:  # a break: ours, not that of others
            self._heard_since = began
        for lease in list(self._leases.values()):
            if await self._queue.heartbeat(lease.number):
                lease.until = began + HELD_SECONDS
            else:
                self._lose(lease)
        if self.current.number not in self._leases or self._faults() != self._seen:
            await self._renew()
        for lease in list(self._leases.values()):
            if lease is not self.current and not lease.jobs:
                await self._queue.resign(lease.number)
                del self._leases[lease.number]

    async def resign(self) -> None:
        """The process ends: what it still holds is for others."""
        for number in list(self._leases):
            await self._queue.resign(number)
        self._leases.clear()

    def _lose(self, lease: Lease) -> None:
        del self._leases[lease.number]
        self._heard_since = None
        self._log.warning(
            "lease lost", what="This process was silent for so long that others took over its mail. It goes on with other mail."
        )
        self.lost(lease.number)

    async def _renew(self) -> None:
        seen, began = self._faults(), self._clock()
        number = await self._register()
        self.current = self._leases[number] = Lease(number, began + HELD_SECONDS)
        self._seen = seen


def _nothing(_: object) -> None:
    """There is no dispatch yet."""
