"""The Queue: a table in the same database as the mail."""

from collections.abc import Awaitable, Callable, Sequence

from mailwright.ports.store import Cancelled, EventMaker, Pauses, SiteState, SiteView
from mailwright.queue import Job, Outcome
from mailwright.storage import controls, scheduling, sites, waking, workers
from mailwright.storage.claiming import claim
from mailwright.storage.clock import read_clock
from mailwright.storage.door import Door
from mailwright.storage.group import Beginning, Settling
from mailwright.storage.rows import event_row, outcome_row


class SqlQueue:
    """ports.Queue over SQL."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._read, self._write, self._write_soon = door.read, door.write, door.write_soon

    async def register(self, *, host: str, pid: int) -> int:
        """See ports.Queue. What this process hands over in memory is leased by this worker."""
        self._door.worker = await self._write(workers.register, host, pid)
        return self._door.worker

    async def heartbeat(self, worker: int) -> bool:
        """See ports.Queue."""
        return await self._write_soon(workers.heartbeat, worker)

    async def resign(self, worker: int) -> None:
        """See ports.Queue."""
        await self._write_soon(workers.resign, worker)

    async def workers(self) -> Sequence[tuple[int, str, int]]:
        """See ports.Queue."""
        return await self._read(workers.registered)

    async def free_dead(self, *, worker: int, alone: bool, new_events: EventMaker, judge: bool = True) -> int:
        """See ports.Queue."""
        if judge or alone:
            await self._write_soon(workers.bury, worker, alone=alone)
        freed = 0
        while rows := await self._read(workers.rows_of_the_dead):
            now = await self._read(read_clock)
            events = {row[0]: event_row(new_events(*row, now)) for row in rows}
            step = await self._write(workers.free, events)
            freed += step
            if not step:  # another process is at it
                break
        return freed

    async def begin(self, deliveries: Sequence[int], *, worker: int) -> frozenset[int]:
        """See ports.Queue."""
        unit = Beginning([(number, worker) for number in deliveries])
        await self._door.group(unit)
        return unit.result

    async def settle(self, outcomes: Sequence[Outcome], *, worker: int) -> None:
        """See ports.Queue."""
        unit = Settling(
            [outcome_row(outcome, worker) for outcome in outcomes],
            {outcome.delivery: [event_row(event) for event in outcome.events] for outcome in outcomes},
            {outcome.message for outcome in outcomes if outcome.secret and outcome.state.final},
            [(outcome.delivery,) for outcome in outcomes if outcome.report],
        )
        await self._door.group(unit)

    async def owed(self, *, limit: int = 100) -> Sequence[int]:
        """See ports.Queue."""
        return await self._read(waking.owing, limit)

    async def paid(self, deliveries: Sequence[int]) -> None:
        """See ports.Queue."""
        await self._write_soon(waking.paid, deliveries)

    async def claim(
        self, site: str, *, worker: int, limit: int, now: int, top_only: bool, turn: int, skip: frozenset[int]
    ) -> list[Job]:
        """See ports.Queue."""
        return await self._write_soon(claim, site, worker=worker, limit=limit, top_only=top_only, turn=turn, skip=skip)

    async def ready_sites(self, *, after: str = "", limit: int = 1000) -> list[str]:
        """See ports.Queue."""
        return await self._read(sites.ready_sites, after, limit)

    async def wake(self, *, now: int, limit: int = 500) -> list[Job]:
        """See ports.Queue."""
        return await self._read(waking.wake, now, limit)

    async def waken(self, outcomes: Sequence[Outcome]) -> None:
        """See ports.Queue."""
        await self._write(waking.waken, outcomes)

    async def next_wake(self) -> int | None:
        """See ports.Queue."""
        return await self._read(waking.next_wake)

    async def move(self, *, site: str, to: str, domain: str) -> int:
        """See ports.Queue."""
        return await _in_steps(lambda: self._write_soon(waking.move, site, to, domain))

    async def lease_slot(self, site: str, source: str, *, worker: int, limit: int, top: bool) -> int | None:
        """See ports.Queue."""
        return await self._write_soon(workers.lease_slot, site, source, number=worker, limit=limit, top=top)

    async def free_slot(self, site: str, source: str, slot: int, *, worker: int) -> None:
        """See ports.Queue."""
        await self._write_soon(workers.free_slot, site, source, slot, number=worker)

    async def learn_site(self, domain: str, site: str, *, until: int) -> None:
        """See ports.Queue."""
        await self._write_soon(sites.learn, domain, site, until)

    async def learnt_sites(self, *, now: int) -> dict[str, tuple[str, int]]:
        """See ports.Queue."""
        return await self._read(sites.learnt, now)

    async def site_failed(self, state: SiteState) -> None:
        """See ports.Queue."""
        await self._write_soon(sites.failed, state)

    async def site_states(self) -> dict[str, SiteState]:
        """See ports.Queue."""
        return await self._read(sites.states)

    async def sites(self, *, account: int | None = None, limit: int = 200) -> Sequence[SiteView]:
        """See ports.Queue."""
        return await self._read(sites.views, account, limit)

    async def pauses(self) -> Pauses:
        """See ports.Queue."""
        return await self._read(sites.pauses)

    async def pause(
        self, *, site: str | None = None, account: int | None = None, message: int | None = None, why: str, now: int
    ) -> int:
        """See ports.Queue."""
        if message is not None:
            return await self._write(controls.pause_message, message, why=why, now=now, new_id=self._door.new_id)
        if site is not None:
            return await self._write(controls.pause_site, site, why)
        return 0 if account is None else await self._write(controls.pause_account, account, why)

    async def resume(self, *, site: str | None = None, account: int | None = None, message: int | None = None, now: int) -> int:
        """See ports.Queue."""
        if message is not None:
            return await self._write(controls.resume_message, message, now=now, new_id=self._door.new_id)
        if site is not None:
            return await self._write(controls.resume_site, site)
        return 0 if account is None else await self._write(controls.resume_account, account)

    async def retry_now(
        self, *, site: str | None = None, account: int | None = None, message: int | None = None, now: int
    ) -> int:
        """See ports.Queue."""
        numbers = await self._read(controls.deferred, site=site, account=account, number=message, now=now)
        sites = {site} if site is not None else set()
        changed = 0
        for at in range(0, len(numbers), controls.STEP):
            some = numbers[at : at + controls.STEP]
            sites.update(await self._read(controls.sites_of, some))
            changed += await self._write(controls.make_ready, some, now)
        if sites:  # a site that backs off would keep them waiting
            await self._write(controls.forgive, sorted(sites))
        return changed

    async def cancel(self, message: int, *, account: int | None, now: int) -> Cancelled:
        """See ports.Queue."""
        return await self._write(controls.cancel, message, account=account, now=now, new_id=self._door.new_id)

    async def reschedule(self, message: int, *, account: int | None, due: int, now: int) -> None:
        """See ports.Queue."""
        await self._write(scheduling.reschedule, message, account=account, due=due, now=now, new_id=self._door.new_id)


async def _in_steps(step: Callable[[], Awaitable[int]]) -> int:
    """Small transactions until one finds nothing more; others write between them."""
    total = 0
    while changed := await step():
        total += changed
    return total
