"""The contract of Hooks and Events, on both engines."""

import asyncio
from typing import Any

import pytest

from mailwright.accounts import Account
from mailwright.queue import EventKind, State
from mailwright.queue.retry import RetryRules, woken
from mailwright.storage import Storage
from mailwright.values import NotFound
from mailwright.values.ids import least_id
from mailwright.webhooks import Call, CallState, Ended, HookState, Try, Webhook
from tests.storage.conftest import Another
from tests.storage.mails import HOUR, MINUTE, NOW, Mails, claim, worker

FAR = NOW + 1000 * HOUR


async def hooked(storage: Storage, mails: Mails, *events: str, account: int = 7, url: str = "https://app.example/hook") -> int:
    number = mails.ids.next(NOW)
    await storage.hooks.add(Webhook(number, account, url, events or ("*",), created_at=NOW), b"sealed")
    return number


async def taken(storage: Storage, number: int, me: int, *, now: int = FAR, limit: int = 100) -> list[Call]:
    return await storage.hooks.claim(number, worker=me, now=now, limit=limit)


def ended(call: Call, state: CallState = CallState.DONE, *, at: int = NOW, **changes: Any) -> Ended:
    status = 200 if state is CallState.DONE else 500
    fields: dict[str, Any] = {
        "webhook": call.webhook.id, "event": call.happened.id, "message": call.happened.message, "state": state, "due_at": at,
        "at": at, "tries": (Try(at, status, "said"),), "attempts": call.attempts + 1,
    }  # fmt: skip
    return Ended(**fields | changes)


async def heard(storage: Storage, number: int) -> list[EventKind]:
    return [view.happened.kind for view in reversed(await storage.hooks.calls(number, account=None))]


async def test_a_webhook_is_kept_changed_and_removed(storage: Storage, mails: Mails) -> None:
    number = await hooked(storage, mails, "email.delivered", "email.bounced")
    kept = await storage.hooks.webhook(number, account=7)
    assert kept == Webhook(number, 7, "https://app.example/hook", ("email.delivered", "email.bounced"), created_at=NOW)
    await storage.hooks.change(number, account=7, url="https://b.example/", events=("email.sent",), state=HookState.DISABLED)
    kept = await storage.hooks.webhook(number, account=None)
    assert (kept.url, kept.events, kept.state) == ("https://b.example/", ("email.sent",), HookState.DISABLED)
    await storage.hooks.remove(number, account=7)
    assert await storage.hooks.webhooks(account=7) == []


async def test_a_webhook_of_another_account_is_not_found(storage: Storage, mails: Mails) -> None:
    number = await hooked(storage, mails)
    await mails.accept(storage)
    (call,) = await storage.hooks.calls(number, account=7)
    assert await storage.hooks.webhooks(account=8) == []
    hooks = storage.hooks
    for asked in (
        hooks.webhook(number, account=8), hooks.change(number, account=8, url="https://evil.example/"),
        hooks.change(number, account=8), hooks.rotate(number, b"x", account=8, until=NOW), hooks.remove(number, account=8),
        hooks.calls(number, account=8), hooks.call(number, call.happened.id, account=8),
        hooks.replay(number, call.happened.id, account=8, now=NOW), hooks.replay_since(number, account=8, since=0, now=NOW),
    ):  # fmt: skip
        with pytest.raises(NotFound):
            await asked
    assert await storage.hooks.call(number, call.happened.id, account=7) == call


async def test_who_hears_what(storage: Storage, mails: Mails) -> None:
    """An account its own mail, the operator all; each the events that it asked for."""
    mine, theirs, operator = (
        await hooked(storage, mails, "email.sent", account=7),
        await hooked(storage, mails, account=8),
        await hooked(storage, mails, "email.accepted", account=0),
    )
    deaf = await hooked(storage, mails, "email.bounced", "email.opened")
    me = await worker(storage)
    await storage.directory.add_account(Account(7, "acme"))
    message, (delivery,) = await mails.accept(storage, tags={"run": "7"}, app_user="u1")
    (job,) = await claim(storage, me)
    await storage.queue.settle([mails.outcome(job, State.DELIVERED)], worker=me)
    assert await heard(storage, mine) == [EventKind.ACCEPTED]
    assert await heard(storage, operator) == [EventKind.ACCEPTED]
    assert await heard(storage, theirs) == await heard(storage, deaf) == []
    (call,) = await taken(storage, operator, me)
    assert call.sealed == [b"sealed"]
    told = call.happened
    assert (told.account_name, told.message, told.delivery) == ("acme", message.id, None)
    assert (told.author, told.subject, told.recipients, told.recipients_in_all) == (
        "anna@acme.example", "Your bill", (delivery.recipient,), 1,
    )  # fmt: skip
    assert (told.tags, told.user) == ({"run": "7"}, "u1")


async def test_every_way_in_which_an_event_is_told_makes_a_call(storage: Storage, mails: Mails) -> None:
    number, me = await hooked(storage, mails), await worker(storage)
    first, _ = await mails.accept(storage)
    (job,) = await claim(storage, me)
    await storage.queue.settle([mails.outcome(job, State.BOUNCED)], worker=me)
    second, _ = await mails.accept(storage)
    await storage.queue.pause(message=second.id, why="wait", now=NOW)
    await storage.queue.resume(message=second.id, now=NOW)
    await storage.queue.cancel(second.id, account=7, now=NOW)
    third, _ = await mails.accept(storage)
    later = NOW + HOUR
    jobs = await storage.queue.wake(now=later)
    await storage.queue.waken([woken(one, now=later, rules=RetryRules(), ids=mails.ids) for one in jobs])
    dead = await worker(storage)
    (job,) = await claim(storage, dead)
    await storage.queue.begin([job.delivery], worker=dead)
    await storage.queue.resign(dead)
    await storage.queue.free_dead(
        worker=me, alone=False, new_events=lambda d, m, a, now: mails.event(EventKind.UNKNOWN, m, delivery=d, account=a, at=later)
    )
    limited = mails.message(hour_limit=1)
    await storage.store.accept(limited, [b"x"], [mails.delivery(limited), mails.delivery(limited)], [])
    scheduled = mails.message(scheduled_at=FAR, expires_at=FAR + HOUR)
    waits = mails.delivery(scheduled, state=State.DEFERRED, due_at=FAR, wake_at=FAR)
    await storage.store.accept(scheduled, [b"x"], [waits], [mails.event(EventKind.SCHEDULED, scheduled.id)])
    await storage.queue.reschedule(scheduled.id, account=7, due=FAR + HOUR, now=later)
    kinds: dict[int, list[EventKind]] = {}
    for view in reversed(await storage.hooks.calls(number, account=7)):
        kinds.setdefault(view.happened.message, []).append(view.happened.kind)
    assert kinds == {
        first.id: [EventKind.ACCEPTED, EventKind.BOUNCED],
        second.id: [EventKind.ACCEPTED, EventKind.HELD, EventKind.RELEASED, EventKind.CANCELLED],
        third.id: [EventKind.ACCEPTED, EventKind.DELAYED, EventKind.UNKNOWN],
        limited.id: [EventKind.HELD],
        scheduled.id: [EventKind.SCHEDULED] * 2,
    }


async def test_a_webhook_made_by_another_process_hears_of_all_that_follows(
    storage: Storage, another: Another, mails: Mails
) -> None:
    other = await another()
    before, _ = await mails.accept(storage)
    number = await hooked(other, mails)
    sent = [before.id]
    for _ in range(3):
        message, _ = await mails.accept(storage)
        sent.append(message.id)
    views = await storage.hooks.calls(number, account=7)
    assert [view.happened.message for view in reversed(views)] == sent[1:]


async def test_of_one_message_a_webhook_is_told_in_order(storage: Storage, mails: Mails) -> None:
    number, me = await hooked(storage, mails), await worker(storage)
    await mails.accept(storage)
    other, _ = await mails.accept(storage)
    for job in await claim(storage, me):
        await storage.queue.settle([mails.outcome(job, State.DELIVERED)], worker=me)
    calls = await taken(storage, number, me)
    assert [call.happened.kind for call in calls] == [EventKind.ACCEPTED] * 2
    assert await taken(storage, number, me) == [], "those behind them wait"
    first, second = calls
    again = ended(first, CallState.WAITING, due_at=NOW + MINUTE)
    await storage.hooks.end([again, ended(second)], worker=me)
    (call,) = await taken(storage, number, me, now=NOW)
    assert (call.happened.message, call.happened.kind) == (other.id, EventKind.DELIVERED)
    (once_more,) = await taken(storage, number, me, now=NOW + MINUTE)
    assert (once_more.happened, once_more.attempts, once_more.tries) == (first.happened, 1, (Try(NOW, 500, "said"),))
    await storage.hooks.end([ended(once_more, CallState.GIVEN_UP)], worker=me)
    (last,) = await taken(storage, number, me)
    assert (last.happened.message, last.happened.kind) == (first.happened.message, EventKind.DELIVERED)


async def test_processes_share_the_calls_of_a_webhook(storage: Storage, another: Another, mails: Mails) -> None:
    number, both = await hooked(storage, mails), [storage, await another()]
    workers = [await worker(one) for one in both]
    sent = [(await mails.accept(storage))[0].id for _ in range(40)]
    claims = [taken(both[n % 2], number, workers[n % 2], limit=7) for n in range(10)]
    calls = [call.happened.message for part in await asyncio.gather(*claims) for call in part]
    assert sorted(calls) == sorted(sent), "each once"


async def test_a_dead_workers_calls_are_made_by_others(storage: Storage, mails: Mails) -> None:
    number, me, dead = await hooked(storage, mails), await worker(storage), await worker(storage)
    await mails.accept(storage)
    (call,) = await taken(storage, number, dead)
    assert await storage.hooks.free(now=NOW, idle=me) == 0, "it lives"
    await storage.queue.resign(dead)
    assert await storage.hooks.free(now=NOW) == 1
    (again,) = await taken(storage, number, me)
    assert again.happened.id == call.happened.id
    await storage.hooks.end([ended(call)], worker=dead)
    view = await storage.hooks.call(number, call.happened.id, account=7)
    assert view.state is CallState.CALLING, "what the dead one says does not count any more"
    await storage.hooks.end([ended(again)], worker=me)
    assert (await storage.hooks.call(number, call.happened.id, account=7)).state is CallState.DONE


async def test_a_webhook_rests_and_is_disabled_and_enabled(storage: Storage, mails: Mails) -> None:
    number, me = await hooked(storage, mails), await worker(storage)
    for _ in range(3):
        await mails.accept(storage)
    assert await storage.hooks.due(now=FAR) == [(number, False)]
    (call,) = await taken(storage, number, me, limit=1, now=NOW)
    assert await storage.hooks.end([ended(call, CallState.WAITING, pause=NOW + MINUTE)], worker=me) == []
    assert (await storage.hooks.due(now=NOW), await taken(storage, number, me, now=NOW)) == ([], [])
    assert await storage.hooks.due(now=NOW + MINUTE) == [(number, True)]
    hook = await storage.hooks.webhook(number, account=7)
    assert (hook.failing_since, hook.failures) == (NOW, 1)
    (call,) = await taken(storage, number, me, limit=1)
    assert await storage.hooks.end([ended(call, CallState.GIVEN_UP, disable="Broken.")], worker=me) == [number]
    hook = await storage.hooks.webhook(number, account=7)
    assert (hook.state, hook.notice, hook.failing_since) == (HookState.FAILED, "Broken.", NOW)
    assert (await storage.hooks.due(now=FAR), await taken(storage, number, me)) == ([], [])
    missed, _ = await mails.accept(storage)
    await storage.hooks.change(number, account=7, state=HookState.ENABLED)
    hook = await storage.hooks.webhook(number, account=7)
    assert (hook.state, hook.notice, hook.failing_since, hook.failures) == (HookState.ENABLED, "", None, 0)
    assert len(await taken(storage, number, me)) == 2, "what waited is tried again"
    assert await storage.hooks.replay_since(number, account=7, since=NOW, now=FAR) == 2, "the given up one, and the missed one"
    assert {call.happened.message for call in await taken(storage, number, me)} >= {missed.id}


async def test_one_success_ends_the_failing(storage: Storage, mails: Mails) -> None:
    number, me = await hooked(storage, mails), await worker(storage)
    for _ in range(2):
        await mails.accept(storage)
    first, second = await taken(storage, number, me)
    await storage.hooks.end([ended(first, CallState.WAITING, pause=FAR)], worker=me)
    await storage.hooks.end([ended(second)], worker=me)
    hook = await storage.hooks.webhook(number, account=7)
    assert (hook.failing_since, hook.failures) == (None, 0)
    assert await storage.hooks.due(now=FAR) == [(number, False)]


async def test_a_call_is_replayed(storage: Storage, mails: Mails) -> None:
    number, me = await hooked(storage, mails), await worker(storage)
    await mails.accept(storage)
    (call,) = await taken(storage, number, me)
    await storage.hooks.end([ended(call)], worker=me)
    assert await storage.hooks.replay_since(number, account=7, since=0, now=NOW) == 0, "it succeeded"
    await storage.hooks.replay(number, call.happened.id, account=7, now=NOW + HOUR)
    (again,) = await taken(storage, number, me)
    assert (again.happened.id, again.since) == (call.happened.id, NOW + HOUR)
    await storage.hooks.replay(number, call.happened.id, account=7, now=NOW)
    assert await taken(storage, number, me) == [], "it is under way already"
    with pytest.raises(NotFound):
        await storage.hooks.replay(number, 1, account=7, now=NOW)


async def test_both_secrets_are_there_while_one_is_rotated(storage: Storage, mails: Mails) -> None:
    number, me = await hooked(storage, mails), await worker(storage)
    await mails.accept(storage)
    await storage.hooks.rotate(number, b"fresh", account=7, until=NOW + HOUR)
    (call,) = await taken(storage, number, me)
    assert (call.sealed, call.webhook.old_until) == ([b"fresh", b"sealed"], NOW + HOUR)
    renewed: dict[bytes, str] = {}
    assert await storage.directory.reseal(lambda sealed, place: renewed.setdefault(sealed, place).encode()) == 2
    assert renewed == {b"fresh": f"7/webhook/{number}", b"sealed": f"7/webhook/{number}"}
    assert await storage.directory.sealed_count() == 2


async def test_lists_of_calls_go_on(storage: Storage, mails: Mails) -> None:
    number, me = await hooked(storage, mails), await worker(storage)
    sent = [(await mails.accept(storage))[0].id for _ in range(5)]
    calls = await taken(storage, number, me, limit=2)
    await storage.hooks.end([ended(call) for call in calls], worker=me)
    page = await storage.hooks.calls(number, account=7, limit=3)
    rest = await storage.hooks.calls(number, account=7, limit=3, before=page[-1].happened.id)
    assert [view.happened.message for view in (*page, *rest)] == sent[::-1]
    done = await storage.hooks.calls(number, account=7, states=(CallState.DONE,))
    assert {view.happened.message for view in done} == {call.happened.message for call in calls}


async def test_ended_calls_are_forgotten(storage: Storage, mails: Mails) -> None:
    number, me = await hooked(storage, mails), await worker(storage)
    await mails.accept(storage)
    await mails.accept(storage)
    (call,) = await taken(storage, number, me, limit=1)
    await storage.hooks.end([ended(call)], worker=me)
    assert await storage.hooks.forget(before=NOW) == 0
    assert await storage.hooks.forget(before=FAR) == 1, "the other one has not ended"
    assert len(await storage.hooks.calls(number, account=7)) == 1


async def test_events_are_read_in_order(storage: Storage, mails: Mails) -> None:
    sent = [(await mails.accept(storage, "a@x.example", "b@x.example", now=NOW + n, secret=n == 1))[0].id for n in range(3)]
    all_of_them, on = await storage.events.after(least_id(NOW) - 1)
    assert on is None
    assert [one.message for one in all_of_them] == sent
    assert all_of_them[0].recipients == ("a@x.example", "b@x.example")
    numbers = await storage.events.ids_after(least_id(NOW) - 1, limit=2)
    assert numbers == [one.id for one in all_of_them[:2]]
    assert await storage.events.these(numbers[::-1]) == all_of_them[:2]
    assert await storage.events.after(all_of_them[1].id, account=7) == (all_of_them[2:], None)
    assert await storage.events.after(all_of_them[1].id, account=8) == ([], None)
    assert await storage.events.these([]) == []


async def test_whoever_calls_and_in_whatever_way_it_ends_nothing_is_parked_for_ever(
    storage: Storage, another: Another, mails: Mails
) -> None:
    """Two processes claim and end while events come in: in the end all is told, of each mail in order."""
    number, both = await hooked(storage, mails), [storage, await another()]
    sent = [(await mails.accept(storage, now=NOW + n))[0].id for n in range(12)]
    told: list[tuple[int, int]] = []

    async def comes_in() -> None:
        for message in sent:
            await storage.queue.pause(message=message, why="wait", now=NOW + 100)
            await storage.queue.resume(message=message, now=NOW + 200)

    async def calls(mine: Storage, me: int) -> None:
        for turn in range(400):
            claimed = await taken(mine, number, me, now=NOW + 10 * turn, limit=7)
            failing = [call for call in claimed if call.attempts == 0 and call.happened.id % 3 == 0]
            done = [call for call in claimed if call not in failing]
            told.extend((call.happened.message, call.happened.id) for call in done)
            again = [ended(call, CallState.WAITING, due_at=NOW + 10 * turn + 5) for call in failing]
            await mine.hooks.end([*again, *[ended(call, at=NOW + 10 * turn) for call in done]], worker=me)
            if len(told) == 3 * len(sent):
                return

    workers = [await worker(one) for one in both]
    await asyncio.gather(comes_in(), *(calls(one, me) for one, me in zip(both, workers, strict=True)))
    assert len(told) == len(set(told)) == 3 * len(sent)
    for message in sent:
        mine = [event for of, event in told if of == message]
        assert mine == sorted(mine)
