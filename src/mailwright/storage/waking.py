"""What waits: rows that want attention, rows that move to another site, final failures that are owed to a submitter."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, select, update

from mailwright.queue import Job, Outcome, State
from mailwright.queue.life import WAITING
from mailwright.storage.door import upsert
from mailwright.storage.group import forget_secrets
from mailwright.storage.rows import JOB, event_row, job, padded, storable
from mailwright.storage.schema import delivery, message, one_of, owed
from mailwright.storage.telling import tell

MOVED = 500  # rows that move in one transaction
_WAITING = one_of(WAITING)
_READY = one_of((State.READY,))


def wake(connection: Connection, now: int, limit: int) -> list[Job]:
    """Rows whose time has come, the most overdue first."""
    of = select(*JOB).join(message, message.c.id == delivery.c.message)
    due = of.where(_WAITING, delivery.c.wake_at <= now).order_by(delivery.c.wake_at).limit(limit)
    return [job(row) for row in connection.execute(due)]


def next_wake(connection: Connection) -> int | None:
    """The earliest wake_at."""
    earliest: int | None = connection.execute(select(func.min(delivery.c.wake_at)).where(_WAITING)).scalar_one()
    return earliest


def waken(connection: Connection, outcomes: Sequence[Outcome]) -> None:
    """Write outcomes of waiting rows; one that another process woke before has its wake_at in the future by now."""
    if not outcomes:
        return
    latest = max(outcome.at for outcome in outcomes)
    numbers = padded([outcome.delivery for outcome in outcomes])
    still = select(delivery.c.id).where(delivery.c.id.in_(numbers), _WAITING, delivery.c.wake_at <= latest).with_for_update()
    waiting = set(connection.execute(still).scalars())
    ours = [outcome for outcome in outcomes if outcome.delivery in waiting]
    for outcome in ours:
        connection.execute(update(delivery).where(delivery.c.id == outcome.delivery).values(**_changed(outcome)))
    tell(connection, [event_row(one) for outcome in ours for one in outcome.events])
    owing = [{"delivery": outcome.delivery} for outcome in ours if outcome.report]
    if owing:
        connection.execute(upsert(connection, owed).on_conflict_do_nothing(), owing)
    forget_secrets(connection, {outcome.message for outcome in ours if outcome.secret and outcome.state.final})


def _changed(outcome: Outcome) -> dict[str, object]:
    changed: dict[str, object] = {
        "state": int(outcome.state), "due_at": outcome.due_at, "wake_at": outcome.wake_at, "attempts": outcome.attempts,
        "told_delayed": int(outcome.told_delayed), "unknown": int(outcome.unknown),
        "settled_at": outcome.at if outcome.state.final else None,
    }  # fmt: skip
    if outcome.reply:
        changed["reply"] = storable(outcome.reply)
    if outcome.site is not None:
        changed["site"] = outcome.site
    return changed


def move(connection: Connection, site: str, to: str, domain: str) -> int:
    """Some READY rows of a domain to the site that was learnt for it."""
    of = select(delivery.c.id).where(
        _READY, delivery.c.site == site, delivery.c.recipient.endswith("@" + domain, autoescape=True)
    )
    numbers = connection.execute(of.limit(MOVED).with_for_update(skip_locked=True)).scalars().all()
    if numbers:
        connection.execute(update(delivery).where(delivery.c.id.in_(padded(numbers))).values(site=to))
    return len(numbers)


def owing(connection: Connection, limit: int) -> Sequence[int]:
    """Deliveries that are owed a report."""
    return connection.execute(select(owed.c.delivery).order_by(owed.c.delivery).limit(limit)).scalars().all()


def paid(connection: Connection, deliveries: Sequence[int]) -> None:
    """They are owed no more."""
    connection.execute(delete(owed).where(owed.c.delivery.in_(deliveries)))
