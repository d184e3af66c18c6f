"""The dispatch: which sites have work here, how many lanes serve each, and what is handed over in memory."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Sequence

from mailwright.app.lane import Lane
from mailwright.app.ledger import Ledger
from mailwright.app.site import Site
from mailwright.app.works import Works
from mailwright.flows.deliver import Parcel
from mailwright.ports.store import SiteState
from mailwright.queue import Job, Outcome, State
from mailwright.queue.retry import delayed_at, due_after, wake_time
from mailwright.routing.sites import DOMAIN, SMTP
from mailwright.values import Unavailable

WAITING_PER_LANE = 10  # jobs in memory for each lane that a site may have; more wait in the table
NO_SLOT_MS = 1_000  # when other processes hold all slots of a site


class Dispatch:
    """Lives in the event loop's thread."""

    def __init__(
        self,
        works: Works,
        *,
        learn: Callable[["Dispatch", Site], Awaitable[None]],
        settled: Callable[[Sequence[tuple[Job, Outcome]]], None],
    ) -> None:
        self.works = works
        self._learns = learn
        works.leases.lost, works.leases.doubled = self.renounce, self._second
        self.ledger = Ledger(works.queue, works.leases, settled)
        self.sites: dict[str, Site] = {}
        self.stopping = False
        self.memory = 0  # octets of mail held for jobs in memory
        self.resting: dict[asyncio.Future[None], None] = {}  # lanes that wait for work
        self._lanes: set[asyncio.Task[None]] = set()
        self._wanting: OrderedDict[str, None] = OrderedDict()  # sites that want a lane while all connections are taken

    def site(self, name: str) -> Site:
        """The site, made where this process has not met it."""
        found = self.sites.get(name)
        if found is None:
            found = self.sites[name] = Site(name, self.works.aims.limit(name), name.startswith(SMTP))
        return found

    def room(self, name: str, *, size: int, priority: int, account: int) -> bool:
        """Whether a new mail may be handed over in memory: only where it would not pass others that wait in the table."""
        site = self.site(name)
        if self.stopping or self.behind or self.memory + size > self.works.memory_budget:
            return False
        if account in self.works.paused_accounts or site.shut(self.works.now()):
            return False
        if priority == 0:  # it passes all others, in memory and in the table
            return len(site.jobs[0]) < site.limit * WAITING_PER_LANE
        return site.waiting < site.limit * WAITING_PER_LANE and not site.backlog

    def hand(self, job: Job) -> None:
        """Take over a job that this process has leased."""
        self.memory += job.size
        self.works.leases.take([job], self.works.leases.current)
        site = self.site(job.site)
        site.push(job)
        if self.stopping or site.shut(self.works.now()):
            self.give_back(site)
        elif job.account in self.works.paused_accounts:  # since `room` was asked
            self.withhold({job.account})
        else:
            self.attend(job.site)

    def urge(self, name: str) -> None:
        """Mail of the top priority is in the table: a lane fetches it before it goes on with what is in memory."""
        self.site(name).urgent = True
        self.attend(name, backlog=True)

    def attend(self, name: str, *, backlog: bool = False) -> None:
        """See to it that a site with work has lanes."""
        site = self.site(name)
        now = self.works.now()
        if backlog:
            site.backlog = True
            site.wake_all()
        if self.stopping or self.behind or site.shut(now) or site.lanes >= site.limit:
            return
        if (site.crowded_until <= now or site.jobs[0] or site.urgent) and site.wants_lane():
            self._start_or_want(site)

    @property
    def behind(self) -> bool:
        """Whether the store takes no writes, has too much to write, or our lease may be another's: nothing is begun then."""
        return self.ledger.full or self.works.trouble() is not None or not self.works.leases.held

    @property
    def open_lanes(self) -> int:
        """How many lanes there are, over all sites."""
        return len(self._lanes)

    @property
    def crowded(self) -> bool:
        """Whether sites wait for a connection because all are taken."""
        return bool(self._wanting)

    async def claim(self, site: Site, *, top_only: bool) -> bool:
        """Bring jobs of the table into memory, for all lanes of the site; False where there are none."""
        if not site.backlog:
            return False
        async with site.claiming:
            if site.waiting and not top_only:  # another lane brought some meanwhile
                return True
            jobs = await self._claimed(site, top_only=top_only)
            site.urgent = bool(jobs) and top_only  # there may be more
        if not jobs:
            site.backlog = top_only  # a lane for the top priority alone saw nothing of the rest
            return False
        site.turn = jobs[-1].account
        for job in jobs:
            self.memory += job.size
            site.push(job)
        paused = self.works.paused_accounts.keys() & {job.account for job in jobs}
        if paused:  # since the claim was asked
            self.withhold(paused)
        self.attend(site.name)
        return True

    async def _claimed(self, site: Site, *, top_only: bool) -> Sequence[Job]:
        lease = self.works.leases.current
        jobs = await self.works.queue.claim(
            site.name,
            worker=lease.number,
            limit=site.claim_size() if self.memory < self.works.memory_budget else 1,
            now=self.works.now(),
            top_only=top_only,
            turn=site.turn,
            skip=frozenset(self.works.paused_accounts),
        )
        return self.works.leases.take(jobs, lease)

    def parcel(self, jobs: Sequence[Job], *, again: bool = False) -> Parcel:
        """Begin to sign jobs and to mark them as begun."""
        return self.works.parcel(jobs, self.ledger.begin(jobs), again=again)

    def settle(self, site: Site, pairs: Sequence[tuple[Job, Outcome]]) -> None:
        """Hand outcomes to the ledger; a mail that was answered ends the site's back-off."""
        self.memory -= sum(job.size for job, _ in pairs)
        if site.failures and any(outcome.state is State.DELIVERED for _, outcome in pairs):
            site.failures, site.until, site.last_reply = 0, 0, ""
            self._remember(site)
        self.ledger.settle(pairs)

    def failed(self, site: Site, what: str) -> int:
        """A dead site backs off as a whole; what waits in memory goes back to the table."""
        work = self.works.clockwork()
        site.failures += 1
        site.until = due_after(site.failures, now=work.now, rules=work.rules, chance=work.chance)
        site.last_reply = what
        self._remember(site)
        self.give_back(site)
        return site.until

    def withhold(self, accounts: Collection[int]) -> None:
        """Put back what waits in memory for accounts that were paused."""
        for site in self.sites.values():
            jobs = site.drain()
            for job in jobs:
                if job.account not in accounts:
                    site.push(job)
            self._return(site, [job for job in jobs if job.account in accounts])

    def give_back(self, site: Site) -> None:
        """Put what waits in memory back into the table, untouched."""
        self._return(site, site.drain())

    def _return(self, site: Site, jobs: Sequence[Job]) -> None:
        if jobs:
            site.backlog = True
            self.memory -= sum(job.size for job in jobs)
            self.ledger.settle([(job, self._returned(job)) for job in jobs])

    def _second(self, job: Job) -> None:
        """A second copy of a job goes back to the table; where the first one was sent, its outcome stands."""
        self.site(job.site).backlog = True
        self.ledger.settle([(job, self._returned(job))])

    def put_back(self, site: Site, jobs: Sequence[Job]) -> None:
        """Put jobs that were not sent back into the table, untouched."""
        self._return(site, jobs)

    def renounce(self, lease: int) -> None:
        """Forget what waits in memory under a lease that was lost: others have it now."""
        for site in self.sites.values():
            jobs = site.drain()
            for job in jobs:
                if job.lease == lease:
                    self.memory -= job.size
                else:
                    site.push(job)
            site.backlog = True

    def rehome(self, jobs: Sequence[Job], site: str) -> None:
        """Give jobs to the site that their domain was learnt to belong to."""
        for job in jobs:
            job.site = site
            self.site(site).push(job)
        self.attend(site)

    async def finish(self) -> None:
        """End the lanes after the mail that each is sending; those that take too long are left to themselves."""
        self.stopping = True
        for site in self.sites.values():
            site.wake_all()
        if self._lanes:
            await asyncio.wait(self._lanes, timeout=self.works.grace_seconds)

    async def close(self) -> None:
        """Everything that was not begun goes back to the table."""
        for site in self.sites.values():
            self.give_back(site)
        left = await self.ledger.close(self.works.grace_seconds)
        if left:
            self.works.log.warning("not stored", outcomes=left, what="The store did not answer: this mail will be sent again.")

    def _start_or_want(self, site: Site) -> None:
        """A lane now, or once one of the others ends; one that only waits for work ends for it."""
        if len(self._lanes) < self.works.connections:
            self._start(site)
            return
        self._wanting[site.name] = None
        if site.jobs[0]:
            self._wanting.move_to_end(site.name, last=False)
        waiter = next((waiter for waiter in self.resting if not waiter.done()), None)
        if waiter is not None:
            waiter.set_result(None)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._lanes.discard(task)
        while self._wanting and len(self._lanes) < self.works.connections:
            self.attend(self._wanting.popitem(last=False)[0])

    def _start(self, site: Site) -> None:
        site.lanes += 1
        learn = site.name.startswith(DOMAIN) and not self.works.capture
        top = bool(site.jobs[0] or site.urgent) and site.limit > 1 and not site.reserved
        site.reserved += top
        run = self._learn(site) if learn else self._serve(site, top=top)
        task = asyncio.create_task(run, name=site.name)
        self._lanes.add(task)
        task.add_done_callback(self._ended)

    async def _serve(self, site: Site, *, top: bool) -> None:
        works, source = self.works, self.works.next_source()
        lease, slot = works.leases.current, None
        try:
            slot = await works.queue.lease_slot(site.name, source.ip or "", worker=lease.number, limit=site.limit, top=top)
            if slot is None:
                site.crowded_until = works.now() + NO_SLOT_MS
                return
            lane = Lane(self, site, slot, source, lease)
            if top and not lane.top_only:  # another process has that slot
                top = False
                site.reserved -= 1
            try:
                await lane.run()
            finally:
                self._return(site, lane.in_hand)
        except Unavailable as gone:
            works.log.warning("store", site=site.name, what=str(gone))
        except Exception as fault:  # noqa: BLE001 whatever it is: the site backs off, the mail stays
            works.log.error("lane", cause=fault, site=site.name)
            self.failed(site, "This side had an internal error; the operator's log tells more.")
        finally:
            site.lanes -= 1
            site.reserved -= top
            if slot is not None:
                await self._free(site, source.ip or "", slot, lease.number)
            self._look_after(site)

    def _look_after(self, site: Site) -> None:
        """A lane has ended: others go on, or what waits in memory goes back to the table."""
        if site.lanes == 0 and (self.stopping or site.shut(self.works.now())):
            self.give_back(site)
        elif site.waiting or site.backlog:
            self.attend(site.name)

    async def _learn(self, site: Site) -> None:
        """Find the site of a domain by its MX records, and move there what waits for it."""
        try:
            await self._learns(self, site)
        except Unavailable as gone:
            self.works.log.warning("store", site=site.name, what=str(gone))
        except Exception as fault:  # noqa: BLE001 whatever it is: the domain backs off, the mail stays
            self.works.log.error("learn", cause=fault, site=site.name)
            self.failed(site, "This side had an internal error; the operator's log tells more.")
        finally:
            site.lanes -= 1
            self._look_after(site)

    async def _free(self, site: Site, source: str, slot: int, lease: int) -> None:
        try:
            await self.works.queue.free_slot(site.name, source, slot, worker=lease)
        except Unavailable as gone:
            self.works.log.warning("store", site=site.name, what=str(gone))  # it goes with the lease

    def _remember(self, site: Site) -> None:
        self.works.spawn(
            self.works.queue.site_failed(SiteState(site.name, site.failures, site.until, site.last_reply, site.paused))
        )

    def _returned(self, job: Job) -> Outcome:
        work = self.works.clockwork()
        late = delayed_at(job.created_at, told=job.told_delayed, rules=work.rules)
        wake = wake_time(state=State.READY, due_at=work.now, delayed_at=late, expires_at=job.expires_at)
        return Outcome(
            job.delivery,
            job.message,
            State.READY,
            work.now,
            job.attempts,
            work.now,
            wake,
            told_delayed=job.told_delayed,
            unknown=job.unknown,
            secret=job.secret,
            site=job.site,
        )
