"""Scheduled mail gets another time: as a whole, and only while all of it still waits for its time."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from mailwright.queue import EventKind, EventRow, NewMessage, State
from mailwright.storage import limits
from mailwright.storage.group import NewId
from mailwright.storage.many import Row
from mailwright.storage.reading import message_of
from mailwright.storage.rows import DELIVERY, DELIVERY_DUE, DELIVERY_STATE, DELIVERY_WAKE, event_row, typed
from mailwright.storage.schema import delivery, message
from mailwright.storage.telling import tell
from mailwright.values import Conflict

_PASSED_OVER = (State.CANCELLED, State.BOUNCED)  # they never wait again, and keep nobody else from doing so
_ROW = typed(delivery.c, DELIVERY)
_MOVE = (
    update(delivery)
    .where(delivery.c.id == bindparam("number"))
    .values(state=bindparam("new_state"), due_at=bindparam("due"), wake_at=bindparam("wake"), expires_at=bindparam("expires"))
)


def reschedule(connection: Connection, number: int, *, account: int | None, due: int, now: int, new_id: NewId) -> None:
    """Let it leave at `due`; raises NotFound and Conflict."""
    mail = message_of(connection, number, account)
    if mail.scheduled_at is None:
        raise Conflict("The mail was not scheduled.", "Only mail that was handed in with a time can be given another one.")
    # The account's row first, then deliveries: the order in which groups lock them.
    used = limits.calendars(connection, [mail] if limits.limited(mail) else [])
    rows = _waiting(connection, number)
    moved = replace(mail, scheduled_at=due, expires_at=due + mail.expires_at - mail.scheduled_at)
    events = [
        EventRow(new_id(now), mail.account, number, None, EventKind.SCHEDULED, now, {"due": due, "before": mail.scheduled_at})
    ]
    rows, told = _at(moved, rows, used.get(mail.account), now, new_id)
    limits.keep(connection, used)
    connection.execute(update(message).where(message.c.id == number).values(scheduled_at=due, expires_at=moved.expires_at))
    connection.execute(_MOVE, [_changes(row, moved.expires_at) for row in rows])
    tell(connection, [*map(event_row, events), *told])


def _waiting(connection: Connection, number: int) -> Sequence[Row]:
    """The deliveries of a mail, all of which wait for its time. Raises Conflict."""
    of = select(*_ROW, delivery.c.attempts).where(delivery.c.message == number).order_by(delivery.c.id).with_for_update()
    rows = [tuple(row) for row in connection.execute(of)]
    waiting = [row[:-1] for row in rows if row[DELIVERY_STATE] == State.DEFERRED and row[-1] == 0]
    over = [row for row in rows if row[DELIVERY_STATE] in _PASSED_OVER]
    if not waiting and len(over) == len(rows):
        raise Conflict("The mail was cancelled.", "Hand it in again, with the time at which it is to leave.")
    if len(waiting) + len(over) < len(rows):
        raise Conflict("The mail does not wait for its time any more.", "Its story tells how far it is: it left, or it is held.")
    return waiting


def _at(
    moved: NewMessage, rows: Sequence[Row], calendar: limits.Calendar | None, now: int, new_id: NewId
) -> tuple[Sequence[Row], Sequence[Row]]:
    """The rows with their new time, within the account's limits, and the events that tell what was put off."""
    again = [_due(row, moved.scheduled_at) for row in rows]
    if calendar is None:
        return again, ()
    for row in rows:
        calendar.take_back(row[DELIVERY_DUE])
    placed, told, _ = limits.spread(replace(moved, created_at=now), again, calendar, new_id)
    return placed, told


def _due(row: Row, due: int | None) -> Row:
    changed: list[Any] = list(row)
    changed[DELIVERY_DUE] = changed[DELIVERY_WAKE] = due
    return tuple(changed)


def _changes(row: Row, expires: int) -> dict[str, Any]:
    return {
        "number": row[0], "new_state": row[DELIVERY_STATE], "due": row[DELIVERY_DUE], "wake": row[DELIVERY_WAKE],
        "expires": expires,
    }  # fmt: skip
