"""What is read of the mail: bodies, stories, lists."""

from collections.abc import Sequence

from sqlalchemy import Connection, exists, func, select

from mailwright.ports.store import LISTED_HEAD, Listed, Story
from mailwright.queue import NewMessage, State
from mailwright.queue.worst import worst
from mailwright.storage import rows
from mailwright.storage.schema import body, delivery, dkim_signature, event, idempotency, message
from mailwright.values import NotFound

_MESSAGE = rows.typed(message.c, rows.MESSAGE)
_HEADS = select(body.c.message, func.substr(body.c.bytes, 1, LISTED_HEAD)).where(body.c.seq == 0)


def body_row(connection: Connection, number: int, seq: int) -> bytes | None:
    """One body row, None behind the last. Raises NotFound where there is not even the first."""
    part = connection.execute(select(body.c.bytes).where(body.c.message == number, body.c.seq == seq)).scalar_one_or_none()
    if part is None and seq == 0:
        raise NotFound(
            "The content of this message is not kept any more.", "Only its story is left; see the account's retention."
        )
    return part


def known(connection: Connection, account: int, key: str, digest: str, now: int) -> int | None:
    """What an idempotency key stands for, where it is for the same request and not forgotten."""
    of = select(idempotency.c.message).where(idempotency.c.account == account, idempotency.c.key == key)
    same = of.where(idempotency.c.digest == digest, idempotency.c.expires > now)
    return connection.execute(same).scalar_one_or_none()


def signatures(connection: Connection, number: int) -> Sequence[tuple[int, bytes]]:
    """Kept DKIM-Signature fields with their key ids."""
    kept = select(dkim_signature.c.dkim_key, dkim_signature.c.field).where(dkim_signature.c.message == number)
    return [(row.dkim_key, bytes(row.field)) for row in connection.execute(kept)]


def story(connection: Connection, number: int, account: int | None) -> Story:
    """All of one message. Raises NotFound."""
    mail = message_of(connection, number, account)
    deliveries = connection.execute(select(delivery).where(delivery.c.message == number).order_by(delivery.c.id)).mappings()
    events = connection.execute(select(event).where(event.c.message == number).order_by(event.c.at, event.c.id)).mappings()
    return Story(
        mail, [rows.view(row) for row in deliveries], [told for row in events for told in rows.events(row)],
        connection.execute(select(exists().where(body.c.message == number))).scalar_one(),
    )  # fmt: skip


def find(connection: Connection, number: int, account: int | None) -> int:
    """The message of a message or delivery id. Raises NotFound."""
    of = connection.execute(select(delivery.c.message).where(delivery.c.id == number)).scalar_one_or_none()
    wanted = number if of is None else of
    message_of(connection, wanted, account)
    return wanted


def messages(
    connection: Connection, account: int | None, state: State | None, before: int | None, limit: int
) -> Sequence[tuple[NewMessage, State]]:
    """Newest first, each with its worst state."""
    wanted = select(*_MESSAGE).order_by(message.c.id.desc()).limit(limit)
    if account is not None:
        wanted = wanted.where(message.c.account == account)
    if before is not None:
        wanted = wanted.where(message.c.id < before)
    if state is not None:
        wanted = wanted.where(exists().where(delivery.c.message == message.c.id, delivery.c.state == int(state)))
    found = [rows.new_message(row) for row in connection.execute(wanted)]
    states = _states(connection, [new.id for new in found])
    return [(new, worst(states.get(new.id, ()))) for new in found]


def listed(
    connection: Connection, account: int | None, older_than: int | None, newer_than: int | None, limit: int
) -> Sequence[Listed]:
    """Newest first; what a list shows of each."""
    wanted = select(*_MESSAGE).limit(limit)
    wanted = wanted.order_by(message.c.id.desc() if newer_than is None else message.c.id)
    if account is not None:
        wanted = wanted.where(message.c.account == account)
    if older_than is not None:
        wanted = wanted.where(message.c.id < older_than)
    if newer_than is not None:
        wanted = wanted.where(message.c.id > newer_than)
    found = [rows.new_message(row) for row in connection.execute(wanted)]
    numbers = [new.id for new in found]
    heads = {row[0]: bytes(row[1]) for row in connection.execute(_HEADS.where(body.c.message.in_(numbers)))}
    to: dict[int, list[tuple[str, int]]] = {number: [] for number in numbers}
    of = select(delivery.c.message, delivery.c.recipient, delivery.c.state).where(delivery.c.message.in_(numbers))
    for number, recipient, state in connection.execute(of.order_by(delivery.c.id)):
        to[number].append((recipient, state))
    views = [_in_list(new, to[new.id], heads.get(new.id, b"")) for new in found]
    return views if newer_than is None else views[::-1]


def _in_list(new: NewMessage, to: Sequence[tuple[str, int]], head: bytes) -> Listed:
    return Listed(new, worst([state for _, state in to]), [recipient for recipient, _ in to], head)


def _states(connection: Connection, numbers: Sequence[int]) -> dict[int, list[int]]:
    states: dict[int, list[int]] = {}
    of = select(delivery.c.message, delivery.c.state).distinct().where(delivery.c.message.in_(numbers))
    for number, state in connection.execute(of):
        states.setdefault(number, []).append(state)
    return states


def message_of(connection: Connection, number: int, account: int | None) -> NewMessage:
    """A message as it was accepted. Raises NotFound, also where it is another account's; None is the operator."""
    wanted = select(*_MESSAGE).where(message.c.id == number)
    if account is not None:
        wanted = wanted.where(message.c.account == account)
    found = connection.execute(wanted).one_or_none()
    if found is None:
        raise NotFound("There is no such message.", "Check the id; it is in the reply to the hand-in.")
    return rows.new_message(found)
