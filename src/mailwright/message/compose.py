"""A mail from its parts: what an application hands in over HTTP becomes the octets that it could have handed in over SMTP.

The MIME tree is the usual one, from the outside in: mixed (attachments), related (inline pictures), alternative (text, HTML,
calendar). Built with the standard library; every text of the caller is checked first, so that no field can be added.
"""

from base64 import encodebytes
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email.charset import QP, Charset
from email.header import Header
from email.message import Message
from email.policy import compat32
from email.utils import formataddr

from mailwright.message.author import Mailbox
from mailwright.message.dress import date_text
from mailwright.message.headers import FTEXT, MAX_LINE
from mailwright.message.reencode import quoted_printable
from mailwright.values import Malformed

MAX_TEXT = 998  # characters of a field that the caller gives; an application that needs more sends the mail over SMTP
POLICY = compat32.clone(linesep="\r\n", max_line_length=None, mangle_from_=False)
OURS = frozenset(  # what the other parts of a letter or the envelope say
    {
        "from", "to", "cc", "bcc", "reply-to", "subject", "date", "message-id", "mime-version", "content-type",
        "content-transfer-encoding", "content-disposition", "content-id", "return-path", "received", "sender",
        "dkim-signature", "authentication-results",
    }
)  # fmt: skip
_UTF8 = Charset("utf-8")
_UTF8.header_encoding = QP  # readable in a log where most of it is ASCII
_FIELD_NAME = frozenset(FTEXT.decode("ascii"))
_TOKEN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$&^_.+-")  # RFC 6838 §4.2
_ID = frozenset(map(chr, range(33, 127))) - frozenset('<>"\\()[],;: ')


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file; with a `content_id` it is shown within the HTML (`<img src="cid:...">`, RFC 2392)."""

    filename: str
    content: bytes
    content_type: str = "application/octet-stream"
    content_id: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says, before it has octets. `calendar` is iCalendar text, `method` its METHOD (RFC 6047 §2.4)."""

    author: Mailbox
    to: Sequence[Mailbox] = ()
    cc: Sequence[Mailbox] = ()
    reply_to: Sequence[Mailbox] = ()
    subject: str = ""
    text: str | None = None
    html: str | None = None
    headers: Sequence[tuple[str, str]] = ()
    attachments: Sequence[Attachment] = ()
    calendar: str | None = None
    method: str = ""


def compose(letter: Letter, *, now_ms: int, message_id: str) -> bytes:
    """The whole mail, lines ended by CRLF, none over 998 octets, all ASCII unless an address is not (RFC 6532 §3.2).

    `now_ms` is milliseconds since 1970, `message_id` has its angle brackets; boundaries are made from it. Raises Malformed,
    naming the part, where a text cannot stand in a mail.
    """
    mail = _content(letter, "".join(filter(str.isalnum, message_id))[:60])
    fields = [
        ("Date", date_text(now_ms)),
        ("From", _mailboxes("from", [letter.author])),
        ("To", _mailboxes("to", letter.to)),
        ("Cc", _mailboxes("cc", letter.cc)),
        ("Reply-To", _mailboxes("reply_to", letter.reply_to)),
        ("Subject", _words("subject", letter.subject)),
        ("Message-ID", message_id),
        *[(_name(name), _words(f"headers.{name}", value)) for name, value in letter.headers],
        ("MIME-Version", "1.0"),
    ]
    octets = b"".join([f"{name}: {value}\r\n".encode() for name, value in fields if value])
    return octets + mail.as_bytes()


def plain_text(name: str, value: str) -> str:
    """A caller's text for a field. Raises Malformed for line ends, controls and halves of characters (RFC 5322 §2.2)."""
    if len(value) > MAX_TEXT:
        raise Malformed(f"{name} has {len(value)} characters.", f"Give at most {MAX_TEXT}.")
    bad = next((char for char in value if (char < " " and char != "\t") or char == "\x7f" or "\ud800" <= char < "\ue000"), None)
    if bad is not None:
        what = "a line end" if bad in "\r\n" else "half of a character" if bad >= "\ud800" else "a control character"
        raise Malformed(f"{name} has {what} in it.", "Take it out: it would end the field, or mean nothing to a reader.")
    return value


def _content(letter: Letter, mark: str) -> Message:
    choices = [_text_part("plain", letter.text)] if letter.text is not None else []
    choices += [_text_part("html", letter.html)] if letter.html is not None else []
    if letter.calendar is not None:
        choices.append(_text_part("calendar", letter.calendar, [("method", _token("calendar.method", letter.method))]))
    choices = choices or [_text_part("plain", "")]
    body = choices[0] if len(choices) == 1 else _multipart("alternative", choices, mark)
    shown = [one for one in letter.attachments if one.content_id]
    if shown:
        body = _multipart("related", [body, *map(_file_part, shown)], mark)
    others = [one for one in letter.attachments if not one.content_id]
    return _multipart("mixed", [body, *map(_file_part, others)], mark) if others else body


def _multipart(kind: str, parts: Iterable[Message], mark: str) -> Message:
    whole = Message(POLICY)
    whole["Content-Type"] = f'multipart/{kind}; boundary="=_{kind}_{mark}"'
    whole.set_payload(list(parts))
    return whole


def _text_part(kind: str, text: str, parameters: Sequence[tuple[str, str]] = ()) -> Message:
    """7bit where that is possible, else quoted-printable: most text stays readable."""
    part = Message(POLICY)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    octets = lines.encode("utf-8", "replace")
    more = "".join(f"; {name}={value}" for name, value in parameters if value)
    part["Content-Type"] = f"text/{kind}; charset={'us-ascii' if octets.isascii() else 'utf-8'}{more}"
    if octets.isascii() and b"\0" not in octets and max(map(len, octets.split(b"\r\n"))) <= MAX_LINE:
        part["Content-Transfer-Encoding"] = "7bit"
        part.set_payload(octets.decode("ascii"))
    else:
        part["Content-Transfer-Encoding"] = "quoted-printable"
        part.set_payload(quoted_printable(octets).decode("ascii"))
    return part


def _file_part(file: Attachment) -> Message:
    part = Message(POLICY)
    main, slash, sub = file.content_type.partition("/")
    if not slash or not main or not sub or not _TOKEN.issuperset(main + sub):
        raise Malformed(f"{file.content_type[:80]!r} is no content type.", "Write it as type/subtype, such as application/pdf.")
    filename = plain_text("attachments.filename", file.filename)
    part.add_header("Content-Type", file.content_type)
    part["Content-Transfer-Encoding"] = "base64"
    how = "inline" if file.content_id else "attachment"
    part.add_header("Content-Disposition", how, filename=filename if filename.isascii() else ("utf-8", "", filename))
    if file.content_id:
        if not _ID.issuperset(file.content_id) or len(file.content_id) > MAX_TEXT:
            raise Malformed("A content_id has characters that no id may have.", "Use letters, digits, dots and one @.")
        part["Content-ID"] = f"<{file.content_id}>"
    part.set_payload(encodebytes(file.content).decode("ascii").replace("\n", "\r\n"))
    return part


def _mailboxes(name: str, mailboxes: Sequence[Mailbox]) -> str:
    """Names as encoded words where they are not ASCII (RFC 2047 §5 (3)), quoted where they need it, one to a line."""
    written = []
    for mailbox in mailboxes:
        address, shown = str(mailbox.address), plain_text(name, mailbox.name)
        if address.isascii():
            written.append(formataddr((shown, address), _UTF8))
        else:  # the library takes ASCII addresses alone; such a mail goes out with SMTPUTF8 (RFC 6532 §3.2)
            written.append(f"{formataddr((shown, 'a@b'), _UTF8).removesuffix('<a@b>')}<{address}>" if shown else address)
    return ",\r\n ".join(written)


def _words(name: str, value: str) -> str:
    """Text, folded; encoded words where it is not ASCII (RFC 2047 §5 (1))."""
    text = plain_text(name, value).strip()
    header = Header(text, None if text.isascii() else _UTF8, maxlinelen=76, header_name=name[-70:])
    return header.encode(linesep="\r\n")


def _name(name: str) -> str:
    if not name or not _FIELD_NAME.issuperset(name) or len(name) > MAX_TEXT:
        raise Malformed(f"{name[:80]!r} is no name of a header field.", "Use letters, digits and hyphens, such as X-Ticket.")
    if name.lower() in OURS:
        raise Malformed(f"The field {name} is not taken in headers.", "Use the parameter that is there for it, or leave it out.")
    return name


def _token(name: str, text: str) -> str:
    if not _TOKEN.issuperset(text):
        raise Malformed(f"{name} is {text[:40]!r}, which is no word.", "Write it as in the calendar, such as REQUEST.")
    return text
