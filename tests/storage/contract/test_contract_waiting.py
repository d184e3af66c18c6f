"""The Queue's contract, on both engines: what waits, sites, and what a person does."""

import asyncio

from mailwright.ports.store import Cancelled, SiteState
from mailwright.queue import EventKind, Job, Outcome, State
from mailwright.storage import Storage
from mailwright.values.ids import made_at
from tests.storage.conftest import Another
from tests.storage.mails import MINUTE, NOW, Mails, claim, states, told, worker


def due(job: Job, now: int) -> Outcome:
    """What the flow decides for a row that is due."""
    return Outcome(job.delivery, job.message, State.READY, now, job.attempts, job.due_at, now + MINUTE)


async def test_waiting_rows_wake_in_order(storage: Storage, mails: Mails) -> None:
    assert await storage.queue.next_wake() is None
    me = await worker(storage)
    message, (one, two, three) = await mails.accept(storage, "a@x.example", "b@x.example", "c@x.example")
    jobs = await claim(storage, me)
    wakes = {one.id: NOW + 3 * MINUTE, two.id: NOW + MINUTE, three.id: NOW + 2 * MINUTE}
    await storage.queue.settle([mails.outcome(job, State.DEFERRED, wake_at=wakes[job.delivery]) for job in jobs], worker=me)
    assert await storage.queue.next_wake() == NOW + MINUTE
    assert await storage.queue.wake(now=NOW) == []
    woken = await storage.queue.wake(now=NOW + 2 * MINUTE)
    assert [(job.delivery, job.state, job.content) for job in woken] == [
        (two.id, State.DEFERRED, None),
        (three.id, State.DEFERRED, None),
    ]
    assert len(await storage.queue.wake(now=NOW + 9 * MINUTE, limit=1)) == 1
    await storage.queue.waken([due(job, NOW + 2 * MINUTE) for job in woken])
    assert await states(storage, message.id) == [State.DEFERRED, State.READY, State.READY]
    assert await storage.queue.wake(now=NOW + 2 * MINUTE) == []


async def test_two_processes_wake_a_row_once(storage: Storage, mails: Mails) -> None:
    message, _ = await mails.accept(storage, state=State.DEFERRED)
    (job,) = await storage.queue.wake(now=NOW + 15 * MINUTE)
    for _ in range(2):
        late = due(job, NOW + 15 * MINUTE)
        late.events.append(mails.event(EventKind.DELAYED, message.id, delivery=job.delivery))
        late.told_delayed = True
        await storage.queue.waken([late])
    assert await told(storage, message.id) == [EventKind.ACCEPTED, EventKind.DELAYED]


async def test_a_row_that_was_claimed_meanwhile_is_left_alone(storage: Storage, mails: Mails) -> None:
    me = await worker(storage)
    message, _ = await mails.accept(storage)
    (job,) = await storage.queue.wake(now=NOW + 15 * MINUTE)
    await claim(storage, me)
    await storage.queue.waken([due(job, NOW + 15 * MINUTE)])
    assert await states(storage, message.id) == [State.LEASED]


async def test_what_runs_out_of_time_while_it_waits(storage: Storage, mails: Mails) -> None:
    message, _ = await mails.accept(storage, state=State.HELD, secret=True)
    (job,) = await storage.queue.wake(now=message.expires_at)
    bounced = mails.outcome(job, State.BOUNCED, now=message.expires_at, report=True)
    await storage.queue.waken([bounced])
    story = await storage.store.story(message.id, account=None)
    assert (story.deliveries[0].state, story.deliveries[0].settled_at) == (State.BOUNCED, message.expires_at)
    assert not story.has_body
    assert await storage.queue.owed() == [job.delivery]


async def test_rows_move_to_the_site_that_was_learnt(storage: Storage, mails: Mails) -> None:
    for n in range(3):
        await mails.accept(storage, f"{n}@x.example", site="x.example")
    await mails.accept(storage, "a@other.example", site="x.example")
    assert await storage.queue.move(site="x.example", to="mx.big.example", domain="x.example") == 3
    assert await storage.queue.ready_sites() == ["mx.big.example", "x.example"]
    assert await storage.queue.ready_sites(after="mx.big.example") == ["x.example"]
    assert await storage.queue.ready_sites(limit=1) == ["mx.big.example"]


async def test_sites_of_domains_are_remembered_for_a_while(storage: Storage) -> None:
    await storage.queue.learn_site("x.example", "mx.one.example", until=NOW + MINUTE)
    await storage.queue.learn_site("x.example", "mx.two.example", until=NOW + MINUTE)
    await storage.queue.learn_site("y.example", "mx.two.example", until=NOW)
    assert await storage.queue.learnt_sites(now=NOW) == {"x.example": ("mx.two.example", NOW + MINUTE)}


async def test_sites_as_people_see_them(storage: Storage, mails: Mails) -> None:
    me = await worker(storage)
    first, _ = await mails.accept(storage, *(f"{n}@x.example" for n in range(5)), site="x")
    await claim(storage, me, site="x", limit=2)
    await mails.accept(storage, state=State.DEFERRED, site="x")
    await mails.accept(storage, state=State.HELD, site="y", account=8)
    await mails.accept(storage, state=State.CAPTURED, site="z")
    await storage.queue.site_failed(SiteState("x", failures=3, until=NOW + MINUTE, last_reply="421 busy\x00"))
    await storage.queue.pause(site="w", why="they asked", now=NOW)
    x, y, w = await storage.queue.sites()
    assert (x.site, x.ready, x.deferred, x.held, x.in_hand) == ("x", 3, 1, 0, 2)
    assert (x.until, x.failures, x.last_reply, x.paused, x.counts_capped) == (NOW + MINUTE, 3, "421 busy\ufffd", "", False)
    assert x.oldest == made_at(first.id)
    assert (y.site, y.held, y.paused, w.site, w.paused, w.oldest) == ("y", 1, "", "w", "they asked", None)
    assert [view.site for view in await storage.queue.sites(account=8)] == ["y"]
    assert len(await storage.queue.sites(limit=1)) == 1


async def test_what_is_known_of_a_site_does_not_end_its_pause(storage: Storage) -> None:
    await storage.queue.pause(site="x", why="storm", now=NOW)
    await storage.queue.site_failed(SiteState("x", failures=1, until=NOW + MINUTE, last_reply="no answer"))
    assert (await storage.queue.site_states())["x"] == SiteState("x", 1, NOW + MINUTE, "no answer", "storm")
    await storage.queue.site_failed(SiteState("x"))
    assert (await storage.queue.pauses()).sites == {"x": "storm"}
    assert await storage.queue.resume(site="x", now=NOW) == 1
    assert await storage.queue.resume(site="x", now=NOW) == 0
    assert await storage.queue.site_states() == {}


async def test_an_account_is_paused_with_a_reason(storage: Storage) -> None:
    assert await storage.queue.pause(account=7, why="unpaid", now=NOW) == 1
    assert await storage.queue.pause(account=7, why="still unpaid", now=NOW) == 1
    assert (await storage.queue.pauses()).accounts == {7: "still unpaid"}
    assert await storage.queue.resume(account=7, now=NOW) == 1
    assert await storage.queue.resume(account=7, now=NOW) == 0


async def test_a_message_is_paused_and_resumed(storage: Storage, mails: Mails) -> None:
    me = await worker(storage)
    message, _ = await mails.accept(storage, "a@x.example", "b@x.example", "c@x.example")
    (begun,) = await claim(storage, me, limit=1)
    await storage.queue.begin([begun.delivery], worker=me)
    assert await storage.queue.pause(message=message.id, why="wrong price", now=NOW) == 2
    assert await states(storage, message.id) == [State.SENDING, State.HELD, State.HELD]
    assert await claim(storage, me) == []
    assert await storage.queue.resume(message=message.id, now=NOW) == 2
    assert await told(storage, message.id) == [
        EventKind.ACCEPTED,
        EventKind.HELD,
        EventKind.HELD,
        EventKind.RELEASED,
        EventKind.RELEASED,
    ]
    assert len(await claim(storage, me)) == 2


async def test_retry_now(storage: Storage, mails: Mails) -> None:
    mine, _ = await mails.accept(storage, "a@x.example", "b@x.example", state=State.DEFERRED, site="x")
    other, _ = await mails.accept(storage, state=State.DEFERRED, site="y", account=8)
    held, _ = await mails.accept(storage, state=State.HELD, site="x")
    await storage.queue.site_failed(SiteState("x", failures=2, until=NOW + MINUTE, last_reply="no"))
    assert await storage.queue.retry_now(site="x", now=NOW) == 2
    state = (await storage.queue.site_states()).get("x")
    assert state is None or (state.until, state.failures) == (0, 0)
    assert await states(storage, mine.id) == [State.READY] * 2
    assert await storage.queue.retry_now(account=7, now=NOW) == 0
    assert await storage.queue.retry_now(message=other.id, now=NOW) == 1
    assert await states(storage, held.id) == [State.HELD]


async def test_cancel_takes_back_what_was_not_begun(storage: Storage, mails: Mails) -> None:
    me = await worker(storage)
    message, _ = await mails.accept(storage, *(f"{n}@x.example" for n in range(4)))
    delivered, begun, leased = await claim(storage, me, limit=3)
    await storage.queue.begin([begun.delivery], worker=me)
    await storage.queue.settle([mails.outcome(delivered, State.DELIVERED)], worker=me)
    assert await storage.queue.cancel(message.id, account=7, now=NOW) == Cancelled(2, sending=1, ended=1)
    assert await states(storage, message.id) == [State.DELIVERED, State.SENDING, State.CANCELLED, State.CANCELLED]
    assert await storage.queue.begin([leased.delivery], worker=me) == {leased.delivery}, "it must not be sent"
    await storage.queue.settle([mails.outcome(leased, State.DELIVERED)], worker=me)
    assert await storage.queue.cancel(message.id, account=7, now=NOW) == Cancelled(0, sending=1, ended=1)
    await storage.queue.settle([mails.outcome(begun, State.DEFERRED)], worker=me)
    assert await storage.queue.cancel(message.id, account=None, now=NOW) == Cancelled(1, sending=0, ended=1)
    assert await states(storage, message.id) == [State.DELIVERED, *[State.CANCELLED] * 3]
    assert await claim(storage, me) == []


async def test_of_a_begin_and_a_cancel_at_the_same_time_one_wins(storage: Storage, another: Another, mails: Mails) -> None:
    me, other = await worker(storage), await another()
    for _ in range(20):
        message, _ = await mails.accept(storage, *(f"{n}@x.example" for n in range(5)))
        jobs = await claim(storage, me)
        lost, done = await asyncio.gather(
            storage.queue.begin([job.delivery for job in jobs], worker=me), other.queue.cancel(message.id, account=7, now=NOW)
        )
        assert (len(lost), done.sending) == (done.cancelled, 5 - done.cancelled)
        await storage.queue.settle([mails.outcome(job, State.DELIVERED) for job in jobs], worker=me)
        now = await states(storage, message.id)
        assert (now.count(State.CANCELLED), now.count(State.DELIVERED)) == (done.cancelled, done.sending)


async def test_what_was_held_in_a_workers_memory_is_not_its_own_until_it_is_claimed_again(storage: Storage, mails: Mails) -> None:
    me = await worker(storage)
    message, _ = await mails.accept(storage, state=State.LEASED)
    (number,) = [view.id for view in (await storage.store.story(message.id, account=7)).deliveries]
    assert await storage.queue.pause(message=message.id, why="wait", now=NOW) == 1
    assert await storage.queue.begin([number], worker=me) == {number}
    assert await storage.queue.resume(message=message.id, now=NOW) == 1
    assert await storage.queue.begin([number], worker=me) == {number}
    assert [job.delivery for job in await claim(storage, me)] == [number]


async def test_the_body_of_a_secret_mail_goes_when_it_is_cancelled_in_memory(storage: Storage, mails: Mails) -> None:
    await worker(storage)
    message, _ = await mails.accept(storage, state=State.LEASED, secret=True)
    assert (await storage.queue.cancel(message.id, account=7, now=NOW)).cancelled == 1
    assert not (await storage.store.story(message.id, account=7)).has_body
