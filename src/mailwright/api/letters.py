"""What a request says about a mail, in Resend's shape, as a letter with its envelope; pure: a thread may read large ones."""

import binascii
import json
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from mimetypes import MimeTypes
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from mailwright.api import wire
from mailwright.api.moments import moment_of
from mailwright.message import Asked, Mailbox
from mailwright.message.author import read_mailbox
from mailwright.message.calendar import method_of_calendar
from mailwright.message.compose import Attachment, Letter
from mailwright.message.plain import text_of_html
from mailwright.values import Address, Malformed

MAX_NAME = 256  # characters of a tag's name or value, as Resend has it
MAX_TAGS = 50
MAX_BATCH = 100  # mails of one request, as Resend has it
OWN_ID = "message-id"
MAX_USER = 254  # characters: an address fits
MAX_SUBSYSTEM = 64  # as over SMTP
TYPES = MimeTypes()
UNKNOWN_TYPE = "application/octet-stream"

Texts = str | list[str] | None
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]*$", max_length=MAX_NAME)]


class Tag(wire.Asked):
    """By what the application sorts its mail."""

    name: Annotated[Word, Field(min_length=1)]
    value: Word = ""


class File(wire.Asked):
    """An attachment. With a `content_id` it is shown within the HTML: `<img src="cid:...">`."""

    content: str | list[int] | None = Field(None, description="In base64, or a list of octets as numbers.")
    filename: str | Literal[False] | None = None
    content_type: str | None = Field(None, description="By default what the filename says.")
    content_id: str | None = None
    inline_content_id: str | None = Field(None, description="The same as content_id.")
    path: str | None = Field(None, description="Not taken: nothing is fetched for a caller.")


class Calendar(wire.Asked):
    """An invitation: iCalendar text (RFC 5545); `method`, where it is given, must be the METHOD in it."""

    content: str
    method: str | None = None


class NewEmail(wire.Asked):
    """A mail to send: Resend's fields, and beside them ours: calendar, subsystem, user."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)

    author: str = Field(alias="from", description="`name@example.com` or `Name <name@example.com>`, of a domain of the account.")
    to: Texts = Field(None, description="May be left out where cc or bcc names somebody.")
    subject: str
    html: str | None = None
    text: str | None = Field(None, description="Made from the HTML where it is missing.")
    cc: Texts = None
    bcc: Texts = None
    reply_to: Texts = None
    headers: dict[str, str] | None = None
    attachments: list[File] | None = None
    tags: list[Tag] | None = None
    scheduled_at: str | None = Field(
        None, description="ISO 8601 with its zone, or such as `in 5 minutes`; at most 30 days ahead."
    )
    calendar: str | Calendar | None = Field(None, description="iCalendar text of an invitation.")
    subsystem: str | None = Field(None, description="The part of the application that it comes from, such as `billing`.")
    user: str | None = Field(None, max_length=MAX_USER, description="For whom in the application it was written.")
    topic_id: str | None = Field(None, description="Not taken yet.")
    template: dict[str, Any] | None = Field(None, description="Not taken yet.")


@dataclass(frozen=True, slots=True)
class Order:
    """A letter, whom it goes to, and what is asked beside it."""

    letter: Letter
    recipients: Sequence[Address]
    asked: Asked


ONE = TypeAdapter(NewEmail)
FIELDS = frozenset(field.alias or name for model in (NewEmail, File, Tag, Calendar) for name, field in model.model_fields.items())


def json_of(raw: bytes) -> Any:
    """What a body says. Raises Malformed; a key that stands twice is refused, for programs differ in which one they read."""
    try:
        return _JSON.decode(raw.decode())
    except RecursionError as fault:
        raise Malformed("The body of the request is nested too deep.", "Send one JSON object as /docs shows it.") from fault
    except Malformed:
        raise
    except ValueError as fault:
        raise Malformed("The body of the request is not JSON.", "Send one JSON object, encoded as UTF-8.") from fault


def order_of(given: Any, *, now: int, most: int, key: str = "", digest: str = "") -> Order:
    """The order that a request gives. `now` is milliseconds since 1970, `most` recipients are taken.

    Raises pydantic's ValidationError where it has another shape, Malformed where a value cannot be used.
    """
    new = ONE.validate_python(given)
    _not_yet(new)
    to, cc, bcc = (_mailboxes(name, value) for name, value in (("to", new.to), ("cc", new.cc), ("bcc", new.bcc)))
    recipients = [one.address for one in (*to, *cc, *bcc)]
    if not recipients:
        raise Malformed("The mail has no recipient.", "Name somebody in to.")
    if len(recipients) > most:
        raise Malformed(f"The mail has {len(recipients)} recipients.", f"Send it to at most {most} at once; split the list.")
    calendar, method = _calendar(new.calendar)
    text = new.text if new.text is not None or new.html is None else text_of_html(new.html)
    if text is None and calendar is None:
        raise Malformed("The mail has neither html nor text.", "Send at least one of both.")
    letter = Letter(
        author=read_mailbox("from", new.author), to=to, cc=cc, reply_to=_mailboxes("reply_to", new.reply_to), subject=new.subject,
        text=text, html=new.html, calendar=calendar, method=method, **_headers(new.headers or {}),
        attachments=[_attachment(n, file) for n, file in enumerate(new.attachments or ())],
    )  # fmt: skip
    asked = Asked(
        subsystem=_subsystem(new.subsystem or ""), idempotency_key=key, digest=digest, tags=_tags(new.tags or ()),
        scheduled_at=moment_of(new.scheduled_at, now=now) if new.scheduled_at is not None else None, user=_user(new.user or ""),
    )  # fmt: skip
    return Order(letter, recipients, asked)


def orders_of(given: Any) -> list[Any]:
    """The mails of a batch, each to be read by `order_of`. Raises Malformed."""
    if not isinstance(given, list) or not 1 <= len(given) <= MAX_BATCH:
        raise Malformed("The body is no list of mails.", f"Send a list of 1 to {MAX_BATCH} mails.")
    return given


def keyed(order: Order, number: int) -> Order:
    """A mail of a batch under the batch's idempotency key and its own number."""
    key = order.asked.idempotency_key
    return replace(order, asked=replace(order.asked, idempotency_key=f"{key}/{number}")) if key else order


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for n, (name, _) in enumerate(pairs) if name in dict(pairs[:n]))
        raise Malformed(f"The key {twice[:40]!r} stands twice in one object.", "Write each key once.")
    return found


_JSON = json.JSONDecoder(object_pairs_hook=_once)


def _not_yet(new: NewEmail) -> None:
    """What Resend has and we lack is said, never passed over."""
    if new.template is not None:
        raise Malformed("template is not taken: there are no stored templates here.", "Send html or text, filled in already.")
    if new.topic_id is not None:
        raise Malformed("topic_id is not taken: there are no topics here.", "Leave it out; send only to those who want the mail.")


def _mailboxes(name: str, given: Texts) -> list[Mailbox]:
    texts = [given] if isinstance(given, str) else given or []
    return [read_mailbox(name, text) for text in texts]


def _headers(given: Mapping[str, str]) -> dict[str, Any]:
    """Fields of the caller; its own Message-ID, by which it finds the answers, is the letter's."""
    others = [(name, value) for name, value in given.items() if name.lower() != OWN_ID]
    ids = [value for name, value in given.items() if name.lower() == OWN_ID]
    if len(ids) > 1:
        raise Malformed("headers has several Message-IDs.", "A mail has one.")
    return {"headers": others, "message_id": ids[0].strip() if ids else ""}


def _calendar(given: str | Calendar | None) -> tuple[str | None, str]:
    if given is None:
        return None, ""
    text, asked = (given, None) if isinstance(given, str) else (given.content, given.method)
    method = method_of_calendar(text)
    if asked is not None and asked.upper() != method:
        raise Malformed(
            f"calendar.method is {asked[:40]!r}, but the calendar says {method}.", "Let both be the same (RFC 6047 §2.4)."
        )
    return text, method


def _attachment(number: int, file: File) -> Attachment:
    where = f"attachments[{number}]"
    if file.path is not None:
        what = f"{where}.path is not taken: nothing is fetched for a caller."
        raise Malformed(what, "Fetch the file yourself, and send it as content, in base64.")
    if file.content is None:
        raise Malformed(f"{where} has no content.", "Send the file as content, in base64.")
    name = file.filename or ""
    kind = file.content_type or TYPES.guess_type(name)[0] or UNKNOWN_TYPE
    if not file.content_type and kind.startswith(("message/", "multipart/")):
        kind = UNKNOWN_TYPE
    content_id = file.content_id or file.inline_content_id or ""
    if (file.inline_content_id or content_id) != content_id:
        raise Malformed(f"{where} has two content ids.", "Give content_id alone.")
    shown = name or content_id or f"attachment-{number + 1}"
    return Attachment(shown, _octets(where, file.content), kind, content_id.removeprefix("<").removesuffix(">"))


def _octets(where: str, content: str | list[int]) -> bytes:
    try:
        if isinstance(content, list):
            return bytes(content)
        return b64decode("".join(content.split()) if "\n" in content else content, validate=True)
    except (binascii.Error, ValueError) as fault:
        raise Malformed(f"{where}.content is not base64.", "Encode the file's octets in base64 (RFC 4648 §4).") from fault


def _tags(given: Iterable[Tag]) -> dict[str, str]:
    tags: dict[str, str] = {}
    for tag in given:
        if tag.name in tags:
            raise Malformed(f"The tag {tag.name[:40]!r} stands twice.", "Give each tag one value.")
        tags[tag.name] = tag.value
    if len(tags) > MAX_TAGS:
        raise Malformed(f"The mail has {len(tags)} tags.", f"Give at most {MAX_TAGS}.")
    return tags


def _subsystem(given: str) -> str:
    if len(given) > MAX_SUBSYSTEM or not (given.isascii() and given.isprintable()):
        raise Malformed("subsystem is no word.", f"Write up to {MAX_SUBSYSTEM} letters, digits and hyphens, such as billing.")
    return given.lower()


def _user(given: str) -> str:
    if not given.isprintable():
        raise Malformed("user has characters that nobody can read.", "Send an id or a name, on one line.")
    return given
