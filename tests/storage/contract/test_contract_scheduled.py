"""Scheduled mail, on both engines: it waits for its time, within the limits of that hour, and may be given another."""

from typing import Any

import pytest

from mailwright.queue import Accepted, EventKind, NewDelivery, NewMessage, State
from mailwright.queue.retry import RetryRules, woken
from mailwright.storage import Storage
from mailwright.values import Conflict, NotFound
from tests.storage.mails import DAY, HOUR, MINUTE, NOW, Mails, claim, states, told, worker

RULES = RetryRules()
DUE = NOW + 3 * DAY


async def schedule(
    storage: Storage, mails: Mails, *recipients: str, due: int = DUE, **changes: Any
) -> tuple[NewMessage, list[NewDelivery], dict[int, int]]:
    """Hand in a mail that is to leave at `due`; the last are the new times of what is over the limits."""
    message = mails.message(scheduled_at=due, expires_at=due + 5 * DAY, **changes)
    deliveries = [
        mails.delivery(message, to, state=State.DEFERRED, due_at=due, wake_at=due) for to in recipients or ("bob@remote.example",)
    ]
    scheduled = mails.event(EventKind.SCHEDULED, message.id, account=message.account, due=due)
    kept = await storage.store.accept(message, [b"x"], deliveries, [scheduled])
    assert isinstance(kept, Accepted)
    return message, deliveries, dict(kept.spread)


async def dues(storage: Storage, message: int) -> list[int]:
    return [view.due_at for view in (await storage.store.story(message, account=None)).deliveries]


async def test_it_wakes_at_its_time_and_is_late_from_then_on(storage: Storage, mails: Mails) -> None:
    me = await worker(storage)
    await schedule(storage, mails)
    assert await storage.queue.next_wake() == DUE
    assert await storage.queue.wake(now=DUE - 1) == []
    (job,) = await storage.queue.wake(now=DUE)
    assert job.created_at == DUE, "since then it is under way"
    due = woken(job, now=DUE, rules=RULES, ids=mails.ids)
    assert (due.state, due.events, due.wake_at) == (State.READY, [], DUE + RULES.delayed_after)
    await storage.queue.waken([due])
    (late,) = await storage.queue.wake(now=DUE + RULES.delayed_after)
    (event,) = woken(late, now=DUE + RULES.delayed_after, rules=RULES, ids=mails.ids).events
    assert (event.kind, event.data["since"]) == (EventKind.DELAYED, DUE)
    (claimed,) = await claim(storage, me)
    assert (claimed.created_at, claimed.expires_at) == (DUE, DUE + 5 * DAY)


async def test_it_counts_in_the_hour_in_which_it_leaves(storage: Storage, mails: Mails) -> None:
    first, _, moved = await schedule(storage, mails, "a@x.example", "b@x.example", hour_limit=1)
    assert list(moved.values()) == [DUE + HOUR]
    assert await states(storage, first.id) == [State.DEFERRED] * 2
    now = mails.message(hour_limit=1)
    kept = await storage.store.accept(now, [b"x"], [mails.delivery(now)], [])
    assert kept == Accepted(now.id), "this hour is free"
    _, _, moved = await schedule(storage, mails, due=DUE + MINUTE, hour_limit=1)
    assert list(moved.values()) == [DUE + 2 * HOUR]


async def test_another_time(storage: Storage, mails: Mails) -> None:
    message, _, _ = await schedule(storage, mails, "a@x.example", "b@x.example")
    await storage.queue.reschedule(message.id, account=7, due=DUE + HOUR, now=NOW)
    story = await storage.store.story(message.id, account=7)
    assert (story.message.scheduled_at, story.message.expires_at) == (DUE + HOUR, DUE + HOUR + 5 * DAY)
    assert {(view.due_at, view.expires_at) for view in story.deliveries} == {(DUE + HOUR, DUE + HOUR + 5 * DAY)}
    assert [(event.kind, event.data) for event in story.events] == [
        (EventKind.SCHEDULED, {"due": DUE}),
        (EventKind.SCHEDULED, {"due": DUE + HOUR, "before": DUE}),
    ]
    assert await storage.queue.next_wake() == DUE + HOUR
    await storage.queue.reschedule(message.id, account=None, due=NOW + MINUTE, now=NOW)
    assert len(await storage.queue.wake(now=NOW + MINUTE)) == 2


async def test_another_time_gives_its_place_back(storage: Storage, mails: Mails) -> None:
    first, _, _ = await schedule(storage, mails, hour_limit=1)
    await schedule(storage, mails, due=DUE + HOUR, hour_limit=1)
    await storage.queue.reschedule(first.id, account=7, due=DUE + HOUR, now=NOW)
    assert await dues(storage, first.id) == [DUE + 2 * HOUR], "the hour that was asked for is full"
    (held,) = [one for one in (await storage.store.story(first.id, account=7)).events if one.kind is EventKind.HELD]
    assert (held.at, held.data["until"]) == (NOW, DUE + 2 * HOUR)
    _, _, moved = await schedule(storage, mails, hour_limit=1)
    assert moved == {}, "the hour that it left is free again"


async def test_what_is_cancelled_gives_its_place_back(storage: Storage, mails: Mails) -> None:
    first, _, _ = await schedule(storage, mails, "a@x.example", "b@x.example", hour_limit=2)
    assert (await storage.queue.cancel(first.id, account=7, now=NOW)).cancelled == 2
    assert await states(storage, first.id) == [State.CANCELLED] * 2
    assert await told(storage, first.id) == [EventKind.SCHEDULED, EventKind.CANCELLED, EventKind.CANCELLED]
    _, _, moved = await schedule(storage, mails, "a@x.example", "b@x.example", hour_limit=2)
    assert moved == {}
    with pytest.raises(Conflict, match="was cancelled"):
        await storage.queue.reschedule(first.id, account=7, due=DUE + HOUR, now=NOW)


async def test_too_late_for_another_time(storage: Storage, mails: Mails) -> None:
    me = await worker(storage)
    message, _, _ = await schedule(storage, mails, "a@x.example", "b@x.example")
    with pytest.raises(NotFound):
        await storage.queue.reschedule(message.id, account=8, due=DUE + HOUR, now=NOW)
    (one, _) = await storage.queue.wake(now=DUE)
    await storage.queue.waken([woken(one, now=DUE, rules=RULES, ids=mails.ids)])
    for step in (lambda: claim(storage, me), lambda: storage.queue.begin([one.delivery], worker=me)):
        with pytest.raises(Conflict, match="does not wait for its time any more"):
            await storage.queue.reschedule(message.id, account=7, due=DUE + HOUR, now=NOW)
        await step()
    assert await dues(storage, message.id) == [DUE, DUE], "all or nothing"
    at_once, _ = await mails.accept(storage)
    with pytest.raises(Conflict, match="was not scheduled"):
        await storage.queue.reschedule(at_once.id, account=7, due=DUE, now=NOW)


async def test_what_was_tried_before_is_not_scheduled_any_more(storage: Storage, mails: Mails) -> None:
    me = await worker(storage)
    message, _, _ = await schedule(storage, mails)
    (job,) = await storage.queue.wake(now=DUE)
    await storage.queue.waken([woken(job, now=DUE, rules=RULES, ids=mails.ids)])
    (job,) = await claim(storage, me)
    await storage.queue.settle([mails.outcome(job, State.DEFERRED, now=DUE)], worker=me)
    with pytest.raises(Conflict):
        await storage.queue.reschedule(message.id, account=7, due=DUE + DAY, now=DUE + MINUTE)


async def test_a_site_that_is_tried_again_at_once_leaves_scheduled_mail_alone(storage: Storage, mails: Mails) -> None:
    message, _, _ = await schedule(storage, mails)
    assert await storage.queue.retry_now(site="remote.example", now=NOW) == 0
    assert await storage.queue.retry_now(account=7, now=NOW) == 0
    assert await storage.queue.retry_now(message=message.id, now=NOW) == 1, "unless it is named"
    assert await states(storage, message.id) == [State.READY]
