"""report: a final failure after the 250 is told to the submitter, once, and only where nobody else can be hit by it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from mailwright.accounts import AccountView
from mailwright.explain import Desk, Failure, Knowledge, Original, delivery_report, explain, may_report, reply_in
from mailwright.message import split
from mailwright.ports import Store
from mailwright.ports.store import DeliveryView, Story
from mailwright.queue import Accepted, EventKind, EventRow, NewDelivery, NewMessage, State
from mailwright.queue.retry import DAY, RetryRules, delayed_at, wake_time
from mailwright.routing.choose import OWN_SERVER, Choice
from mailwright.values import Address, Malformed, NotFound
from mailwright.values.ids import IdMaker, id_text

SUBSYSTEM = "report"
PRIORITY = 3  # somebody waits for it, but no password does
LIFETIME = 2 * DAY
KEY = " report:"  # of its idempotency key: with a blank in front, which none from outside has
UNKNOWN_STATUS = "5.0.0"  # RFC 3463 §3.1


@dataclass(frozen=True, slots=True)
class Scribe:
    """What writing reports needs from outside."""

    store: Store
    ids: IdMaker
    now: Callable[[], int]
    rules: RetryRules
    hostname: str
    site: Callable[[str, Choice], str]
    knowledge: Knowledge


async def report(story: Story, deliveries: Sequence[int], view: AccountView, scribe: Scribe) -> bool | None:
    """Write what is owed for deliveries of one story, once each; False where nothing is to be said, None where another
    process was at it just now: read the story again.

    Only to a MAIL FROM that is an address of the account itself: nobody else is ever mailed because of a failure (no
    backscatter), and never for a null sender (RFC 5321 §6.1) or for a report (RFC 3834 §2).
    """
    to = _reader(story.message.mail_from, view)
    owed = set(deliveries) - {event.delivery for event in story.events if event.kind is EventKind.REPORTED}
    failed = [delivery for delivery in story.deliveries if delivery.id in owed and delivery.state is State.BOUNCED]
    head = await asyncio.to_thread(_head, scribe.store, story.message.id)
    if to is None or not failed or not view.account.reports or not may_report(story.message.mail_from, head):
        return False
    number, now = scribe.ids.next(scribe.now()), scribe.now()
    desk = Desk(scribe.hostname, now, f"<{id_text(number)}@{scribe.hostname}>")
    content = delivery_report(_original(story, head), [_failure(one, scribe.knowledge) for one in failed], to=to, desk=desk)
    mail = _message(story, number, len(content), scribe, now)
    mail = replace(mail, message_id=desk.message_id, idempotency_key=f"{KEY}{id_text(failed[0].id)}")
    kept = await scribe.store.accept(mail, [content], [_delivery(mail, to, scribe)], _events(story, mail, failed, scribe, now))
    return True if isinstance(kept, Accepted) else None


def daemon(hostname: str) -> str:
    """The author of reports."""
    return f"mailer-daemon@{hostname}"


def _reader(mail_from: str, view: AccountView) -> Address | None:
    try:
        address = Address.parse(mail_from)
    except Malformed:
        return None
    return address if view.domain_of(address.domain) is not None else None


def _head(store: Store, message: int) -> bytes:
    """The original's header block; empty where the text is gone by now."""
    try:
        return split(next(store.content(message), b""))[0]
    except NotFound:
        return b""


def _original(story: Story, head: bytes) -> Original:
    mail = story.message
    return Original(head, mail.created_at, mail.subject, mail.message_id, mail.secret)


def _failure(delivery: DeliveryView, knowledge: Knowledge) -> Failure:
    reply = reply_in(delivery.reply)
    status = reply.enhanced if reply.enhanced.startswith("5") else UNKNOWN_STATUS
    spoken = delivery.reply if reply.code else ""
    return Failure(Address.parse(delivery.recipient), status, explain(reply, knowledge).finding, spoken, "", delivery.settled_at)


def _message(story: Story, number: int, size: int, scribe: Scribe, now: int) -> NewMessage:
    return NewMessage(
        id=number,
        account=story.message.account,
        subsystem=SUBSYSTEM,
        priority=PRIORITY,
        author=daemon(scribe.hostname),
        mail_from="",
        subject="Not delivered",
        message_id="",
        size=size,
        transport=None,
        because="Reports leave by our own servers.",
        created_at=now,
        expires_at=now + LIFETIME,
    )


def _delivery(mail: NewMessage, to: Address, scribe: Scribe) -> NewDelivery:
    choice = Choice(mail.account, None, "own_server", "own_server", OWN_SERVER, mail.because)
    late = delayed_at(mail.created_at, told=False, rules=scribe.rules)
    wake = wake_time(state=State.READY, due_at=mail.created_at, delayed_at=late, expires_at=mail.expires_at)
    site = scribe.site(to.domain.name, choice)
    return NewDelivery(scribe.ids.next(mail.created_at), str(to), site, State.READY, mail.created_at, wake)


def _events(story: Story, mail: NewMessage, failed: Sequence[DeliveryView], scribe: Scribe, now: int) -> list[EventRow]:
    accepted = EventRow(
        scribe.ids.next(now), mail.account, mail.id, None, EventKind.ACCEPTED, now, {"by": "mailwright", "because": mail.because}
    )
    told = {"to": story.message.mail_from, "report": id_text(mail.id)}
    return [
        accepted,
        *(
            EventRow(scribe.ids.next(now), mail.account, story.message.id, one.id, EventKind.REPORTED, now, told)
            for one in failed
        ),
    ]
