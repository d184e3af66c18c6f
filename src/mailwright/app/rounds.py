"""What is done again and again: set-up changes, waking what is due, finding sites with work, reports, deleting."""

import asyncio
from collections.abc import Awaitable, Callable

from mailwright.app.dispatch import Dispatch
from mailwright.app.neighbours import bury_the_gone
from mailwright.queue import State
from mailwright.queue.retry import woken
from mailwright.values import Unavailable

TICK = 0.5  # seconds: so often changes by other processes are looked for
SITES_EVERY, DEAD_EVERY, COUNT_EVERY, PURGE_EVERY, SOURCES_EVERY = 2, 20, 20, 120, 7200  # ticks
COUNTED_SITES = 200  # for /metrics: the rest of a long list is small
WAKE_MOST = 500  # rows that are woken in one transaction


class Rounds:
    """One task; a store that does not answer ends a round, not the task."""

    def __init__(self, dispatch: Dispatch, *, report: Callable[[], Awaitable[None]], alone: bool) -> None:
        self._dispatch, self._works = dispatch, dispatch.works
        self._report, self._alone = report, alone
        self.reload: Callable[[], Awaitable[None]] = _nothing  # the house says what there is to read anew
        self._tick = 0
        self._changed = False  # the set-up changed, and was not yet read as a whole
        self.healthy = True
        self.waiting: dict[str, float] = {}  # deliveries by state, as last counted

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            try:
                await self.once()
                self.healthy = True
            except Unavailable as gone:
                if self.healthy:
                    self._works.log.warning("store", what=str(gone), remedy=gone.remedy)
                self.healthy = False
            except Exception as fault:  # noqa: BLE001 a fault in one round must not end the next ones
                self._works.log.error("round", cause=fault)
                self.healthy = False
            await asyncio.sleep(TICK)

    async def once(self) -> None:
        """One round. Raises Unavailable."""
        self._tick += 1
        await self.follow()
        await self._wake()
        await self._every(SITES_EVERY, self._find_sites)
        await self._report()
        await self._every(DEAD_EVERY, self._free_dead)
        await self._every(PURGE_EVERY, self._purge)
        await self._every(SOURCES_EVERY, self._look_at_sources)
        await self._every(COUNT_EVERY, self._count)

    async def follow(self) -> None:
        """Notice what was changed in the set-up. Raises Unavailable: then the next round notices it."""
        self._changed = await self._works.accounts.refresh() or self._changed
        if self._changed:
            await self.reload()
            self._changed = False

    async def _every(self, ticks: int, work: Callable[[], Awaitable[None]]) -> None:
        if self._tick % ticks == 0:
            await work()

    async def _wake(self) -> None:
        """Rows whose time has come: due again, to be told as late, or given up."""
        while True:
            now = self._works.now()
            jobs = await self._works.queue.wake(now=now, limit=WAKE_MOST)
            outcomes = [woken(job, now=now, rules=self._works.rules, ids=self._works.ids) for job in jobs]
            if outcomes:
                await self._works.queue.waken(outcomes)
            for site in {job.site for job, outcome in zip(jobs, outcomes, strict=True) if outcome.state is State.READY}:
                self._dispatch.attend(site, backlog=True)
            if len(jobs) < WAKE_MOST:
                return

    async def _find_sites(self) -> None:
        """READY rows that no lane here knows of: put there by others, or left by a process that ended; and what waits in memory
        since the store was away."""
        for name in [site.name for site in self._dispatch.sites.values() if site.waiting]:
            self._dispatch.attend(name)
        after = ""
        while True:
            found = await self._works.queue.ready_sites(after=after)
            for site in found:
                self._dispatch.attend(site, backlog=True)
            if not found:
                return
            after = found[-1]

    async def _free_dead(self) -> None:
        """Rows of workers that ended, and of our own earlier numbers: after a fault of the store nobody knows of those."""
        leases = self._works.leases
        if not self._alone:
            await bury_the_gone(self._works.queue)
        judge = leases.may_judge and not self._alone
        freed = await self._works.queue.free_dead(
            worker=leases.current.number, alone=False, judge=judge, new_events=self._works.unknown_event
        )
        if freed:
            what = "A worker stopped, or the store had a fault; the mail that was in hand then goes on."
            self._works.log.warning("freed", rows=freed, what=what)

    async def _count(self) -> None:
        sites = await self._works.queue.sites(limit=COUNTED_SITES)
        self.waiting = {
            state: float(sum(getattr(site, state) for site in sites)) for state in ("ready", "deferred", "held", "in_hand")
        }

    async def _look_at_sources(self) -> None:
        self._works.spawn(self._works.sources.look())  # the DNS may take its time

    async def _purge(self) -> None:
        await self._works.store.purge(now=self._works.now())


async def _nothing() -> None:
    """There is no house yet."""
