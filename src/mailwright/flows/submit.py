"""submit: read -> is this author theirs? -> choose the transport -> dress -> store -> receipt; then hand over."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mailwright.accounts import Submitter
from mailwright.accounts.suppression import Suppression, suppressed_as
from mailwright.message import Asked, Dressed, Hop, Refused, dress
from mailwright.ports import Store
from mailwright.queue import Accepted, Duplicate, EventKind, EventRow, Job, KeyReused, NewDelivery, NewMessage, State
from mailwright.queue.retry import RetryRules, delayed_at, wake_time
from mailwright.queue.subsystem import Subsystem
from mailwright.routing.choose import Choice, choose
from mailwright.values import Address, Finding, Malformed
from mailwright.values.finding import error
from mailwright.values.ids import IdMaker, id_text

MOST_NAMED = 3  # domains of an account in a sentence


@dataclass(slots=True)
class HandedIn:
    """A mail as a listener took it: envelope, header block, and what follows the block (the empty line first)."""

    id: int
    submitter: Submitter
    mail_from: Address | None
    recipients: Sequence[Address]
    hop: Hop
    head: bytes
    rest: bytes = b""  # empty where the rest was spooled as body rows 1, 2, ...
    spooled: int = 0  # octets that were spooled
    eightbit: bool = False
    smtputf8: bool = False
    by: str = "smtp"
    asked: Asked | None = None  # what was asked beside the mail; None: in fields of the mail


@dataclass(frozen=True, slots=True)
class Ready:
    """A mail that may be kept, as it will be sent; `now` is milliseconds since 1970."""

    mail: HandedIn
    dressed: Dressed
    choice: Choice
    now: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """The mail is kept: its id, how it will leave and why, and what could be better."""

    message: int
    transport: str
    because: str
    findings: tuple[Finding, ...] = ()
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Office:
    """What submitting needs from outside."""

    store: Store
    ids: IdMaker
    now: Callable[[], int]
    rules: RetryRules
    hostname: str
    subsystem: Callable[[str], Subsystem]
    site: Callable[[str, Choice], str]  # the site of a recipient's domain
    room: Callable[[str, int, int, int], bool]  # may this mail (site, size, priority, account) be handed over in memory?
    hand: Callable[[Job], None]
    urge: Callable[[str], None]  # mail of the top priority waits in the table, for this site
    suppressed: Callable[[int, Sequence[str]], Awaitable[Sequence[Suppression]]]  # those of an account among some addresses


async def submit(mail: HandedIn, office: Office) -> Receipt | Refused:
    """Take one mail, durably. Raises Unavailable where the store is: then nothing was kept."""
    ready = examine(mail, office)
    return ready if isinstance(ready, Refused) else await keep(ready, office)


def examine(mail: HandedIn, office: Office) -> Ready | Refused:
    """All that may be wrong with a mail, before anything of it is kept."""
    now = office.now()
    dressed = dress(
        mail.head, hop=mail.hop, now_ms=now, message_id=f"<{id_text(mail.id)}@{office.hostname}>", smtputf8=mail.smtputf8
    )
    if isinstance(dressed, Refused):
        return dressed
    objection = not_theirs(mail.submitter, dressed.author.address)
    if objection is not None:
        return Refused((objection, *dressed.findings))
    try:
        choice = choose(mail.submitter.view.account, mail.submitter.view.transports)
    except Malformed as fault:
        return Refused((unusable_transport(fault),))
    return Ready(mail, dressed, choice, now)


async def keep(ready: Ready, office: Office) -> Receipt | Refused:
    """Store a mail and hand it over. Raises Unavailable where the store is: then nothing was kept."""
    mail, dressed, choice = ready.mail, ready.dressed, ready.choice
    message = _message(mail, dressed, choice, office, ready.now)
    deliveries = _deliveries(mail, message, choice, office)
    events = _events(mail, message, choice, office)
    if mail.submitter.view.suppresses:
        events += await _suppress(message, deliveries, office)
    content = dressed.head + mail.rest
    kept = await office.store.accept(message, [content], deliveries, events)
    if isinstance(kept, KeyReused):
        return Refused((key_reused(),))
    if isinstance(kept, Duplicate):
        return Receipt(kept.message, choice.name, choice.because, duplicate=True)
    _hand_over(message, deliveries, kept, content if not mail.spooled else None, office)
    return Receipt(message.id, choice.name, choice.because, dressed.findings)


def not_theirs(submitter: Submitter, author: Address) -> Finding | None:
    """Why a submitter may not write as an author, None where it may."""
    if submitter.view.domain_of(author.domain) is None:
        return error(
            "author-not-yours",
            f"{author.domain.readable} is not a domain of the account {submitter.view.account.name}.",
            why="Mail may leave only in the name of a domain that the account has.",
            do=f"Write from an address of {_domains(submitter)}, or let the operator add {author.domain.readable} to it.",
        )
    if not submitter.may_send_as(author):
        return error(
            "author-not-of-this-key",
            f"This API key may not write as {author}.",
            why="The key is limited to certain addresses or domains.",
            do="Use another key, or let an admin of the account extend the list of this one.",
        )
    return None


def key_reused() -> Finding:
    """The idempotency key stands for another request."""
    return error(
        "idempotency-key-reused",
        "The idempotency key was used before, for another request.",
        why="A key names one request for 24 hours: the same key with another mail is a mistake, and nothing was kept.",
        do="Use a new key for a new mail. To repeat a request, send it unchanged.",
    )


def _domains(submitter: Submitter) -> str:
    """Some of an account's domains, for who does not know them."""
    names = sorted(submitter.view.domains)
    return " or ".join(names) if 0 < len(names) <= MOST_NAMED else "one of its domains"


def unusable_transport(fault: Malformed) -> Finding:
    """The account's transport has settings that cannot be read."""
    return error("transport-unusable", str(fault), why="The account's transport cannot be used as it is.", do=fault.remedy)


def _message(mail: HandedIn, dressed: Dressed, choice: Choice, office: Office, now: int) -> NewMessage:
    asked = mail.asked or dressed.asked
    account, kind = mail.submitter.view.account, office.subsystem(asked.subsystem)
    return NewMessage(
        id=mail.id,
        account=account.id,
        subsystem=kind.name,
        priority=kind.priority,
        author=str(dressed.author.address),
        mail_from=str(mail.mail_from or ""),
        subject="" if kind.secret else dressed.subject,
        message_id=dressed.message_id,
        size=len(dressed.head) + len(mail.rest) + mail.spooled,
        transport=choice.transport,
        because=choice.because,
        created_at=now,
        expires_at=(asked.scheduled_at or now) + min(kind.lifetime, office.rules.lifetime),
        tag=asked.tag,
        eightbit=mail.eightbit,
        smtputf8=dressed.smtputf8,  # the addresses of an envelope are looked at for each server (RFC 6531 §3.5)
        secret=kind.secret,
        idempotency_key=asked.idempotency_key,
        hour_limit=account.hour_limit,
        day_limit=account.day_limit,
        tags=asked.tags,
        scheduled_at=asked.scheduled_at,
        app_user=asked.user,
        digest=asked.digest,
    )


def _deliveries(mail: HandedIn, message: NewMessage, choice: Choice, office: Office) -> list[NewDelivery]:
    due = message.scheduled_at or message.created_at
    late = delayed_at(due, told=False, rules=office.rules)
    first = State.READY if message.scheduled_at is None else State.DEFERRED
    wake = wake_time(state=first, due_at=due, delayed_at=late, expires_at=message.expires_at)
    deliveries = []
    for recipient in dict.fromkeys(mail.recipients):
        site = office.site(recipient.domain.name, choice)
        now = first is State.READY and office.room(site, message.size, message.priority, message.account)
        number = office.ids.next(message.created_at)
        deliveries.append(NewDelivery(number, str(recipient), site, State.LEASED if now else first, due, wake))
    return deliveries


async def _suppress(message: NewMessage, deliveries: Sequence[NewDelivery], office: Office) -> list[EventRow]:
    """Settle what goes to addresses to which the account does not send; the events that tell it. Raises Unavailable."""
    named = {suppressed_as(Address.parse(one.recipient)): one for one in deliveries}
    events = []
    for found in await office.suppressed(message.account, list(named)):
        delivery = named[found.address]
        delivery.state, delivery.wake_at = State.BOUNCED, 0
        data = {"reason": "suppressed", "by": "us", "why": found.reason, "origin": str(found.origin), "since": found.created_at}
        number = office.ids.next(message.created_at)
        events.append(EventRow(number, message.account, message.id, delivery.id, EventKind.BOUNCED, message.created_at, data))
    return events


def _events(mail: HandedIn, message: NewMessage, choice: Choice, office: Office) -> list[EventRow]:
    told = [_event(EventKind.ACCEPTED, _how(mail, choice), message, office)]
    if message.scheduled_at is not None:
        told.append(_event(EventKind.SCHEDULED, {"due": message.scheduled_at}, message, office))
    return told


def _event(kind: EventKind, data: dict[str, Any], message: NewMessage, office: Office) -> EventRow:
    at = message.created_at
    return EventRow(office.ids.next(at), message.account, message.id, None, kind, at, data)


def _how(mail: HandedIn, choice: Choice) -> dict[str, Any]:
    data: dict[str, Any] = {
        "by": mail.by,
        "protocol": mail.hop.protocol,
        "transport": choice.name,
        "because": choice.because,
        "recipients": len(mail.recipients),
    }
    if mail.submitter.key is not None:
        data["key"] = mail.submitter.key.prefix
    return data


def _hand_over(
    message: NewMessage, deliveries: Sequence[NewDelivery], kept: Accepted, content: bytes | None, office: Office
) -> None:
    """What was stored as leased goes straight to its lane; what went over the account's limits waits in the table."""
    for delivery in deliveries:
        if delivery.id in kept.spread:
            continue
        if delivery.state is State.LEASED:
            office.hand(job_of(message, delivery, content))
        elif delivery.state is State.READY and message.priority == 0:
            office.urge(delivery.site)


def job_of(message: NewMessage, delivery: NewDelivery, content: bytes | None) -> Job:
    """The job of a delivery that is handed over in memory."""
    return Job(
        delivery.id,
        message.id,
        message.account,
        delivery.recipient,
        delivery.site,
        message.transport,
        message.priority,
        0,
        message.author,
        message.mail_from,
        message.subsystem,
        message.created_at,
        message.expires_at,
        message.size,
        message.eightbit,
        message.smtputf8,
        message.secret,
        content=content,
    )
