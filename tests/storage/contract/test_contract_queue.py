"""The Queue's contract, on both engines: claiming, leases, workers, slots."""

import asyncio
from collections import Counter

import pytest
from sqlalchemy import update

from mailwright.ports.store import LEASE_MS, EventMaker
from mailwright.queue import EventKind, EventRow, State
from mailwright.storage import Storage
from mailwright.storage.clock import now_ms
from mailwright.storage.schema import worker as worker_table
from tests.storage.conftest import Another
from tests.storage.mails import NOW, Mails, claim, states, told, worker


async def test_a_job_has_what_is_needed_to_send_it(storage: Storage, mails: Mails) -> None:
    me = await worker(storage)
    message, (delivery,) = await mails.accept(storage, eightbit=True, smtputf8=True, transport=9, content=[b"part 1 ", b"part 2"])
    (job,) = await claim(storage, me)
    assert (job.delivery, job.message, job.account) == (delivery.id, message.id, 7)
    assert (job.recipient, job.site, job.transport) == (delivery.recipient, delivery.site, 9)
    assert (job.author, job.mail_from, job.subsystem) == (message.author, message.mail_from, message.subsystem)
    assert (job.created_at, job.expires_at, job.size) == (message.created_at, message.expires_at, message.size)
    assert (job.eightbit, job.smtputf8, job.secret, job.told_delayed, job.unknown) == (True, True, False, False, False)
    assert (job.priority, job.attempts, job.state) == (2, 0, State.LEASED)
    assert (job.due_at, job.wake_at) == (delivery.due_at, delivery.wake_at)
    assert job.content == b"part 1 part 2"


async def test_a_large_mail_comes_without_its_content(storage: Storage, mails: Mails) -> None:
    me = await worker(storage)
    await mails.accept(storage, size=256 * 1024 + 1)
    (job,) = await claim(storage, me)
    assert job.content is None


async def test_recipients_of_one_mail_share_its_content(storage: Storage, mails: Mails) -> None:
    me = await worker(storage)
    await mails.accept(storage, "a@x.example", "b@x.example")
    one, two = await claim(storage, me)
    assert one.content is two.content


async def test_the_best_priority_is_served_first_and_alone(storage: Storage, mails: Mails) -> None:
    me = await worker(storage)
    for priority in (3, 1, 3, 0, 1):
        await mails.accept(storage, priority=priority)
    assert [job.priority for job in await claim(storage, me, top_only=True)] == [0]
    assert await claim(storage, me, top_only=True) == []
    assert [[job.priority for job in await claim(storage, me)] for _ in range(3)] == [[1, 1], [3, 3], []]


async def test_accounts_take_turns(storage: Storage, mails: Mails) -> None:
    me = await worker(storage)
    for account in [1] * 50 + [2] * 3 + [3] * 20:
        await mails.accept(storage, account=account)
    first = await claim(storage, me, limit=12)
    assert Counter(job.account for job in first) == {1: 5, 2: 3, 3: 4}
    assert [job.account for job in first[:11]] == [1] * 4 + [2] * 3 + [3] * 4
    second = await claim(storage, me, limit=1, turn=1)
    assert [job.account for job in second] == [3], "account 2 has none left"
    third = await claim(storage, me, limit=1, turn=3)
    assert [job.account for job in third] == [1], "after the last comes the first"


async def test_many_accounts_with_one_mail_each_fill_a_claim(storage: Storage, mails: Mails) -> None:
    me = await worker(storage)
    for account in range(1, 41):
        await mails.accept(storage, account=account)
    jobs = await claim(storage, me, limit=35, turn=20)
    assert [job.account for job in jobs] == [*range(21, 41), *range(1, 16)]


async def test_within_an_account_the_oldest_leaves_first(storage: Storage, mails: Mails) -> None:
    me = await worker(storage)
    ids = [(await mails.accept(storage))[1][0].id for _ in range(5)]
    assert [job.delivery for job in await claim(storage, me, limit=3)] == ids[:3]


async def test_accounts_to_skip_are_passed_over(storage: Storage, mails: Mails) -> None:
    me = await worker(storage)
    for account, priority in ((1, 0), (2, 1), (3, 1)):
        await mails.accept(storage, account=account, priority=priority)
    jobs = await claim(storage, me, skip=frozenset({1, 2}))
    assert [job.account for job in jobs] == [3], "also where the skipped account alone has the best priority"


@pytest.mark.parametrize("state", [State.DEFERRED, State.HELD, State.CAPTURED])
async def test_only_ready_rows_are_claimed(storage: Storage, mails: Mails, state: State) -> None:
    me = await worker(storage)
    await mails.accept(storage, state=state)
    await mails.accept(storage, site="elsewhere")
    assert await claim(storage, me) == []
    assert await storage.queue.ready_sites() == ["elsewhere"]


async def test_seventeen_workers_on_one_message(storage: Storage, another: Another, mails: Mails) -> None:
    message, deliveries = await mails.accept(storage, *(f"{n}@x.example" for n in range(100)))
    everybody = [storage, await another(), await another()]
    workers = [await worker(everybody[n % 3]) for n in range(17)]
    assert len(set(workers)) == 17

    async def work(n: int) -> list[int]:
        mine: list[int] = []
        while jobs := await claim(everybody[n % 3], workers[n], limit=3):
            mine += [job.delivery for job in jobs]
        return mine

    claimed = [number for share in await asyncio.gather(*map(work, range(17))) for number in share]
    assert sorted(claimed) == [delivery.id for delivery in deliveries]
    assert set(await states(storage, message.id)) == {State.LEASED}


async def test_outcomes_are_written_and_told(storage: Storage, mails: Mails) -> None:
    me = await worker(storage)
    message, _ = await mails.accept(storage, "a@x.example", "b@x.example", "c@x.example")
    jobs = await claim(storage, me)
    assert await storage.queue.begin([job.delivery for job in jobs], worker=me) == frozenset()
    assert await states(storage, message.id) == [State.SENDING] * 3
    outcomes = [
        mails.outcome(jobs[0], State.DELIVERED),
        mails.outcome(jobs[1], State.DEFERRED, site="other", told_delayed=True, unknown=True, reply="451 later"),
        mails.outcome(jobs[2], State.BOUNCED, report=True),
    ]
    await storage.queue.settle(outcomes, worker=me)
    one, two, three = (await storage.store.story(message.id, account=7)).deliveries
    assert (one.state, one.attempts, one.settled_at, one.reply) == (State.DELIVERED, 1, NOW, "250 2.0.0 ok")
    assert (two.state, two.site, two.unknown, two.settled_at, two.due_at) == (
        State.DEFERRED,
        "other",
        True,
        None,
        outcomes[1].due_at,
    )
    assert (three.state, three.site) == (State.BOUNCED, "remote.example")
    assert await told(storage, message.id) == [EventKind.ACCEPTED, EventKind.DELIVERED, EventKind.DEFERRED, EventKind.BOUNCED]
    assert await storage.queue.owed() == [three.id]
    await storage.queue.paid([three.id])
    assert await storage.queue.owed() == []
    (woken,) = await storage.queue.wake(now=outcomes[1].wake_at)
    assert (woken.delivery, woken.attempts, woken.told_delayed, woken.unknown) == (two.id, 1, True, True)


async def test_only_the_holder_of_a_lease_may_begin_and_settle(storage: Storage, mails: Mails) -> None:
    me, thief = await worker(storage), await worker(storage)
    message, _ = await mails.accept(storage, "a@x.example", "b@x.example")
    one, two = await claim(storage, me)
    assert await storage.queue.begin([one.delivery, two.delivery], worker=thief) == {one.delivery, two.delivery}
    await storage.queue.settle([mails.outcome(one, State.BOUNCED)], worker=thief)
    assert await states(storage, message.id) == [State.LEASED] * 2
    assert await told(storage, message.id) == [EventKind.ACCEPTED], "what was not written is not told"
    await storage.queue.settle([mails.outcome(one, State.DELIVERED)], worker=me)
    assert await storage.queue.begin([one.delivery, two.delivery], worker=me) == {one.delivery}
    await storage.queue.settle([mails.outcome(one, State.BOUNCED, report=True), mails.outcome(two, State.DELIVERED)], worker=me)
    assert await states(storage, message.id) == [State.DELIVERED] * 2
    assert await storage.queue.owed() == []


async def test_a_group_with_one_stale_outcome_writes_the_others(storage: Storage, mails: Mails) -> None:
    me, thief = await worker(storage), await worker(storage)
    message, _ = await mails.accept(storage, *(f"{n}@x.example" for n in range(150)))
    jobs = await claim(storage, me, limit=150)
    results = await asyncio.gather(
        *(storage.queue.begin([job.delivery], worker=me if n else thief) for n, job in enumerate(jobs))
    )
    assert [n for n, lost in enumerate(results) if lost] == [0]
    await asyncio.gather(
        *(storage.queue.settle([mails.outcome(job, State.DELIVERED)], worker=me if n else thief) for n, job in enumerate(jobs))
    )
    assert Counter(await states(storage, message.id)) == {State.DELIVERED: 149, State.LEASED: 1}
    assert Counter(await told(storage, message.id)) == {EventKind.ACCEPTED: 1, EventKind.DELIVERED: 149}


def unknown(mails: Mails) -> EventMaker:
    def event(delivery: int, message: int, account: int, now: int) -> EventRow:
        return mails.event(EventKind.UNKNOWN, message, account=account, delivery=delivery, at=now)

    return event


async def silence(storage: Storage, number: int) -> None:
    """Let a worker's last heartbeat be too long ago."""
    engines = storage._engines
    with engines.write.begin() as connection:
        connection.execute(update(worker_table).where(worker_table.c.id == number).values(heartbeat_at=now_ms() - LEASE_MS - 1))


async def test_the_rows_of_a_dead_worker_are_freed(storage: Storage, another: Another, mails: Mails) -> None:
    dead, me = await worker(await another()), await worker(storage)
    message, _ = await mails.accept(storage, "a@x.example", "b@x.example", "c@x.example")
    leased, begun, mine = (await claim(storage, dead, limit=2)) + (await claim(storage, me))
    await storage.queue.begin([begun.delivery], worker=dead)
    assert await storage.queue.free_dead(worker=me, alone=False, new_events=unknown(mails)) == 0, "it is still alive"
    await silence(storage, dead)
    assert await storage.queue.free_dead(worker=me, alone=False, new_events=unknown(mails)) == 2
    assert await states(storage, message.id) == [State.READY, State.READY, State.LEASED]
    story = await storage.store.story(message.id, account=7)
    assert {(event.kind, event.delivery) for event in story.events} == {
        (EventKind.ACCEPTED, None),
        (EventKind.UNKNOWN, begun.delivery),
    }
    assert [view.unknown for view in story.deliveries] == [False, True, False]
    assert not await storage.queue.heartbeat(dead), "it learns that it is taken for dead"
    assert await storage.queue.heartbeat(me)
    assert await storage.queue.begin([leased.delivery], worker=dead) == {leased.delivery}
    await storage.queue.settle([mails.outcome(begun, State.DELIVERED)], worker=dead)
    assert await states(storage, message.id) == [State.READY, State.READY, State.LEASED]
    assert {job.unknown for job in await claim(storage, me)} == {False, True}
    assert mine.delivery


async def test_alone_every_other_lease_is_void(storage: Storage, another: Another, mails: Mails) -> None:
    before = await worker(await another())
    message, _ = await mails.accept(storage, *(f"{n}@x.example" for n in range(30)))
    await claim(storage, before, limit=30)
    slot = await storage.queue.lease_slot("remote.example", "", worker=before, limit=1, top=False)
    me = await worker(storage)
    assert await storage.queue.lease_slot("remote.example", "", worker=me, limit=1, top=False) is None
    assert await storage.queue.free_dead(worker=me, alone=True, new_events=unknown(mails)) == 30
    assert set(await states(storage, message.id)) == {State.READY}
    assert await storage.queue.lease_slot("remote.example", "", worker=me, limit=1, top=False) == slot


async def test_slots_are_numbers_that_one_worker_holds(storage: Storage, another: Another) -> None:
    me, you = await worker(storage), await worker(await another())
    lease = storage.queue.lease_slot
    assert [await lease("s", "", worker=me, limit=3, top=False) for _ in range(3)] == [1, 2, None], "0 is kept for priority 0"
    assert [await lease("s", "", worker=you, limit=3, top=True) for _ in range(2)] == [0, None]
    assert await lease("s", "192.0.2.7", worker=you, limit=3, top=False) == 1, "each source address has its own"
    assert await lease("t", "", worker=you, limit=1, top=False) == 0, "a single slot serves everybody"
    await storage.queue.free_slot("s", "", 1, worker=you)
    assert await lease("s", "", worker=you, limit=3, top=False) is None, "one that is another's stays"
    await storage.queue.free_slot("s", "", 1, worker=me)
    assert await lease("s", "", worker=you, limit=3, top=False) == 1
    both = [storage, await another()]
    taken = await asyncio.gather(*(both[n % 2].queue.lease_slot("u", "", worker=me, limit=5, top=True) for n in range(12)))
    assert sorted(slot for slot in taken if slot is not None) == [0, 1, 2, 3, 4]
