"""Values as rows, and rows as values: the columns of each table in one place."""

import json
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

from pydantic_core import to_json
from sqlalchemy import ColumnElement, Row, RowMapping, func

from mailwright.ports.store import DeliveryView
from mailwright.queue import EventKind, EventRow, Job, NewDelivery, NewMessage, Outcome, State
from mailwright.storage.schema import delivery, message

MESSAGE = (
    "id", "account", "subsystem", "priority", "author", "mail_from", "subject", "message_id", "size", "transport", "because",
    "created_at", "expires_at", "tag", "eightbit", "smtputf8", "secret", "idempotency_key", "hour_limit", "day_limit",
    "tags", "scheduled_at", "app_user",
)  # fmt: skip
BODY = ("message", "seq", "bytes")
DELIVERY = (
    "id", "message", "account", "recipient", "site", "state", "priority", "due_at", "wake_at", "expires_at", "lease",
    "settled_at",
)  # fmt: skip
EVENT = ("id", "account", "message", "delivery", "kind", "at", "data")
# Places in a row that the limits look at.
DELIVERY_STATE, DELIVERY_DUE, DELIVERY_WAKE, DELIVERY_LEASE = 5, 7, 8, 10

_TEXTS = (2, 4, 5, 6, 7, 10, 13, 17, 22)
_TAGS = MESSAGE.index("tags")
_fields = attrgetter(*MESSAGE)
_careful_json = json.JSONEncoder(separators=(",", ":"), default=str).encode  # ASCII: lone surrogates become escapes

_d, _m = delivery.c, message.c
JOB: Sequence[ColumnElement[Any]] = (  # a Job's fields in their order, without its content
    _d.id, _d.message, _d.account, _d.recipient, _d.site, _m.transport, _d.priority, _d.attempts, _m.author, _m.mail_from,
    _m.subsystem, func.coalesce(_m.scheduled_at, _m.created_at), _d.expires_at, _m.size,
    _m.eightbit, _m.smtputf8, _m.secret, _d.told_delayed, _d.unknown,
    _d.state, _d.due_at, _d.wake_at,
)  # fmt: skip
_JOB_FLAGS, _JOB_STATE = slice(14, 19), 19
JOB_QUERY = f"SELECT {', '.join(map(str, JOB))} FROM delivery JOIN message ON message.id = delivery.message"  # noqa: S608 - our own names


def storable(text: str) -> str:
    """Text that both databases take: no NUL (PostgreSQL), no lone surrogates (UTF-8)."""
    if text.isprintable():
        return text
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def message_row(new: NewMessage) -> tuple[Any, ...]:
    """A row of `message`, as MESSAGE."""
    row = list(_fields(new))
    for place in _TEXTS:
        row[place] = storable(row[place])
    row[14:17] = (int(new.eightbit), int(new.smtputf8), int(new.secret))
    row[_TAGS] = _json(new.tags) if new.tags else ""
    return tuple(row)


def delivery_row(new: NewDelivery, of: NewMessage, lease: int | None) -> tuple[Any, ...]:
    """A row of `delivery`, as DELIVERY."""
    state = int(new.state)
    return (
        new.id, of.id, of.account, storable(new.recipient), storable(new.site), state, of.priority, new.due_at, new.wake_at,
        of.expires_at, lease if state == State.LEASED else None, of.created_at if state >= State.DELIVERED else None,
    )  # fmt: skip


def _json(data: Mapping[str, Any]) -> str:
    """An event's data; pydantic's writer needs a fifth of the time of the standard library's, but knows no lone surrogates."""
    try:
        return to_json(data).decode()
    except ValueError:
        return _careful_json(data)


def event_row(event: EventRow) -> tuple[Any, ...]:
    """A row of `event`, as EVENT; an attempt lies in the row of what it brought about."""
    data = event.data if event.attempt is None else {**event.data, "attempt": event.attempt}
    return (event.id, event.account, event.message, event.delivery, str(event.kind), event.at, _json(data))


OUTCOME = (
    "id", "lease", "state", "due_at", "wake_at", "attempts", "told_delayed", "unknown", "reply", "settled_at", "site",
)  # fmt: skip


def outcome_row(outcome: Outcome, worker: int | None) -> tuple[Any, ...]:
    """What is written of an outcome, as OUTCOME; `site` None leaves it."""
    return (
        outcome.delivery, worker, int(outcome.state), outcome.due_at, outcome.wake_at, outcome.attempts,
        int(outcome.told_delayed), int(outcome.unknown), storable(outcome.reply),
        outcome.at if outcome.state.final else None, outcome.site,
    )  # fmt: skip


def typed(table_columns: Any, names: Sequence[str]) -> list[ColumnElement[Any]]:
    """Columns by name, with their types."""
    return [table_columns[name] for name in names]


def new_message(row: Row[Any]) -> NewMessage:
    """A message as it was accepted, from a row with the columns of MESSAGE."""
    values = list(row)
    values[14:17] = map(bool, values[14:17])
    values[_TAGS] = json.loads(values[_TAGS] or "{}")
    return NewMessage(**dict(zip(MESSAGE, values, strict=True)))


def events(row: RowMapping) -> list[EventRow]:
    """The events of a row as they were told: the attempt, where there was one, and what it brought about."""
    data = json.loads(row["data"])
    attempt = data.pop("attempt", None)
    place = (row["id"], row["account"], row["message"], row["delivery"])
    told = EventRow(*place, EventKind(row["kind"]), row["at"], data, attempt)
    if attempt is None:
        return [told]
    reply = data.get("reply") or data.get("cause", "")
    return [EventRow(*place, EventKind.ATTEMPT, row["at"], {"reply": reply, **attempt}), told]


def view(row: RowMapping) -> DeliveryView:
    """A delivery as people see it."""
    return DeliveryView(
        id=row["id"], message=row["message"], account=row["account"], recipient=row["recipient"], site=row["site"],
        state=State(row["state"]), attempts=row["attempts"], due_at=row["due_at"], expires_at=row["expires_at"],
        settled_at=row["settled_at"], reply=row["reply"], unknown=bool(row["unknown"]),
    )  # fmt: skip


def job(row: Sequence[Any], content: bytes | None = None) -> Job:
    """A job from a row with the columns of JOB."""
    values = list(row)
    values[_JOB_FLAGS] = map(bool, values[_JOB_FLAGS])
    values[_JOB_STATE:_JOB_STATE] = [content]
    values[_JOB_STATE + 1] = State(values[_JOB_STATE + 1])
    return Job(*values)


def padded(numbers: Sequence[int]) -> list[int]:
    """The same numbers, the last one repeated up to a power of two: few different statements, which are prepared once."""
    return [*numbers, *[numbers[-1]] * ((1 << (len(numbers) - 1).bit_length()) - len(numbers))] if numbers else []
