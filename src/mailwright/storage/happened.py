"""Events with what is known of their mail: for webhooks and for who listens to them live."""

import json
from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, RowMapping, func, select

from mailwright.queue import EventKind
from mailwright.storage.rows import padded
from mailwright.storage.schema import account, delivery, event, message
from mailwright.webhooks import Happened
from mailwright.webhooks.payload import MOST_RECIPIENTS

LOOKED_AT = 1_000  # events of one read: a rare account's are looked for in small steps
_COLUMNS = (
    event.c.id, event.c.account, event.c.message, event.c.delivery, event.c.kind, event.c.at, event.c.data,
    message.c.author, message.c.subject, message.c.message_id, message.c.subsystem, message.c.created_at, message.c.tags,
    message.c.app_user, delivery.c.recipient,
    account.c.name.label("account_name"),
)  # fmt: skip
_FROM = (
    select(*_COLUMNS)
    .join(message, message.c.id == event.c.message)
    .outerjoin(delivery, delivery.c.id == event.c.delivery)
    .outerjoin(account, account.c.id == event.c.account)
)
_Recipients = dict[int, tuple[tuple[str, ...], int]]


def these(connection: Connection, numbers: Sequence[int]) -> dict[int, Happened]:
    """Some events by their ids."""
    return {one.id: one for one in _read(connection, event.c.id.in_(padded(numbers)))} if numbers else {}


def after(connection: Connection, number: int, account: int | None) -> tuple[list[Happened], int | None]:
    """Of the next events behind an id those of an account (None: all), in order, and the id to go on from; None at the end."""
    looked = ids_after(connection, number, LOOKED_AT)
    if not looked:
        return [], None
    where = (event.c.id > number) & (event.c.id <= looked[-1])
    found = _read(connection, where if account is None else where & (event.c.account == account))
    return found, looked[-1] if len(looked) == LOOKED_AT else None


def ids_after(connection: Connection, number: int, limit: int) -> Sequence[int]:
    """The ids behind an id, in order."""
    return connection.execute(select(event.c.id).where(event.c.id > number).order_by(event.c.id).limit(limit)).scalars().all()


def _read(connection: Connection, where: ColumnElement[bool]) -> list[Happened]:
    rows = connection.execute(_FROM.where(where).order_by(event.c.id)).mappings().all()
    recipients = _recipients(connection, sorted({row["message"] for row in rows if row["delivery"] is None}))
    return [_happened(row, recipients) for row in rows]


def _recipients(connection: Connection, messages: Sequence[int]) -> _Recipients:
    """The first recipients of each message, and how many it has."""
    if not messages:
        return {}
    of = delivery.c.message.in_(padded(messages))
    counts = select(delivery.c.message, func.count()).where(of).group_by(delivery.c.message)
    many: dict[int, int] = {row[0]: row[1] for row in connection.execute(counts)}
    place = func.row_number().over(partition_by=delivery.c.message, order_by=delivery.c.id).label("place")
    placed = select(delivery.c.message, delivery.c.recipient, place).where(of).subquery()
    first = select(placed.c.message, placed.c.recipient).where(placed.c.place <= MOST_RECIPIENTS).order_by(placed.c.place)
    named: defaultdict[int, list[str]] = defaultdict(list)
    for number, recipient in connection.execute(first):
        named[number].append(recipient)
    return {number: (tuple(named[number]), count) for number, count in many.items()}


def _happened(row: RowMapping, recipients: _Recipients) -> Happened:
    data = json.loads(row["data"])
    data.pop("attempt", None)
    named, many = recipients.get(row["message"], ((), 0)) if row["delivery"] is None else ((row["recipient"],), 1)
    return Happened(
        id=row["id"], account=row["account"], account_name=row["account_name"] or "", message=row["message"],
        delivery=row["delivery"], kind=EventKind(row["kind"]), at=row["at"], data=data, author=row["author"],
        subject=row["subject"], message_id=row["message_id"], subsystem=row["subsystem"], created_at=row["created_at"],
        recipients=named, recipients_in_all=many,
        tags=json.loads(row["tags"]) if row["tags"] else {}, user=row["app_user"],
    )  # fmt: skip
