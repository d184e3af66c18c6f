"""Who works: workers with their heartbeat, the rows of dead ones, and destination slots."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, func, insert, select, update

from mailwright.ports.store import LEASE_MS
from mailwright.queue import State
from mailwright.queue.life import IN_HAND
from mailwright.storage.clock import now_ms
from mailwright.storage.door import count_up, upsert
from mailwright.storage.many import Row
from mailwright.storage.rows import padded
from mailwright.storage.schema import delivery, one_of, slot, worker
from mailwright.storage.telling import tell

FREED = 1_000  # rows of a dead worker that are freed in one transaction
_IN_HAND = one_of(IN_HAND)


def register(connection: Connection, host: str, pid: int) -> int:
    """A number that no worker had before."""
    number = count_up(connection, "worker")
    connection.execute(insert(worker).values(id=number, heartbeat_at=now_ms(), host=host, pid=pid))
    return number


def registered(connection: Connection) -> list[tuple[int, str, int]]:
    """Who works, or is not yet taken for dead: number, host, pid."""
    return [(row.id, row.host, row.pid) for row in connection.execute(select(worker.c.id, worker.c.host, worker.c.pid))]


def heartbeat(connection: Connection, number: int) -> bool:
    """Whether the worker is still taken for alive."""
    return connection.execute(update(worker).where(worker.c.id == number).values(heartbeat_at=now_ms())).rowcount == 1


def resign(connection: Connection, number: int) -> None:
    """The worker is no more, and its slots are free."""
    connection.execute(delete(worker).where(worker.c.id == number))
    connection.execute(delete(slot).where(slot.c.worker == number))


def bury(connection: Connection, number: int, *, alone: bool) -> None:
    """Forget workers that are dead (all others where `alone`), and their slots."""
    dead = worker.c.id != number
    connection.execute(delete(worker).where(dead if alone else dead & (worker.c.heartbeat_at < now_ms() - LEASE_MS)))
    connection.execute(delete(slot).where(slot.c.worker.not_in(select(worker.c.id))))


def rows_of_the_dead(connection: Connection) -> list[tuple[int, int, int]]:
    """Some rows in hand whose worker is not among the living: delivery, message, account."""
    living = set(connection.execute(select(worker.c.id)).scalars())
    dead = [number for number in leases(connection) if number not in living]
    of = select(delivery.c.id, delivery.c.message, delivery.c.account).where(_IN_HAND, delivery.c.lease.in_(dead)).limit(FREED)
    return [(row.id, row.message, row.account) for row in connection.execute(of)] if dead else []


def free(connection: Connection, events: Mapping[int, Row]) -> int:
    """Free those of the rows that still are a dead worker's; `events` has for each what is told where it was begun."""
    held = select(delivery.c.id, delivery.c.state).where(_IN_HAND, delivery.c.id.in_(padded(list(events))))
    of = held.where(delivery.c.lease.not_in(select(worker.c.id))).with_for_update(skip_locked=True)
    rows = connection.execute(of).all()
    begun = [row.id for row in rows if row.state == State.SENDING]
    _free(connection, [row.id for row in rows if row.state == State.LEASED])
    _free(connection, begun, unknown=1)
    tell(connection, [events[number] for number in begun])
    return len(rows)


def leases(connection: Connection) -> list[int]:
    """Workers that hold rows: one look into the index for each."""
    first = select(func.min(delivery.c.lease).label("lease")).where(_IN_HAND).cte("held", recursive=True)
    following = select(func.min(delivery.c.lease)).where(_IN_HAND, delivery.c.lease > first.c.lease).scalar_subquery()
    held = first.union_all(select(following).where(first.c.lease.is_not(None)))
    return list(connection.execute(select(held.c.lease).where(held.c.lease.is_not(None))).scalars())


def _free(connection: Connection, numbers: Sequence[int], **more: int) -> None:
    freed = update(delivery).where(delivery.c.id.in_(padded(numbers))).values(state=int(State.READY), lease=None, **more)
    if numbers:
        connection.execute(freed)


def lease_slot(connection: Connection, site: str, source: str, *, number: int, limit: int, top: bool) -> int | None:
    """The lowest free slot, or None."""
    first = 0 if top or limit == 1 else 1
    taken = set(connection.execute(select(slot.c.n).where(slot.c.site == site, slot.c.source == source)).scalars())
    for n in range(first, limit):
        if n in taken:
            continue
        new = upsert(connection, slot).values(site=site, source=source, n=n, worker=number)
        if connection.execute(new.on_conflict_do_nothing().returning(slot.c.n)).scalar_one_or_none() is not None:
            return n
    return None


def free_slot(connection: Connection, site: str, source: str, n: int, *, number: int) -> None:
    """Give a slot back; one that is another's by now stays."""
    ours = (slot.c.site == site, slot.c.source == source, slot.c.n == n, slot.c.worker == number)
    connection.execute(delete(slot).where(*ours))
