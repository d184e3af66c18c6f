"""The calls of webhooks: claimed by a worker, ended, freed, replayed, forgotten.

Of one message a webhook is told in order: only the oldest call that is not ended may be claimed. Those behind it are parked
(their `due_at` lies beyond all time) once a claim meets them, and come back one by one as those before them end. Whoever claims
or ends calls of a webhook holds its row, so that nothing is parked that has just been released.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Row,
    Select,
    SmallInteger,
    Text,
    delete,
    exists,
    func,
    or_,
    select,
    text,
    update,
)

from mailwright.storage import happened
from mailwright.storage.many import run_rows
from mailwright.storage.rows import padded, storable
from mailwright.storage.schema import event, webhook, webhook_call, worker
from mailwright.storage.telling import CALLS_AGAIN
from mailwright.values.ids import least_id
from mailwright.webhooks import Call, CallState, CallView, Ended, Happened, HookState, Try, Webhook

PARKED = 1 << 62
PAGE = 100  # rows looked at in one claim
STEP = 500  # rows that change in one transaction
_WAITING, _OPEN, _CALLING = (text(f"webhook_call.{one}") for one in ("state = 0", "state IN (0, 1)", "state = 1"))
_c, _w = webhook_call.c, webhook.c
_END = """UPDATE webhook_call SET state = given.state, due_at = given.due_at, attempts = given.attempts, tries = given.tries,
lease = NULL FROM ({rows}) AS given WHERE webhook_call.webhook = given.webhook AND webhook_call.event = given.event
AND webhook_call.state = 1 AND webhook_call.lease = given.lease RETURNING webhook_call.event"""
# The next call of each message is due.
_RELEASE = f"""UPDATE webhook_call SET due_at = given.at FROM ({{rows}}) AS given
WHERE webhook_call.webhook = given.webhook AND webhook_call.state = 0 AND webhook_call.due_at = {PARKED}
AND webhook_call.event = (SELECT min(event) FROM webhook_call AS first
  WHERE first.state IN (0, 1) AND first.webhook = given.webhook AND first.message = given.message)"""  # noqa: S608 - a constant
_TYPES = {"tries": Text, "state": SmallInteger}
_ENDED: list[Column[Any]] = [
    Column(name, _TYPES.get(name, BigInteger)) for name in ("webhook", "event", "lease", "state", "due_at", "attempts", "tries")
]
_RELEASED: list[Column[Any]] = [Column(name, BigInteger) for name in ("webhook", "message", "at")]


def hook(row: Row[Any]) -> Webhook:
    """A webhook from its row."""
    of = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    return Webhook(
        id=of["id"], account=of["account"], url=of["url"], events=tuple(of["events"].split()), state=HookState(of["state"]),
        notice=of["notice"], created_at=of["created_at"], failing_since=of["failing_since"], failures=of["failures"],
        old_until=of["old_until"],
    )  # fmt: skip


def due(connection: Connection, now: int) -> Sequence[tuple[int, bool]]:
    """The webhooks that have a call to make now, and whether each is failing: one look into the index for each webhook."""
    some = exists().where(_WAITING, _c.webhook == _w.id, _c.due_at <= now)
    of = select(_w.id, _w.failing_since).where(_w.state == int(HookState.ENABLED), _w.rests_until <= now, some)
    return [(row.id, row.failing_since is not None) for row in connection.execute(of)]


def claim(connection: Connection, number: int, *, worker: int, now: int, limit: int) -> list[Call]:
    """Take up to `limit` calls of a webhook, each the oldest open one of its message."""
    held = connection.execute(select(webhook).where(_w.id == number).with_for_update()).one_or_none()
    if held is None or held.state != HookState.ENABLED or held.rests_until > now:
        return []
    taken: list[Row[int, int]] = []
    while len(taken) < limit:
        page, first = _page(connection, number, now)
        room = limit - len(taken)
        ours = [row for row in page if first[row.message] == row.event][:room]
        _change(connection, number, [row.event for row in ours], state=int(CallState.CALLING), lease=worker)
        blocked = [row.event for row in page if first[row.message] != row.event]
        _change(connection, number, blocked, due_at=PARKED)
        taken += ours
        if len(page) < PAGE:
            break
    return _calls(connection, held, [row.event for row in taken])


def _page(connection: Connection, number: int, now: int) -> tuple[Sequence[Row[int, int]], dict[int, int]]:
    """Some due calls, and the oldest open event of each of their messages."""
    of = select(_c.event, _c.message).where(_WAITING, _c.webhook == number, _c.due_at <= now)
    page = connection.execute(of.order_by(_c.due_at, _c.event).limit(PAGE)).all()
    return page, _oldest(connection, number, [row.message for row in page])


def _oldest(connection: Connection, number: int, messages: Sequence[int]) -> dict[int, int]:
    if not messages:
        return {}
    of = select(_c.message, func.min(_c.event)).where(_OPEN, _c.webhook == number, _c.message.in_(padded(messages)))
    return {row[0]: row[1] for row in connection.execute(of.group_by(_c.message))}


def _change(connection: Connection, number: int, events: Sequence[int], **values: int | None) -> None:
    if events:
        connection.execute(update(webhook_call).where(_c.webhook == number, _c.event.in_(padded(events))).values(**values))


def _calls(connection: Connection, held: Row[Any], events: Sequence[int]) -> list[Call]:
    if not events:
        return []
    of, told = hook(held), happened.these(connection, events)
    sealed = [bytes(held.sealed)] + ([bytes(held.sealed_old)] if held.sealed_old is not None else [])
    rows = connection.execute(select(webhook_call).where(_c.webhook == of.id, _c.event.in_(padded(events)))).all()
    found = {row.event: row for row in rows}
    return [
        Call(of, told[number], found[number].since, found[number].attempts, tries(found[number].tries), sealed)
        for number in events
        if number in told
    ]


def end(connection: Connection, ended: Sequence[Ended], worker: int) -> list[int]:
    """Write what became of calls that this worker has; the webhooks that were disabled by it."""
    by_hook: defaultdict[int, list[Ended]] = defaultdict(list)
    for one in ended:
        by_hook[one.webhook].append(one)
    disabled = []
    for number in sorted(by_hook):  # in order: two processes must not wait for each other
        held = connection.execute(select(_w.state).where(_w.id == number).with_for_update()).one_or_none()
        ours = _end(connection, number, by_hook[number], worker)
        if held is not None and _tell_hook(connection, number, ours):
            disabled.append(number)
    return disabled


def _end(connection: Connection, number: int, ended: Sequence[Ended], worker: int) -> list[Ended]:
    """Those that this worker had."""
    rows = [(number, one.event, worker, int(one.state), one.due_at, one.attempts, _stored(one.tries)) for one in ended]
    _, returned = run_rows(connection, _END, _ENDED, rows)
    mine = {row[0] for row in returned}
    ours = [one for one in ended if one.event in mine]
    run_rows(connection, _RELEASE, _RELEASED, [(number, one.message, one.at) for one in ours if one.state.final])
    return ours


def _tell_hook(connection: Connection, number: int, ended: Sequence[Ended]) -> bool:
    """What the tries say about the webhook as a whole; True where it is disabled by them."""
    ended = [one for one in ended if one.tried]
    if not ended:
        return False
    of = update(webhook).where(_w.id == number)
    if any(one.state is CallState.DONE for one in ended):
        connection.execute(of.where(_w.failing_since.is_not(None)).values(failing_since=None, failures=0, rests_until=0))
        return False
    first, rest = min(one.at for one in ended), max(one.pause or 0 for one in ended)
    since = func.coalesce(_w.failing_since, first)
    rests = {"rests_until": rest} if rest else {}
    connection.execute(of.values(failing_since=since, failures=_w.failures + len(ended), **rests))
    notice = next((one.disable for one in ended if one.disable), "")
    if not notice:
        return False
    gone = of.where(_w.state == int(HookState.ENABLED)).values(state=int(HookState.FAILED), notice=storable(notice))
    return connection.execute(gone).rowcount == 1


def free(connection: Connection, now: int, idle: int | None) -> int:
    """Calls of workers that are no more, and of the worker `idle`, are due again; how many."""
    nobody = or_(_c.lease.not_in(select(worker.c.id)), _c.lease == idle) if idle else _c.lease.not_in(select(worker.c.id))
    gone = update(webhook_call).where(_CALLING, nobody)
    return connection.execute(gone.values(state=int(CallState.WAITING), lease=None, due_at=now)).rowcount


def listed(connection: Connection, number: int, *, states: Sequence[CallState], before: int | None, limit: int) -> list[CallView]:
    """Calls of a webhook, newest first."""
    of = select(webhook_call).where(_c.webhook == number).order_by(_c.event.desc()).limit(limit)
    if states:
        of = of.where(_c.state.in_([int(one) for one in states]))
    if before is not None:
        of = of.where(_c.event < before)
    rows = connection.execute(of).all()
    told = happened.these(connection, [row.event for row in rows])
    return [_view(row, told) for row in rows if row.event in told]


def one(connection: Connection, number: int, call: int) -> CallView | None:
    """One call of a webhook."""
    rows = connection.execute(select(webhook_call).where(_c.webhook == number, _c.event == call)).all()
    told = happened.these(connection, [row.event for row in rows])
    return next((_view(row, told) for row in rows if row.event in told), None)


def _view(row: Row[Any], told: dict[int, Happened]) -> CallView:
    return CallView(
        row.webhook, CallState(row.state), row.due_at, row.attempts, tries(row.tries), told[row.event], row.due_at == PARKED
    )


def again(connection: Connection, number: int, call: int, now: int) -> bool:
    """Make one call once more, from the start of its patience; False where there is none. One under way is left to itself."""
    of = update(webhook_call).where(_c.webhook == number, _c.event == call, _c.state != int(CallState.CALLING))
    return (
        connection.execute(of.values(state=0, due_at=now, since=now)).rowcount == 1 or one(connection, number, call) is not None
    )


def again_from(connection: Connection, number: int, after: int, until: int, now: int) -> tuple[int, int | None]:
    """Of the next events behind id `after`: make the calls that were given up once more, and those that were never made.

    Returns how many, and the id to go on from; None at the end. `until` is the last id that is looked at.
    """
    last = connection.execute(
        select(
            func.max(
                select(event.c.id).where(event.c.id > after, event.c.id <= until).order_by(event.c.id).limit(STEP).subquery().c.id
            )
        )
    ).scalar_one()
    if last is None:
        return 0, None
    asked = {"webhook": number, "after": after, "last": last, "now": now}
    return connection.execute(text(CALLS_AGAIN), asked).rowcount, last


def forget(connection: Connection, number: int) -> int:
    """Delete some of the calls of a webhook; how many."""
    return _forget(connection, number, select(_c.event).where(_c.webhook == number))


def forget_old(connection: Connection, number: int, before: int) -> int:
    """Delete some ended calls of a webhook whose events are older than a time; how many."""
    old = select(_c.event).where(_c.webhook == number, _c.event < least_id(before), _c.state >= int(CallState.DONE))
    return _forget(connection, number, old)


def forget_stray(connection: Connection) -> int:
    """Delete some calls of a webhook that was removed while they were written; how many."""
    stray = select(_c.webhook).where(_WAITING, _c.webhook.not_in(select(_w.id))).limit(1)
    number = connection.execute(stray).scalar_one_or_none()
    return 0 if number is None else forget(connection, number)


def _forget(connection: Connection, number: int, which: Select[int]) -> int:
    """The rows are named one by one: a planner that is given the question itself walks over all calls (PostgreSQL)."""
    events = connection.execute(which.limit(STEP)).scalars().all()
    if not events:
        return 0
    gone = delete(webhook_call).where(_c.webhook == number, _c.event.in_(padded(events)))
    return connection.execute(gone).rowcount


def _stored(tried: Sequence[Try]) -> str:
    return json.dumps([[one.at, one.status, storable(one.answer)] for one in tried], separators=(",", ":"))


def tries(stored: str) -> tuple[Try, ...]:
    """The tries of a call, from their column."""
    return tuple(Try(*entry) for entry in json.loads(stored))
