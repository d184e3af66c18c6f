"""Under which number rows are held, and until when: a table of what may happen to a process."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from mailwright.app.lease import HELD_SECONDS, Leases
from mailwright.app.logs import logger
from mailwright.ports.store import LEASE_MS
from mailwright.queue import EventKind, Job
from mailwright.storage import Storage, open_storage
from tests.storage.mails import NOW, Mails, claim


@dataclass
class World:
    """A store, a clock that a test moves, and a count of the store's faults."""

    storage: Storage
    now: float = 1000.0
    faults: int = 0
    lost: list[int] = field(default_factory=list)

    async def leases(self, *, alone: bool = False) -> Leases:
        made = Leases(
            self.storage.queue, await self.number(), alone=alone, register=self.number, faults=lambda: self.faults,
            log=logger("test"), clock=lambda: self.now,
        )  # fmt: skip
        made.lost = self.lost.append
        return made

    async def number(self) -> int:
        return await self.storage.queue.register(host="here", pid=1)

    async def job(self, leases: Leases) -> Job:
        await Mails().accept(self.storage)
        (job,) = await claim(self.storage, leases.current.number)
        leases.take([job], leases.current)
        return job


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    storage = open_storage(f"sqlite:///{tmp_path}/mail.db")
    await storage.start()
    yield World(storage)
    await storage.close()


async def test_held_while_the_heartbeats_are_heard(world: World) -> None:
    leases, held = await world.leases(), []
    for seconds, beat in ((HELD_SECONDS - 1, True), (HELD_SECONDS - 1, False), (1, True)):
        world.now += seconds
        held.append(leases.held)
        if beat:
            await leases.beat()
    assert held == [True, True, False], "a few seconds later others may take over"
    assert leases.held, "but nobody did"


async def test_alone_there_is_nobody_who_could_take_over(world: World) -> None:
    leases = await world.leases(alone=True)
    number = leases.current.number
    world.now += 100 * HELD_SECONDS
    assert leases.held
    await leases.beat()
    assert leases.current.number == number


async def test_declared_dead_it_goes_on_under_another_number(world: World) -> None:
    leases = await world.leases()
    job = await world.job(leases)
    await world.storage.queue.resign(job.lease)  # as another process does with one that is silent
    await leases.beat()
    assert world.lost == [job.lease]
    assert not leases.holds(job.lease)
    assert leases.held
    assert await world.storage.queue.begin([job.delivery], worker=leases.current.number) == {job.delivery}, "not ours any more"


async def test_after_a_fault_what_is_in_memory_stays_ours_until_it_is_settled(world: World) -> None:
    leases = await world.leases()
    job = await world.job(leases)
    world.faults += 1
    await leases.beat()
    assert leases.current.number != job.lease
    assert leases.holds(job.lease)
    assert await world.storage.queue.begin([job.delivery], worker=job.lease) == frozenset()
    leases.let_go([job])
    await leases.beat()
    assert not leases.holds(job.lease), "given up: nothing is held under it"
    assert world.lost == []


async def test_what_is_claimed_anew_waits_for_its_first_copy(world: World) -> None:
    """A message was paused and let go on while it was in memory: one copy at a time may reach the store."""
    second: list[Job] = []
    leases = await world.leases()
    leases.doubled = second.append
    first = await world.job(leases)
    number = first.lease
    await world.storage.queue.pause(message=first.message, why="wait", now=NOW)
    await world.storage.queue.resume(message=first.message, now=NOW)
    again = await claim(world.storage, number)
    assert leases.take(again, leases.current) == []
    assert second == []
    leases.let_go([first])
    assert second == again
    assert leases.current.jobs == {first.delivery}, "the second is in memory until its outcome is stored"
    leases.let_go(again)
    assert leases.current.jobs == set()


@pytest.mark.parametrize("alone", [False, True])
async def test_what_a_fault_left_behind_is_freed(world: World, alone: bool) -> None:
    """A row that was leased by a write whose answer was lost, a slot that could not be given back: nobody knows of them."""
    leases, mails = await world.leases(alone=alone), Mails()
    await mails.accept(world.storage)
    await claim(world.storage, leases.current.number)
    slot: dict[str, Any] = {"site": "remote.example", "source": "", "limit": 1, "top": False}
    await world.storage.queue.lease_slot(worker=leases.current.number, **slot)
    world.faults += 1
    await leases.beat()
    freed = await world.storage.queue.free_dead(
        worker=leases.current.number, alone=False, judge=False,
        new_events=lambda delivery, message, account, now: mails.event(EventKind.UNKNOWN, message, delivery=delivery),
    )  # fmt: skip
    assert freed == 1
    assert await world.storage.queue.lease_slot(worker=leases.current.number, **slot) == 0
    assert len(await claim(world.storage, leases.current.number)) == 1


async def test_who_was_silent_itself_judges_nobody(world: World) -> None:
    leases = await world.leases()
    for _ in range(4):
        assert not leases.may_judge
        world.now += LEASE_MS / 4000 + 0.1
        await leases.beat()
    assert leases.may_judge
    world.now += HELD_SECONDS  # this process hung, or the machine slept
    await leases.beat()
    assert not leases.may_judge


async def test_at_its_end_others_need_not_wait(world: World) -> None:
    leases = await world.leases()
    number = leases.current.number
    await leases.resign()
    assert not await world.storage.queue.heartbeat(number)
