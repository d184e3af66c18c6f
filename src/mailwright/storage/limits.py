"""An account's limits: deliveries over them go to the first hour with room."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, Connection, select

from mailwright.queue import EventKind, EventRow, NewMessage, State
from mailwright.storage.many import Row, run_rows
from mailwright.storage.rows import DELIVERY_DUE, DELIVERY_LEASE, DELIVERY_STATE, DELIVERY_WAKE, event_row
from mailwright.storage.schema import account as account_table
from mailwright.storage.schema import usage

HOUR = 3_600_000  # milliseconds
DAY_HOURS = 24  # a day is a calendar day in UTC
COUNTED = (State.READY, State.LEASED, State.DEFERRED)  # held mail waits for a person, captured mail never leaves

_WRITE = """INSERT INTO usage (account, hour, count)
SELECT given.account, given.hour, given.count FROM ({rows}) AS given WHERE true
ON CONFLICT (account, hour) DO UPDATE SET count = excluded.count"""
_COLUMNS: list[Column[Any]] = [usage.c.account, usage.c.hour, usage.c.count]


@dataclass(slots=True)
class Calendar:
    """How many deliveries of one account leave in each hour (since 1970)."""

    hours: dict[int, int] = field(default_factory=dict)
    changed: set[int] = field(default_factory=set)

    def first_with_room(self, hour: int, last: int, *, hour_limit: int | None, day_limit: int | None) -> int | None:
        """The first hour from `hour` to `last` that takes one more, None where there is none."""
        while hour <= last:
            day = hour // DAY_HOURS
            if day_limit is not None and self._of_day(day) >= day_limit:
                hour = (day + 1) * DAY_HOURS
            elif hour_limit is not None and self.hours.get(hour, 0) >= hour_limit:
                hour += 1
            else:
                return hour
        return None

    def add(self, hour: int) -> None:
        """One more leaves in that hour."""
        self.hours[hour] = self.hours.get(hour, 0) + 1
        self.changed.add(hour)

    def take_back(self, due: int) -> None:
        """One less leaves in the hour of that time (milliseconds since 1970)."""
        hour = due // HOUR
        self.hours[hour] = max(0, self.hours.get(hour, 0) - 1)
        self.changed.add(hour)

    def _of_day(self, day: int) -> int:
        return sum(self.hours.get(hour, 0) for hour in range(day * DAY_HOURS, (day + 1) * DAY_HOURS))


def limited(new: NewMessage) -> bool:
    """Whether the account has a limit at all."""
    return new.hour_limit is not None or new.day_limit is not None


def calendars(connection: Connection, messages: Sequence[NewMessage]) -> dict[int, Calendar]:
    """The calendars of the messages' accounts; the accounts' rows stay locked until the end of the transaction."""
    accounts = sorted({new.account for new in messages})
    if not accounts:
        return {}
    first = min(new.created_at for new in messages) // HOUR // DAY_HOURS * DAY_HOURS
    locked = select(account_table.c.id).where(account_table.c.id.in_(accounts)).order_by(account_table.c.id)
    connection.execute(locked.with_for_update(key_share=True)).all()
    found = {account: Calendar() for account in accounts}
    used = select(usage.c.account, usage.c.hour, usage.c["count"]).where(usage.c.account.in_(accounts), usage.c.hour >= first)
    for account, hour, count in connection.execute(used):
        found[account].hours[hour] = count
    return found


def keep(connection: Connection, used: Mapping[int, Calendar]) -> None:
    """Write back what changed."""
    rows = [
        (account, hour, calendar.hours[hour]) for account, calendar in sorted(used.items()) for hour in sorted(calendar.changed)
    ]
    run_rows(connection, _WRITE, _COLUMNS, rows)


def spread(
    new: NewMessage, deliveries: Sequence[Row], calendar: Calendar, new_id: Any
) -> tuple[list[Row], list[Row], dict[int, int]]:
    """The delivery rows with those over the limits put off, the events that tell it, and the new due time of each."""
    rows, events, moved = [], [], {}
    last = new.expires_at // HOUR
    for row in deliveries:
        if row[DELIVERY_STATE] not in COUNTED:
            rows.append(row)
            continue
        wanted = max(new.created_at, row[DELIVERY_DUE]) // HOUR
        hour = calendar.first_with_room(wanted, last, hour_limit=new.hour_limit, day_limit=new.day_limit)
        if hour is not None:
            calendar.add(hour)
        if hour != wanted:
            row = _put_off(row, new, hour)
            moved[row[0]] = row[DELIVERY_DUE]
            events.append(event_row(_told(row, new, new_id(new.created_at), never=hour is None)))
        rows.append(row)
    return rows, events, moved


def _put_off(row: Row, new: NewMessage, hour: int | None) -> Row:
    """Deferred to an hour with room; held where none comes before the mail's time is up."""
    changed = list(row)
    changed[DELIVERY_STATE] = int(State.HELD if hour is None else State.DEFERRED)
    changed[DELIVERY_DUE] = changed[DELIVERY_WAKE] = new.expires_at if hour is None else hour * HOUR
    changed[DELIVERY_LEASE] = None
    return tuple(changed)


def _told(row: Row, new: NewMessage, number: int, *, never: bool) -> EventRow:
    limits = [
        f"{limit} an {name}" if name == "hour" else f"{limit} a {name}"
        for name, limit in (("hour", new.hour_limit), ("day", new.day_limit))
        if limit is not None
    ]
    what = f"The account's limit of {' and '.join(limits)} is reached."
    why = (
        "No hour before the mail's time is up has room: an operator must raise the limit, then resume it."
        if never
        else "It leaves by itself when there is room again."
    )
    data = {"reason": "limit", "what": what, "why": why, "hour_limit": new.hour_limit, "day_limit": new.day_limit}
    if not never:
        data["until"] = row[DELIVERY_DUE]
    return EventRow(number, new.account, new.id, row[0], EventKind.HELD, new.created_at, data)
