"""What is kept for how long: large mails on their way in, signatures, bodies after their time."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, Delete, delete, func, literal, select, tuple_

from mailwright.accounts.account import RETENTION_DAYS
from mailwright.queue import State
from mailwright.storage.clock import now_ms
from mailwright.storage.door import Door, upsert
from mailwright.storage.schema import account, body, delivery, dkim_signature, idempotency, message, secret, spooled, usage
from mailwright.values.ids import made_at

DAY = 86_400_000  # milliseconds
# What goes in one transaction: others must not wait long for the writer.
STEP = 20  # messages
STEP_OCTETS = 8 * 1024 * 1024
ORPHAN_MS = 3_600_000  # where several processes take mail: a mail that did not grow for an hour will not be finished
WALK = 1_000  # messages looked at in one read
KEPT_USAGE_DAYS = 2
MARKS = 500  # idempotency keys that go in one transaction


def spool(connection: Connection, number: int, seq: int, content: bytes) -> None:
    """Write one body row ahead of its message."""
    connection.execute(body.insert(), {"message": number, "seq": seq, "bytes": content})
    mark = upsert(connection, spooled).values(message=number, at=now_ms())
    connection.execute(mark.on_conflict_do_update(index_elements=["message"], set_={"at": mark.excluded.at}))


def unspool(connection: Connection, number: int) -> None:
    """Take a spooled body back."""
    connection.execute(delete(body).where(body.c.message == number))
    connection.execute(delete(spooled).where(spooled.c.message == number))


def keep_signature(connection: Connection, number: int, key: int, signature: bytes) -> None:
    """Keep a signature; one that is there stays."""
    new = upsert(connection, dkim_signature).values(message=number, dkim_key=key, field=signature)
    connection.execute(new.on_conflict_do_nothing())


def operator_secret(connection: Connection, name: str, fresh: bytes) -> bytes:
    """The secret of that name, or `fresh`, kept from now on."""
    connection.execute(upsert(connection, secret).values(name=name, sealed=fresh).on_conflict_do_nothing())
    return bytes(connection.execute(select(secret.c.sealed).where(secret.c.name == name)).scalar_one())


async def sweep_orphans(door: Door) -> int:
    """Delete bodies whose message never came."""
    alone = door.engines.sqlite

    def found(connection: Connection) -> Sequence[int]:
        latest = literal(1 << 62) if alone else now_ms() - ORPHAN_MS
        return connection.execute(select(spooled.c.message).where(spooled.c.at < latest)).scalars().all()

    orphans = await door.read(found)
    for number in orphans:
        await door.write_soon(unspool, number)
    return len(orphans)


async def purge(door: Door, *, start: int, now: int, limit: int) -> tuple[int, int]:
    """Delete bodies whose time is up, beginning after message `start`: how many messages lost theirs, and where to go on."""
    gone = 0
    while gone < limit:
        due, start = await door.read(overdue, start, now)
        for step in _steps(due):
            await door.write_soon(_forget, step)
        gone += len(due)
        if not start:
            await _forget_marks(door, now)
            break
    return gone, start


def _steps(due: Sequence[tuple[int, int]]) -> Iterator[list[int]]:
    """Messages in small groups, by number and by size."""
    step: list[int] = []
    octets = 0
    for number, size in due:
        step.append(number)
        octets += size
        if len(step) == STEP or octets >= STEP_OCTETS:
            yield step
            step, octets = [], 0
    if step:
        yield step


def overdue(connection: Connection, after: int, now: int) -> tuple[list[tuple[int, int]], int]:
    """Of the next bodies in their order those whose time is up, with their size, and where the walk goes on; 0 at its end."""
    shortest = connection.execute(select(func.min(account.c.retention_days))).scalar_one()
    numbers = [number for number in _with_body(connection, after) if made_at(number) + (shortest or 0) * DAY <= now]
    if not numbers:
        return [], 0
    days = func.coalesce(account.c.retention_days, RETENTION_DAYS)
    kept = (
        select(message.c.id, message.c.size, days, message.c.secret)
        .outerjoin(account, account.c.id == message.c.account)
        .where(message.c.id.in_(numbers))
    )
    ends = _ends(connection, numbers)
    due = [
        (number, size)
        for number, size, retention, is_secret in connection.execute(kept)
        if (end := ends.get(number)) is not None and (is_secret or end + retention * DAY <= now)
    ]
    return due, numbers[-1]


def _with_body(connection: Connection, after: int) -> list[int]:
    """The next messages that have a body: one look into the primary key for each, however many rows a body has."""
    first = (
        select(func.min(body.c.message).label("number"), literal(1).label("n"))
        .where(body.c.message > after)
        .cte("walk", recursive=True)
    )
    following = select(func.min(body.c.message)).where(body.c.message > first.c.number).scalar_subquery()
    walk = first.union_all(select(following, first.c.n + 1).where(first.c.number.is_not(None), first.c.n < WALK))
    return list(connection.execute(select(walk.c.number).where(walk.c.number.is_not(None))).scalars())


def _ends(connection: Connection, numbers: Sequence[int]) -> dict[int, int]:
    """When the last delivery of each message was settled; a message with an unfinished one is not in it."""
    of = select(delivery.c.message, func.max(delivery.c.settled_at), func.min(delivery.c.state))
    found = connection.execute(of.where(delivery.c.message.in_(numbers)).group_by(delivery.c.message))
    return {number: end for number, end, least in found if least >= State.DELIVERED}


def _forget(connection: Connection, numbers: Sequence[int]) -> None:
    connection.execute(delete(body).where(body.c.message.in_(numbers)))
    connection.execute(delete(dkim_signature).where(dkim_signature.c.message.in_(numbers)))


async def _forget_marks(door: Door, now: int) -> None:
    """Idempotency keys and counts of hours that are past."""
    past = (now // DAY - KEPT_USAGE_DAYS) * 24
    await door.write_soon(_run, delete(usage).where(usage.c.hour < past))
    key = (idempotency.c.account, idempotency.c.key)
    some = select(*key).where(idempotency.c.expires <= now).limit(MARKS)
    while await door.write_soon(_run, delete(idempotency).where(tuple_(*key).in_(some))):
        pass


def _run(connection: Connection, statement: Delete) -> int:
    return connection.execute(statement).rowcount
