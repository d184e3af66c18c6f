"""What a person does to the queue: pause, resume, try now, cancel; each step is small, so that mail flows on beside it.

What serving processes keep in memory (pauses, back-offs) raises the version that they follow. A delivery that a worker has in
memory is taken from it by its row alone: the mark that sending begins then fails (docs/decisions/0002-sending-mark.md).
"""

from collections.abc import Sequence

from sqlalchemy import Connection, Row, delete, exists, select, update

from mailwright.ports.store import Cancelled
from mailwright.queue import EventKind, EventRow, State
from mailwright.queue.life import NOT_BEGUN, WAITING
from mailwright.storage import limits
from mailwright.storage.door import count_up, upsert
from mailwright.storage.group import NewId, forget_secrets
from mailwright.storage.reading import message_of
from mailwright.storage.rows import event_row, padded
from mailwright.storage.schema import delivery, message, one_of, pause, site_state
from mailwright.storage.telling import tell

STEP = 500  # rows that change in one transaction
_TO_HOLD = (State.READY, State.DEFERRED, State.LEASED)


def pause_site(connection: Connection, name: str, why: str) -> int:
    """No lane serves the site until it is resumed."""
    new = upsert(connection, site_state).values(site=name, paused=why)
    connection.execute(new.on_conflict_do_update(index_elements=["site"], set_={"paused": why}))
    count_up(connection, "version")
    return 1


def pause_account(connection: Connection, account: int, why: str) -> int:
    """Nothing of the account leaves until it is resumed."""
    new = upsert(connection, pause).values(account=account, why=why)
    connection.execute(new.on_conflict_do_update(index_elements=["account"], set_={"why": why}))
    count_up(connection, "version")
    return 1


def pause_message(connection: Connection, number: int, *, why: str, now: int, new_id: NewId) -> int:
    """Hold what was not begun; returns how many."""
    rows = _those_of(connection, number, _TO_HOLD)
    _change(connection, [row.id for row in rows], {"state": int(State.HELD)})
    _tell(connection, rows, EventKind.HELD, {"reason": "paused", "what": why}, now, new_id)
    return len(rows)


def resume_site(connection: Connection, name: str) -> int:
    """Returns 1 where it was paused."""
    ended = update(site_state).where(site_state.c.site == name, site_state.c.paused != "").values(paused="")
    count_up(connection, "version")
    return connection.execute(ended).rowcount


def resume_account(connection: Connection, account: int) -> int:
    """Returns 1 where it was paused."""
    count_up(connection, "version")
    return connection.execute(delete(pause).where(pause.c.account == account)).rowcount


def resume_message(connection: Connection, number: int, *, now: int, new_id: NewId) -> int:
    """HELD -> READY; returns how many."""
    rows = _those_of(connection, number, (State.HELD,))
    _change(connection, [row.id for row in rows], {"state": int(State.READY), "due_at": now})
    _tell(connection, rows, EventKind.RELEASED, {}, now, new_id)
    return len(rows)


def deferred(connection: Connection, *, site: str | None, account: int | None, number: int | None, now: int) -> list[int]:
    """Deliveries that wait for their time, of a site, an account or a message, or all of them.

    Scheduled mail leaves before its time only where somebody names the message.
    """
    of = select(delivery.c.id)
    if number is not None:
        of = of.where(delivery.c.message == number, delivery.c.state == int(State.DEFERRED))
    else:
        of = of.where(one_of(WAITING), delivery.c.state == int(State.DEFERRED))
        of = of.where(~exists().where(message.c.id == delivery.c.message, message.c.scheduled_at > now))
    if site is not None:
        of = of.where(delivery.c.site == site)
    if account is not None:
        of = of.where(delivery.c.account == account)
    return list(connection.execute(of).scalars())


def make_ready(connection: Connection, numbers: Sequence[int], now: int) -> int:
    """DEFERRED -> READY for some."""
    due = update(delivery).where(delivery.c.id.in_(padded(numbers)), delivery.c.state == int(State.DEFERRED))
    return connection.execute(due.values(state=int(State.READY), due_at=now)).rowcount


def forgive(connection: Connection, names: Sequence[str]) -> int:
    """The back-off of some sites ends; returns for how many."""
    ended = update(site_state).where(site_state.c.site.in_(names), site_state.c.until > 0).values(failures=0, until=0)
    count_up(connection, "version")
    return connection.execute(ended).rowcount


def sites_of(connection: Connection, numbers: Sequence[int]) -> list[str]:
    """Where some deliveries go."""
    return list(connection.execute(select(delivery.c.site).distinct().where(delivery.c.id.in_(padded(numbers)))).scalars())


def cancel(connection: Connection, number: int, *, account: int | None, now: int, new_id: NewId) -> Cancelled:
    """Cancel what was not begun. Raises NotFound."""
    found = message_of(connection, number, account)
    counted = found.scheduled_at is not None and limits.limited(found)
    used = limits.calendars(connection, [found] if counted else [])  # the account's row first, as groups lock them
    rows = _those_of(connection, number, NOT_BEGUN)
    for calendar in used.values():
        for row in rows:
            calendar.take_back(row.due_at)
    limits.keep(connection, used)
    _change(connection, [row.id for row in rows], {"state": int(State.CANCELLED), "settled_at": now})
    _tell(connection, rows, EventKind.CANCELLED, {}, now, new_id)
    others = select(delivery.c.state).where(delivery.c.message == number, delivery.c.state != int(State.CANCELLED))
    left = connection.execute(others).scalars().all()
    sending = left.count(int(State.SENDING))
    forget_secrets(connection, {number} if found.secret else set())
    return Cancelled(len(rows), sending, len(left) - sending)


def _those_of(connection: Connection, number: int, states: Sequence[State]) -> Sequence[Row[int, int, int, int]]:
    """The deliveries of a message in some states, locked in the order in which groups lock them."""
    of = select(delivery.c.id, delivery.c.account, delivery.c.message, delivery.c.due_at).where(delivery.c.message == number)
    these = of.where(delivery.c.state.in_([int(state) for state in states]))
    return connection.execute(these.order_by(delivery.c.id).with_for_update()).all()


def _change(connection: Connection, numbers: Sequence[int], values: dict[str, int]) -> None:
    if numbers:
        connection.execute(update(delivery).where(delivery.c.id.in_(padded(numbers))).values(**values))


def _tell(
    connection: Connection,
    rows: Sequence[Row[int, int, int, int]],
    kind: EventKind,
    data: dict[str, object],
    now: int,
    new_id: NewId,
) -> None:
    told = [EventRow(new_id(now), row.account, row.message, row.id, kind, now, data) for row in rows]
    tell(connection, [event_row(one) for one in told])
