"""A lane: one connection of one site, that takes jobs one after the other until none is left."""

import asyncio
import time
from collections.abc import Sequence
from typing import Protocol

from mailwright.app.lease import Lease
from mailwright.app.ledger import Ledger
from mailwright.app.site import Site
from mailwright.app.sources import Source
from mailwright.app.works import Works
from mailwright.flows.aim import Aim, Hopeless, Later, Moved
from mailwright.flows.deliver import CannotSign, NotBegun, Parcel, deliver, lost_unheard
from mailwright.ports.sender import Session, Unreachable
from mailwright.queue import Job, Outcome
from mailwright.queue.settle import Tried, Unanswered, put_off, refused_by_us, settled
from mailwright.values import Finding, Unavailable

TURN = 100  # mails after which a lane gives way, where other sites wait for a connection
STORE_PAUSE = 0.5  # seconds between looks at a store that is behind


class Floor(Protocol):
    """What a lane asks of the dispatch that started it."""

    works: Works
    ledger: Ledger
    stopping: bool

    @property
    def behind(self) -> bool:
        """Whether the store cannot follow just now: nothing is begun then."""
        ...

    resting: dict[asyncio.Future[None], None]  # lanes that wait for work, of all sites

    @property
    def crowded(self) -> bool:
        """Whether sites wait for a connection because all are taken."""
        ...

    async def claim(self, site: Site, *, top_only: bool) -> bool:
        """Bring jobs of the table to the site; False where there are none."""
        ...

    def parcel(self, jobs: Sequence[Job], *, again: bool = False) -> Parcel:
        """Begin to sign jobs and to mark them as begun."""
        ...

    def settle(self, site: Site, pairs: Sequence[tuple[Job, Outcome]]) -> None:
        """Hand outcomes to the ledger."""
        ...

    def failed(self, site: Site, what: str) -> int:
        """The site cannot be reached: until when it backs off (ms)."""
        ...

    def rehome(self, jobs: Sequence[Job], site: str) -> None:
        """Give jobs to the site that they belong to."""
        ...

    def put_back(self, site: Site, jobs: Sequence[Job]) -> None:
        """Put jobs that were not sent back into the table."""
        ...


class Lane:
    """Runs as one task; every job that it takes ends in the ledger or back with the site."""

    def __init__(self, floor: Floor, site: Site, slot: int, source: Source, lease: Lease) -> None:
        """`lease` is the one under which the slot is held; the lane ends with it."""
        self._floor, self._works, self._site = floor, floor.works, site
        self._source, self._lease = source, lease
        self.top_only = slot == 0 and site.limit > 1  # slot 0 is kept for the top priority
        self._session: Session | None = None
        self._served = 0
        self._wary = False  # somebody took mail back from us: the next is marked before anything is said
        self.in_hand: list[Job] = []  # taken from the site, not yet settled

    async def run(self) -> None:
        """Serve until there is nothing left to do here, or the site shuts; what is still in hand then is for the dispatch."""
        ahead: Parcel | None = None
        try:
            while (parcel := ahead or await self._next()) is not None:
                session = await self._open(parcel)
                if session is None:
                    return
                ahead = None if self._looks_up() else self._from_memory()  # signed while this one is under way
                await self._send(parcel, session)
        finally:
            await self._quit()

    async def _next(self) -> Parcel | None:
        """The next parcel from memory, from the table, or after some waiting; None ends the lane."""
        while not self._ends():
            if self._floor.behind:
                await asyncio.sleep(STORE_PAUSE)
                continue
            if self._gives_way():
                return None
            if self._site.urgent:
                await self._floor.claim(self._site, top_only=True)
            parcel = self._from_memory()
            if parcel is not None:
                return parcel
            if await self._floor.claim(self._site, top_only=self.top_only):
                continue
            if self._session is None or self._floor.crowded or not await self._idle():
                return None
        return None

    def _looks_up(self) -> bool:
        """Whether there is something better to do than the next mail in memory."""
        return self._site.urgent or self._gives_way()

    def _gives_way(self) -> bool:
        """Whether this connection had its turn, and other sites wait for one."""
        return self._floor.crowded and self._served >= TURN

    def _ends(self) -> bool:
        over = self._floor.stopping or self._works.leases.current is not self._lease
        return over or self._site.shut(self._works.now())

    def _from_memory(self) -> Parcel | None:
        if self._ends() or self._floor.behind:
            return None
        jobs = self._site.take(top_only=self.top_only, most=self._works.recipients_at_once)
        self.in_hand += jobs
        return self._floor.parcel(jobs) if jobs else None

    async def _idle(self) -> bool:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        idle = self._site.idle_top if self.top_only else self._site.idle
        idle.append(waiter)
        self._floor.resting[waiter] = None
        try:
            async with asyncio.timeout(self._works.idle_seconds):
                await waiter
        except TimeoutError:
            return False
        finally:
            del self._floor.resting[waiter]
            if waiter in idle:
                idle.remove(waiter)
        return True

    async def _open(self, parcel: Parcel) -> Session | None:
        """The open session or a new one; None where there is none to be had: the parcel is then taken care of."""
        if self._session is not None and self._session.alive:
            return self._session
        await self._quit()
        aim = await self._works.aims.aim(self._site.name, parcel.jobs[0], self._source)
        if not isinstance(aim, Aim):
            self._without_aim(parcel.jobs, aim)
            return None
        found = await self._works.sender.open(aim.target)
        if isinstance(found, Unreachable):
            self._unreachable(parcel.jobs, found)
            return None
        self._session = found
        return found

    async def _send(self, parcel: Parcel, session: Session) -> None:
        began = time.monotonic()
        self._served += 1
        try:
            if self._wary:
                await parcel.begun
            outcomes = await deliver(parcel, session, self._works.clockwork)
        except (CannotSign, Unavailable) as fault:
            self._put_off(parcel.jobs, str(fault))
            return
        except NotBegun:
            self._floor.put_back(self._site, parcel.jobs)
            self._let_go(parcel.jobs)
            self._wary = True
            return
        self._wary = False
        if not parcel.again and lost_unheard(outcomes, session):
            await self._once_more(self._floor.parcel(parcel.jobs, again=True))
            return
        self._site.took(time.monotonic() - began)
        self._settle(list(zip(parcel.jobs, outcomes, strict=True)))

    async def _once_more(self, parcel: Parcel) -> None:
        """A server may close a connection between two mails; that is no failure of the next one."""
        session = await self._open(parcel)
        if session is not None:
            await self._send(parcel, session)

    def _without_aim(self, jobs: Sequence[Job], aim: Hopeless | Later | Moved) -> None:
        work = self._works.clockwork()
        if isinstance(aim, Moved):
            self._floor.rehome(jobs, aim.site)
            self._let_go(jobs)
        elif isinstance(aim, Hopeless):
            self._settle([(job, refused_by_us(job, aim.reply, aim.reason, work)) for job in jobs])
        else:
            until = self._floor.failed(self._site, aim.what)
            self._settle([(job, put_off(job, aim.what, work, due_at=until)) for job in jobs])

    def _unreachable(self, jobs: Sequence[Job], found: Unreachable) -> None:
        """Nobody answered, or the server sent us away: the whole site backs off."""
        what = str(found.reply) if found.reply is not None else _in_words(found.finding)
        until = self._floor.failed(self._site, what)
        tried = Tried(found.host, found.ip, "", found.transcript)
        work = self._works.clockwork()
        self._settle([(job, settled(job, Unanswered(what), tried, work, not_before=until)) for job in jobs])

    def _put_off(self, jobs: Sequence[Job], why: str) -> None:
        work = self._works.clockwork()
        due = work.now + work.rules.steps[0]
        self._settle([(job, put_off(job, why, work, due_at=due)) for job in jobs])

    def _settle(self, pairs: Sequence[tuple[Job, Outcome]]) -> None:
        self._floor.settle(self._site, pairs)
        self._let_go([job for job, _ in pairs])

    def _let_go(self, jobs: Sequence[Job]) -> None:
        gone = {job.delivery for job in jobs}
        self.in_hand = [job for job in self.in_hand if job.delivery not in gone]

    async def _quit(self) -> None:
        if self._session is not None:
            session, self._session = self._session, None
            await session.quit()


def _in_words(finding: Finding) -> str:
    """What happened, with what was seen of it."""
    return f"{finding.what} ({'; '.join(finding.evidence)})" if finding.evidence else finding.what
