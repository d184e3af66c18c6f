"""The Store's contract, on both engines."""

import asyncio

import pytest

from mailwright.accounts import Account
from mailwright.ports.store import CHUNK
from mailwright.queue import Accepted, Duplicate, EventKind, KeyReused, State
from mailwright.storage import Storage
from mailwright.values import Malformed, NotFound
from tests.storage.conftest import Another
from tests.storage.mails import DAY, HOUR, NOW, Mails, claim, states, told, worker


async def test_a_mail_is_kept_as_it_was_handed_in(storage: Storage, mails: Mails) -> None:
    message = mails.message(eightbit=True, tag="march", transport=None, priority=0)
    to = [mails.delivery(message, "bob@remote.example"), mails.delivery(message, "käthe@remote.example", site="other")]
    event = mails.event(EventKind.ACCEPTED, message.id, by="smtp", recipients=2)
    kept = await storage.store.accept(message, [b"one ", b"two"], to, [event])
    assert kept == Accepted(message.id, {})
    story = await storage.store.story(message.id, account=7)
    assert story.message == message
    assert story.has_body
    assert [(view.id, view.recipient, view.site, view.state) for view in story.deliveries] == [
        (one.id, one.recipient, one.site, State.READY) for one in to
    ]
    assert [(told.id, told.kind, told.data) for told in story.events] == [(event.id, event.kind, event.data)]
    assert b"".join(storage.store.content(message.id)) == b"one two"


@pytest.mark.parametrize(
    ("text", "kept", "because"),
    [
        ("caf\u00e9 \U0001f600", "caf\u00e9 \U0001f600", "any Unicode is text"),
        ("a\x00b", "a\ufffdb", "PostgreSQL has no NUL in text"),
        ("a\udce9b", "a?b", "a lone surrogate is no character"),
        ("line\r\nend", "line\r\nend", "line ends do no harm here"),
    ],
)
async def test_hostile_text_is_kept_without_harm(storage: Storage, mails: Mails, text: str, kept: str, because: str) -> None:
    message = mails.message(subject=text)
    event = mails.event(EventKind.ACCEPTED, message.id, reply=text)
    await storage.store.accept(message, [b"x"], [mails.delivery(message)], [event])
    story = await storage.store.story(message.id, account=None)
    assert story.message.subject == kept, because
    assert story.events[0].data["reply"] == text, because


async def test_a_large_mail_is_spooled_ahead(storage: Storage, mails: Mails) -> None:
    message = mails.message(size=CHUNK + 3)
    await storage.store.spool(message.id, 1, b"y" * 3)
    await storage.store.accept(message, [b"x" * CHUNK], [mails.delivery(message)], [])
    assert [len(part) for part in storage.store.content(message.id)] == [CHUNK, 3]
    assert await storage.store.sweep_orphans() == 0
    assert len(list(storage.store.content(message.id))) == 2


async def test_orphans_go(storage: Storage, mails: Mails) -> None:
    left, taken_back = mails.message(), mails.message()
    for message in (left, taken_back):
        await storage.store.spool(message.id, 0, b"half a ")
        await storage.store.spool(message.id, 1, b"mail")
    await storage.store.unspool(taken_back.id)
    swept = await storage.store.sweep_orphans()
    assert swept == (1 if storage.alone else 0), "where others may be spooling, an orphan has to be an hour old"
    with pytest.raises(NotFound):
        list(storage.store.content(taken_back.id))


async def test_another_accounts_mail_is_not_found(storage: Storage, mails: Mails) -> None:
    message, (delivery,) = await mails.accept(storage, account=7)
    for number in (message.id, delivery.id):
        assert await storage.store.find(number, account=7) == message.id
        assert await storage.store.find(number, account=None) == message.id
        with pytest.raises(NotFound):
            await storage.store.find(number, account=8)
    with pytest.raises(NotFound):
        await storage.store.story(message.id, account=8)
    assert await storage.store.messages(account=8) == []
    with pytest.raises(NotFound):
        await storage.queue.cancel(message.id, account=8, now=NOW)


async def test_lists_are_newest_first_with_the_worst_state(storage: Storage, mails: Mails) -> None:
    me = await worker(storage)
    sent = [await mails.accept(storage, "a@x.example", "b@x.example", now=NOW + n) for n in range(5)]
    jobs = await claim(storage, me, limit=3)
    await storage.queue.begin([job.delivery for job in jobs], worker=me)
    await storage.queue.settle(
        [mails.outcome(job, state) for job, state in zip(jobs, (State.DELIVERED, State.BOUNCED, State.DELIVERED), strict=True)],
        worker=me,
    )
    listed = await storage.store.messages(account=7)
    assert [message.id for message, _ in listed] == [message.id for message, _ in reversed(sent)]
    assert [state for _, state in listed] == [State.READY] * 4 + [State.BOUNCED]
    page = await storage.store.messages(account=7, before=listed[1][0].id, limit=2)
    assert [message.id for message, _ in page] == [message.id for message, _ in listed[2:4]]
    bounced = await storage.store.messages(account=None, state=State.BOUNCED)
    assert [message.id for message, _ in bounced] == [sent[0][0].id]


async def test_an_idempotency_key_makes_one_message(storage: Storage, mails: Mails) -> None:
    first = mails.message(idempotency_key="k1")
    again, elsewhere, other = (
        mails.message(idempotency_key="k1"),
        mails.message(idempotency_key="k1", account=8),
        mails.message(idempotency_key="k2"),
    )
    results = await asyncio.gather(  # one group, as it happens
        *(storage.store.accept(one, [b"x"], [mails.delivery(one)], []) for one in (first, again, elsewhere, other))
    )
    assert results == [Accepted(first.id), Duplicate(first.id), Accepted(elsewhere.id), Accepted(other.id)]
    later = mails.message(idempotency_key="k1", now=NOW + 23 * HOUR)
    assert await storage.store.accept(later, [b"x"], [mails.delivery(later)], []) == Duplicate(first.id)
    for duplicate in (again, later):
        with pytest.raises(NotFound):
            await storage.store.story(duplicate.id, account=None)
    next_day = mails.message(idempotency_key="k1", now=NOW + 24 * HOUR)
    assert await storage.store.accept(next_day, [b"x"], [mails.delivery(next_day)], []) == Accepted(next_day.id)


async def test_one_key_handed_in_by_two_processes_makes_one_message(storage: Storage, another: Another, mails: Mails) -> None:
    both = [storage, await another()]
    news = [mails.message(idempotency_key="k") for _ in range(20)]
    results = await asyncio.gather(
        *(both[n % 2].store.accept(one, [b"x"], [mails.delivery(one)], []) for n, one in enumerate(news))
    )
    accepted = [result for result in results if isinstance(result, Accepted)]
    assert len(accepted) == 1
    assert {result.message for result in results} == {accepted[0].message}


async def test_what_is_over_the_limits_leaves_later_and_says_so(storage: Storage, mails: Mails) -> None:
    me = await worker(storage)
    message = mails.message(hour_limit=2, day_limit=5)
    to = [mails.delivery(message, f"{n}@x.example", state=State.LEASED) for n in range(6)]
    kept = await storage.store.accept(message, [b"x"], to, [])
    assert isinstance(kept, Accepted)
    tomorrow = (NOW // DAY + 1) * DAY
    assert kept.spread == {to[2].id: NOW + HOUR, to[3].id: NOW + HOUR, to[4].id: NOW + 2 * HOUR, to[5].id: tomorrow}
    story = await storage.store.story(message.id, account=None)
    assert [view.state for view in story.deliveries] == [State.LEASED] * 2 + [State.DEFERRED] * 4
    held = [event for event in story.events if event.kind is EventKind.HELD]
    assert [event.data["until"] for event in held] == list(kept.spread.values())
    assert held[0].data["what"] == "The account's limit of 2 an hour and 5 a day is reached."
    assert await storage.queue.begin([to[0].id, to[2].id], worker=me) == {to[2].id}, "what waits is nobody's"
    assert {job.delivery for job in await storage.queue.wake(now=NOW + HOUR)} == {to[2].id, to[3].id}


async def test_the_next_message_finds_the_hours_that_are_left(storage: Storage, mails: Mails) -> None:
    for n, due in enumerate([NOW, NOW + HOUR, NOW + 2 * HOUR]):
        message = mails.message(hour_limit=1)
        delivery = mails.delivery(message)
        kept = await storage.store.accept(message, [b"x"], [delivery], [])
        assert isinstance(kept, Accepted)
        assert kept.spread == ({delivery.id: due} if n else {})
    other = mails.message(hour_limit=1, account=8)
    assert await storage.store.accept(other, [b"x"], [mails.delivery(other)], []) == Accepted(other.id), (
        "each account has its own"
    )
    reset = mails.message(hour_limit=1, now=NOW + 3 * HOUR)
    assert await storage.store.accept(reset, [b"x"], [mails.delivery(reset)], []) == Accepted(reset.id)


async def test_where_no_hour_has_room_a_person_is_asked(storage: Storage, mails: Mails) -> None:
    message = mails.message(hour_limit=0)
    delivery = mails.delivery(message)
    kept = await storage.store.accept(message, [b"x"], [delivery], [])
    assert isinstance(kept, Accepted)
    assert kept.spread == {delivery.id: message.expires_at}
    assert await states(storage, message.id) == [State.HELD]


async def test_limits_hold_across_groups(storage: Storage, mails: Mails) -> None:
    await storage.directory.add_account(Account(7, "acme", hour_limit=10))  # its row is what groups wait for each other at
    news = [mails.message(hour_limit=10) for _ in range(40)]
    results = await asyncio.gather(*(storage.store.accept(one, [b"x"], [mails.delivery(one)], []) for one in news))
    due = [time for result in results if isinstance(result, Accepted) for time in result.spread.values()]
    assert sorted(due) == [NOW + HOUR] * 10 + [NOW + 2 * HOUR] * 10 + [NOW + 3 * HOUR] * 10


async def test_captured_and_held_mail_is_not_limited(storage: Storage, mails: Mails) -> None:
    for state in (State.CAPTURED, State.HELD):
        message = mails.message(hour_limit=0)
        kept = await storage.store.accept(message, [b"x"], [mails.delivery(message, state=state)], [])
        assert kept == Accepted(message.id)
        assert await states(storage, message.id) == [state]


async def test_handing_over_in_memory_needs_a_worker(storage: Storage, mails: Mails) -> None:
    with pytest.raises(Malformed):
        await mails.accept(storage, state=State.LEASED)


async def test_bodies_go_after_their_time(storage: Storage, mails: Mails) -> None:
    await storage.directory.add_account(Account(8, "quick", retention_days=1))
    me = await worker(storage)
    settled, _ = await mails.accept(storage)
    short, _ = await mails.accept(storage, account=8)
    jobs = await claim(storage, me)
    await storage.queue.begin([job.delivery for job in jobs], worker=me)
    await storage.queue.settle([mails.outcome(job, State.DELIVERED, now=NOW + HOUR) for job in jobs], worker=me)
    waiting, _ = await mails.accept(storage)
    captured, _ = await mails.accept(storage, state=State.CAPTURED)

    async def left(at: int) -> list[int]:
        await storage.store.purge(now=at)
        everybody = [settled.id, short.id, waiting.id, captured.id]
        return [everybody.index(one) for one in everybody if (await storage.store.story(one, account=None)).has_body]

    assert await left(NOW + DAY) == [0, 1, 2, 3]
    assert await left(NOW + DAY + HOUR) == [0, 2, 3], "an account may say a day"
    assert await left(NOW + 30 * DAY) == [0, 2], "what was captured has its final state at once"
    assert await left(NOW + 30 * DAY + HOUR) == [2]
    assert await left(NOW + 300 * DAY) == [2], "a delivery that waits keeps its body"
    assert await storage.store.purge(now=NOW + 300 * DAY) == 0


async def test_the_body_of_a_secret_mail_goes_with_its_last_final_state(storage: Storage, mails: Mails) -> None:
    me = await worker(storage)
    message, _ = await mails.accept(storage, "a@x.example", "b@x.example", secret=True, subject="")
    jobs = await claim(storage, me)
    await storage.queue.settle([mails.outcome(jobs[0], State.DELIVERED)], worker=me)
    assert list(storage.store.content(message.id))
    await storage.queue.settle([mails.outcome(jobs[1], State.BOUNCED)], worker=me)
    with pytest.raises(NotFound):
        list(storage.store.content(message.id))
    cancelled, _ = await mails.accept(storage, secret=True)
    await storage.queue.cancel(cancelled.id, account=7, now=NOW)
    assert not (await storage.store.story(cancelled.id, account=7)).has_body


async def test_signatures_and_secrets_are_written_once(storage: Storage, mails: Mails) -> None:
    message, _ = await mails.accept(storage)
    await storage.store.keep_signature(message.id, 5, b"DKIM-Signature: first\r\n")
    await storage.store.keep_signature(message.id, 5, b"DKIM-Signature: second\r\n")
    assert await storage.store.signatures(message.id) == [(5, b"DKIM-Signature: first\r\n")]
    assert await storage.store.operator_secret("return-path", b"sealed 1") == b"sealed 1"
    assert await storage.store.operator_secret("return-path", b"sealed 2") == b"sealed 1"


async def test_one_group_does_not_fail_for_one_of_its_mails(storage: Storage, mails: Mails) -> None:
    good = [mails.message() for _ in range(10)]
    twice = good[4]
    results = await asyncio.gather(
        *(storage.store.accept(one, [b"x"], [mails.delivery(one)], []) for one in [*good, twice]), return_exceptions=True
    )
    assert [result for result in results if isinstance(result, Accepted)] == [Accepted(one.id) for one in good]
    assert isinstance(results[-1], Exception)
    assert await told(storage, good[9].id) == []
    assert len(await storage.store.messages(account=7)) == len(good)


async def test_a_key_stands_for_the_request_that_it_was_used_for(storage: Storage, mails: Mails) -> None:
    first = mails.message(idempotency_key="k", digest="d1")
    again, changed, nameless = (mails.message(idempotency_key="k", digest=digest) for digest in ("d1", "d2", ""))
    news = (first, again, changed, nameless)
    results = await asyncio.gather(*(storage.store.accept(one, [b"x"], [mails.delivery(one)], []) for one in news))
    expected = [Accepted(first.id), Duplicate(first.id), KeyReused(first.id), Duplicate(first.id)]
    assert results == expected, "in one group"
    later = [mails.message(idempotency_key="k", digest=digest, now=NOW + HOUR) for digest in ("d1", "d2", "")]
    results = [await storage.store.accept(one, [b"x"], [mails.delivery(one)], []) for one in later]
    assert results == expected[1:], "and later"
    next_day = mails.message(idempotency_key="k", digest="d2", now=NOW + 24 * HOUR)
    assert await storage.store.accept(next_day, [b"x"], [mails.delivery(next_day)], []) == Accepted(next_day.id)
    last = mails.message(idempotency_key="k", digest="d1", now=NOW + 25 * HOUR)
    assert await storage.store.accept(last, [b"x"], [mails.delivery(last)], []) == KeyReused(next_day.id), "the digest went along"
    assert len(await storage.store.messages(account=7)) == 2

    async def known(digest: str, at: int = NOW + 25 * HOUR, account: int = 7) -> int | None:
        return await storage.store.known(account=account, key="k", digest=digest, now=at)

    assert [await known("d2"), await known("d1"), await known("d2", account=8)] == [next_day.id, None, None]
    assert await known("d2", NOW + 48 * HOUR) is None, "it is forgotten after a day"


async def test_tags_time_and_user_are_kept(storage: Storage, mails: Mails) -> None:
    message = mails.message(tags={"kind": "bill", "month": "2027-01"}, scheduled_at=NOW + DAY, app_user="anna\x00")
    await storage.store.accept(message, [b"x"], [mails.delivery(message)], [])
    kept = (await storage.store.story(message.id, account=7)).message
    assert (kept.tags, kept.scheduled_at, kept.app_user) == (message.tags, NOW + DAY, "anna\ufffd")


async def test_pages_of_a_list_go_both_ways(storage: Storage, mails: Mails) -> None:
    sent = [
        (await mails.accept(storage, "a@x.example", "b@x.example", now=NOW + n, content=[b"Subject: %d\r\n\r\n" % n]))[0].id
        for n in range(5)
    ]
    await mails.accept(storage, account=8)
    newest_first = sent[::-1]
    first = await storage.store.listed(account=7, limit=2)
    assert [one.message.id for one in first] == newest_first[:2]
    assert (first[0].recipients, first[0].head, first[0].state) == (
        ["a@x.example", "b@x.example"],
        b"Subject: 4\r\n\r\n",
        State.READY,
    )
    older = await storage.store.listed(account=7, older_than=newest_first[1], limit=2)
    assert [one.message.id for one in older] == newest_first[2:4]
    newer = await storage.store.listed(account=7, newer_than=newest_first[3], limit=2)
    assert [one.message.id for one in newer] == newest_first[1:3], "those that stand next to the cursor"
    assert await storage.store.listed(account=9) == []
