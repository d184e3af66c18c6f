"""What group commit writes: messages, begins and outcomes of many callers in one transaction, one statement a table.

Nothing here fails by a constraint: idempotency keys and limits are decided first, by statements that do not fail. So one
caller cannot fail the others; what goes wrong all the same is rolled back and replayed one by one by the writer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import itemgetter
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, SmallInteger, Text, delete, exists, select

from mailwright.queue import Accepted, Duplicate, KeyReused, NewMessage, State
from mailwright.queue.life import IN_HAND
from mailwright.storage import limits
from mailwright.storage.many import Row, insert_rows, insert_step, row_step, run_rows
from mailwright.storage.rows import BODY, DELIVERY, DELIVERY_STATE, MESSAGE, OUTCOME, padded
from mailwright.storage.schema import body, delivery, idempotency, message, one_of, spooled
from mailwright.storage.telling import tell, tell_steps
from mailwright.storage.writer_process import Step

NewId = Callable[[int], int]
PART = 512  # rows that one question asks for
KEY_MS = 24 * 3_600_000  # how long an idempotency key is remembered

_TAKE_KEYS = f"""INSERT INTO idempotency (account, key, message, expires, digest)
SELECT given.account, given.key, given.message, given.expires, given.digest FROM ({{rows}}) AS given WHERE true
ON CONFLICT (account, key) DO UPDATE SET message = excluded.message, expires = excluded.expires, digest = excluded.digest
WHERE idempotency.expires <= excluded.expires - {KEY_MS} RETURNING message"""  # noqa: S608 - a constant
# `lease + 0` keeps planners off the index of leases: a worker holds many rows, each of these is found by its id.
_BEGIN = """UPDATE delivery SET state = 4 FROM ({rows}) AS given
WHERE delivery.id = given.id AND delivery.lease + 0 = given.lease AND delivery.state = 3"""
_SETTLE = """UPDATE delivery SET state = given.state, due_at = given.due_at, wake_at = given.wake_at, attempts = given.attempts,
told_delayed = given.told_delayed, unknown = given.unknown, reply = given.reply, settled_at = given.settled_at,
site = COALESCE(given.site, delivery.site) FROM ({rows}) AS given
WHERE delivery.id = given.id AND delivery.lease + 0 = given.lease AND delivery.state IN (3, 4)"""
_OWE = """INSERT INTO owed (delivery) SELECT given.delivery FROM ({rows}) AS given WHERE true
ON CONFLICT (delivery) DO NOTHING"""

_KEYS: list[Column[Any]] = [
    Column("account", BigInteger),
    Column("key", Text),
    Column("message", BigInteger),
    Column("expires", BigInteger),
    Column("digest", Text),
]
_LEASED: list[Column[Any]] = [Column("id", BigInteger), Column("lease", BigInteger)]
_OUTCOME_TYPES = {"state": SmallInteger, "told_delayed": SmallInteger, "unknown": SmallInteger, "reply": Text, "site": Text}
_OUTCOME: list[Column[Any]] = [Column(name, _OUTCOME_TYPES.get(name, BigInteger)) for name in OUTCOME]
_OWED: list[Column[Any]] = [Column("delivery", BigInteger)]


@dataclass(slots=True)
class Accepting:
    """A message with its rows, made before it joins the group."""

    message: NewMessage
    row: Row
    bodies: list[Row]
    deliveries: list[Row]
    events: list[Row]
    result: Accepted | Duplicate | KeyReused | None = None

    @property
    def weight(self) -> tuple[int, int]:
        """Rows and octets."""
        return len(self.deliveries) + len(self.events) + 2, self.message.size


@dataclass(slots=True)
class Beginning:
    """LEASED -> SENDING; the result names the deliveries that the worker does not hold any more."""

    rows: list[Row]  # delivery, worker
    result: frozenset[int] = frozenset()

    @property
    def weight(self) -> tuple[int, int]:
        """Rows and octets."""
        return len(self.rows), 0


@dataclass(slots=True)
class Settling:
    """Outcomes with their events by delivery."""

    rows: list[Row]  # as OUTCOME
    events: dict[int, list[Row]]
    secret: set[int] = field(default_factory=set)  # messages whose body goes when their last delivery is final
    owed: list[Row] = field(default_factory=list)
    result: None = None

    @property
    def weight(self) -> tuple[int, int]:
        """Rows and octets."""
        return 2 * len(self.rows), 0


Unit = Accepting | Beginning | Settling


class Stale(Exception):
    """Some outcomes are for deliveries that their worker does not hold any more: write the group again, carefully."""


def write(connection: Connection, units: Sequence[Unit], new_id: NewId, *, careful: bool = False) -> None:
    """Write the units in the transaction of `connection` and set their results.

    Raises Stale where an outcome came too late: rare, so that nobody else pays for looking; `careful` looks first.
    """
    _accept(connection, [unit for unit in units if isinstance(unit, Accepting)], new_id)
    begins = [unit for unit in units if isinstance(unit, Beginning)]
    if begins:
        _begin(connection, begins)
    settles = [unit for unit in units if isinstance(unit, Settling)]
    if settles:
        _settle(connection, settles, careful=careful)


def script(units: Sequence[Unit]) -> list[Step] | None:
    """The same as statements without a question between them; None where there is something to be asked or decided.

    They keep the promise of `write` only where each row of a step touches one row.
    """
    accepts = [unit for unit in units if isinstance(unit, Accepting)]
    begun = sorted(chain.from_iterable(unit.rows for unit in units if isinstance(unit, Beginning)))
    settles = [unit for unit in units if isinstance(unit, Settling)]
    if any(map(_asks, accepts)) or any(unit.secret or unit.owed for unit in settles):
        return None
    settled = sorted(chain.from_iterable(unit.rows for unit in settles))
    told = [row for unit in accepts for row in unit.events]
    told += [row for unit in settles for events in unit.events.values() for row in events]
    steps = [
        insert_step(message, MESSAGE, [unit.row for unit in accepts]),
        insert_step(body, BODY, [row for unit in accepts for row in unit.bodies]),
        insert_step(delivery, DELIVERY, [row for unit in accepts for row in unit.deliveries]),
        row_step(_BEGIN, _LEASED, begun),
        row_step(_SETTLE, _OUTCOME, settled),
        *tell_steps(told),
    ]
    return [step for step in steps if step[1]]


def _asks(unit: Accepting) -> bool:
    """Whether an idempotency key, a limit or spooled rows have to be looked at, or the body has to go at once."""
    new, whole = unit.message, sum(len(row[2]) for row in unit.bodies)
    gone = new.secret and _settled_at_once(unit)
    return bool(new.idempotency_key) or limits.limited(new) or new.size > whole or gone


def kept(connection: Connection, units: Sequence[Unit]) -> bool:
    """Whether a group was written of which that is not known: where it has a new message, that tells it."""
    new = next((unit.message.id for unit in units if isinstance(unit, Accepting)), None)
    return new is not None and connection.execute(select(message.c.id).where(message.c.id == new)).first() is not None


def _accept(connection: Connection, units: Sequence[Accepting], new_id: NewId) -> None:
    fresh = _take_keys(connection, units)
    if not fresh:
        return
    deliveries, events = _within_limits(connection, fresh, new_id)
    insert_rows(connection, message, MESSAGE, [unit.row for unit in fresh])
    insert_rows(connection, body, BODY, [row for unit in fresh for row in unit.bodies])
    insert_rows(connection, delivery, DELIVERY, deliveries)
    tell(connection, events)
    forget_secrets(connection, {unit.message.id for unit in fresh if unit.message.secret and _settled_at_once(unit)})
    there = [unit.message.id for unit in fresh if unit.message.size > sum(len(row[2]) for row in unit.bodies)]
    if there:
        connection.execute(delete(spooled).where(spooled.c.message.in_(there)))


def _settled_at_once(unit: Accepting) -> bool:
    """Whether nothing of it is to be sent: all its recipients are suppressed."""
    return all(row[DELIVERY_STATE] >= State.DELIVERED for row in unit.deliveries)


def _take_keys(connection: Connection, units: Sequence[Accepting]) -> Sequence[Accepting]:
    """Those whose idempotency key is new, or that have none; the others become duplicates."""
    first: dict[tuple[int, str], Accepting] = {}
    for unit in units:
        unit.result = Accepted(unit.message.id)
        if unit.message.idempotency_key:
            first.setdefault((unit.message.account, unit.row[_KEY]), unit)
    if not first:
        return units
    rows = [
        (*key, unit.message.id, unit.message.created_at + KEY_MS, unit.message.digest)
        for key, unit in sorted(first.items(), key=itemgetter(0))
    ]
    _, taken = run_rows(connection, _TAKE_KEYS, _KEYS, rows)
    winners = {row[0] for row in taken}
    kept = _kept_keys(connection, [key for key, unit in first.items() if unit.message.id not in winners])
    for unit in units:
        key = (unit.message.account, unit.row[_KEY])
        if unit.message.idempotency_key and unit.message.id not in winners:
            unit.result = _repeated(unit.message, *kept.get(key, (first[key].message.id, first[key].message.digest)))
    return [unit for unit in units if isinstance(unit.result, Accepted)]


_KEY = MESSAGE.index("idempotency_key")


def _repeated(again: NewMessage, message: int, digest: str) -> Duplicate | KeyReused:
    """The same request once more, or another one under its key; over SMTP nobody says what the key stands for."""
    return Duplicate(message) if again.digest == digest or not (again.digest and digest) else KeyReused(message)


def _kept_keys(connection: Connection, keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], tuple[int, str]]:
    """The message and digest that each key stands for."""
    found = {}
    for account, key in keys:
        first = select(idempotency.c.message, idempotency.c.digest)
        row = connection.execute(first.where(idempotency.c.account == account, idempotency.c.key == key)).one()
        found[account, key] = (row.message, row.digest)
    return found


def _within_limits(connection: Connection, units: Sequence[Accepting], new_id: NewId) -> tuple[list[Row], list[Row]]:
    """Delivery and event rows; what is over an account's limits is put off. The units' own rows stay, for a replay."""
    used = limits.calendars(connection, [unit.message for unit in units if limits.limited(unit.message)])
    deliveries: list[Row] = []
    events: list[Row] = []
    for unit in units:
        events += unit.events
        if not limits.limited(unit.message):
            deliveries += unit.deliveries
            continue
        rows, told, moved = limits.spread(unit.message, unit.deliveries, used[unit.message.account], new_id)
        deliveries, events, unit.result = deliveries + rows, events + told, Accepted(unit.message.id, moved)
    limits.keep(connection, used)
    return deliveries, events


def _begin(connection: Connection, units: Sequence[Beginning]) -> None:
    rows = sorted(chain.from_iterable(unit.rows for unit in units))
    begun, _ = run_rows(connection, _BEGIN, _LEASED, rows)
    if begun == len(rows):
        return
    held = _held(connection, rows, (State.SENDING,))
    for unit in units:
        unit.result = frozenset(row[0] for row in unit.rows if row not in held)


def _settle(connection: Connection, units: Sequence[Settling], *, careful: bool) -> None:
    rows = sorted(chain.from_iterable(unit.rows for unit in units))
    if careful:
        held = _held(connection, rows, IN_HAND)
        rows = [row for row in rows if row[:2] in held]
    settled, _ = run_rows(connection, _SETTLE, _OUTCOME, rows)
    if settled != len(rows):
        raise Stale
    ours = {row[0] for row in rows}
    told = [row for unit in units for number, events in unit.events.items() if number in ours for row in events]
    tell(connection, told)
    run_rows(connection, _OWE, _OWED, sorted(row for unit in units for row in unit.owed if row[0] in ours))
    forget_secrets(connection, set().union(*(unit.secret for unit in units)))


def _held(connection: Connection, rows: Sequence[Row], states: tuple[State, ...]) -> set[Row]:
    """Which (delivery, worker) belong together and are in one of the states; their rows are locked."""
    found: set[Row] = set()
    for at in range(0, len(rows), PART):
        numbers = padded([row[0] for row in rows[at : at + PART]])
        held = select(delivery.c.id, delivery.c.lease).where(delivery.c.id.in_(numbers), one_of(states)).with_for_update()
        found.update((row.id, row.lease) for row in connection.execute(held))
    return found


def forget_secrets(connection: Connection, messages: set[int]) -> None:
    """Delete the bodies of secret messages of which no delivery is unfinished; their rows are locked against each other first."""
    if not messages:
        return
    connection.execute(select(message.c.id).where(message.c.id.in_(messages)).order_by(message.c.id).with_for_update()).all()
    open_ones = exists().where(delivery.c.message == body.c.message, delivery.c.state < int(State.DELIVERED))
    connection.execute(delete(body).where(body.c.message.in_(messages), ~open_ones))
