"""A mail as Resend shows it, read back from what is stored; its story as data. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from fast_mail_parser import ParseError, parse_email
from pydantic import Field

from mailwright.api.wire import Told, moment
from mailwright.explain import Line, Tale
from mailwright.message import Field as HeaderField
from mailwright.message import Mailbox, fields, mailboxes, split
from mailwright.message.headers import first
from mailwright.ports.store import Story
from mailwright.queue import EventRow, NewMessage, State
from mailwright.values.ids import id_text

NO_TAG: Mapping[str, str] = {}
_LAST = {  # Resend's words; `captured` is ours, for capture mode
    State.READY: "queued",
    State.HELD: "queued",
    State.LEASED: "queued",
    State.DEFERRED: "delivery_delayed",
    State.SENDING: "sent",
    State.DELIVERED: "delivered",
    State.BOUNCED: "bounced",
    State.CANCELLED: "canceled",
    State.CAPTURED: "captured",
}


class TagTold(Told):
    """A tag."""

    name: str
    value: str


class Listing(Told):
    """A mail in a list."""

    id: str
    message_id: str
    author: str = Field(serialization_alias="from")
    to: list[str]
    cc: list[str] | None
    bcc: list[str] | None
    reply_to: list[str] | None
    subject: str
    created_at: str
    scheduled_at: str | None
    last_event: str = Field(description="Of several recipients the worst.")
    subsystem: str
    user: str | None


class EmailTold(Listing):
    """A mail; the text of secret ones, and what was deleted meanwhile, is null."""

    object: Literal["email"] = "email"
    html: str | None
    text: str | None
    tags: list[TagTold]


class LineTold(Told):
    """A step of the story: what happened, what it means and who acts, and what was seen."""

    at: str | None
    tone: str
    text: str
    more: list[str]
    evidence: list[str]


class EventTold(Told):
    """What is stored of a step."""

    id: str
    type: str
    created_at: str
    data: dict[str, Any]


class ChapterTold(Told):
    """One recipient: how it stands, and what happened, in words and in data."""

    id: str
    recipient: str
    state: str
    attempts: int
    due_at: str | None = Field(description="When it is tried next, while it waits for that.")
    reply: str
    may_have_arrived_twice: bool
    now: LineTold
    lines: list[LineTold]
    events: list[EventTold]


class StoryTold(Told):
    """What became of a mail, and why."""

    object: Literal["story"] = "story"
    id: str
    last_event: str
    lines: list[LineTold]
    events: list[EventTold]
    recipients: list[ChapterTold]


def listing(mail: NewMessage, state: State, recipients: Sequence[str], head: bytes, *, now: int) -> dict[str, Any]:
    """What a list shows, as fields of Listing; `head` may end in the middle of a field, b"" where it is not kept."""
    found = fields(split(head)[0])
    to, cc, reply_to = (_shown(found, name) for name in (b"to", b"cc", b"reply-to"))
    named = {address.rpartition("<")[2].removesuffix(">") for address in (*to, *cc)}
    others = [one for one in recipients if one not in named]
    writer = _shown(found, b"from")
    return {
        "id": id_text(mail.id),
        "message_id": mail.message_id,
        "author": writer[0] if len(writer) == 1 else mail.author,
        "to": to or ([] if cc else others),
        "cc": cc or None,
        "bcc": (others if to or cc else None) or None,
        "reply_to": reply_to or None,
        "subject": mail.subject,
        "created_at": moment(mail.created_at),
        "scheduled_at": None if mail.scheduled_at is None else moment(mail.scheduled_at),
        "last_event": last_event(mail, state, now=now),
        "subsystem": mail.subsystem,
        "user": mail.app_user or None,
    }


def email(mail: NewMessage, state: State, recipients: Sequence[str], raw: bytes, *, now: int) -> EmailTold:
    """A mail as a whole; `raw` is b"" where nothing is kept or may be shown."""
    html, text = _bodies(raw)
    tags = mail.tags or ({"tag": mail.tag} if mail.tag else NO_TAG)
    told = [TagTold(name=name, value=value) for name, value in tags.items()]
    return EmailTold(**listing(mail, state, recipients, raw, now=now), html=html, text=text, tags=told)


def last_event(mail: NewMessage, state: State, *, now: int) -> str:
    """Resend's word for the worst state of a mail's recipients."""
    if state is State.DEFERRED and mail.scheduled_at is not None and mail.scheduled_at > now:
        return "scheduled"
    return _LAST[state]


def story_told(story: Story, tale: Tale, state: State, *, now: int) -> StoryTold:
    """The tale beside what it was told from."""
    chapters = [
        ChapterTold(
            id=id_text(one.id),
            recipient=one.recipient,
            state=one.state.name.lower(),
            attempts=one.attempts,
            due_at=moment(one.due_at) if one.state is State.DEFERRED else None,
            reply=one.reply,
            may_have_arrived_twice=one.unknown,
            now=_line(chapter.now),
            lines=[_line(line) for line in chapter.lines],
            events=_events(story.events, one.id),
        )
        for one, chapter in zip(story.deliveries, tale.chapters, strict=True)
    ]
    return StoryTold(
        id=id_text(story.message.id),
        last_event=last_event(story.message, state, now=now),
        lines=[_line(line) for line in tale.opening],
        events=_events(story.events, None),
        recipients=chapters,
    )


def _shown(found: Sequence[HeaderField], name: bytes) -> list[str]:
    field = first(found, name)
    return [] if field is None else [_written(one) for one in mailboxes(field.text)]


def _written(one: Mailbox) -> str:
    return f"{one.name} <{one.address}>" if one.name else str(one.address)


def _bodies(raw: bytes) -> tuple[str | None, str | None]:
    """The first HTML and the first text; None where there is none, or nobody can read it."""
    try:
        read = parse_email(raw) if raw else None
    except ParseError:
        read = None
    if read is None:
        return None, None
    return next(iter(read.text_html), None), next(iter(read.text_plain), None)


def _line(line: Line) -> LineTold:
    return LineTold(
        at=None if line.at is None else moment(line.at),
        tone=line.tone.value,
        text=line.text,
        more=list(line.more),
        evidence=list(line.evidence),
    )


def _events(events: Sequence[EventRow], delivery: int | None) -> list[EventTold]:
    return [
        EventTold(id=id_text(one.id), type=one.kind.value, created_at=moment(one.at), data=dict(one.data))
        for one in events
        if one.delivery == delivery
    ]
