"""A mail from its parts: what an application hands in over HTTP becomes the octets that it could have handed in over SMTP.

The MIME tree is the usual one, from the outside in: mixed (attachments), related (inline pictures), alternative (text, HTML,
calendar). Texts are encoded by the standard library; the frame around the parts is written here, for its classes need ten
times as long (measured: 250 us for a text with its HTML, 25 us so). Every text of the caller is checked first, so that no
field can be added.
"""

import re
from base64 import encodebytes
from collections.abc import Sequence
from dataclasses import dataclass
from email.charset import QP, Charset
from email.header import Header
from email.utils import encode_rfc2231, formataddr, quote

from mailwright.message.author import Mailbox
from mailwright.message.dress import date_text
from mailwright.message.headers import FTEXT, has_long_line
from mailwright.message.reencode import quoted_printable
from mailwright.values import Malformed

MAX_TEXT = 998  # characters of a field that the caller gives; an application that needs more sends the mail over SMTP
MAX_ID = 250  # characters of a content id: with its field it fits a line
MAX_PARAMETERS = 800  # characters of a content type, or of a file name as written: with its field it fits a line
MAX_SHORT = 60  # characters of a field that need no folding beside its name
OURS = frozenset(  # what the other parts of a letter or the envelope say
    {
        "from", "to", "cc", "bcc", "reply-to", "subject", "date", "message-id", "mime-version", "content-type",
        "content-transfer-encoding", "content-disposition", "content-id", "return-path", "received", "sender",
        "dkim-signature", "authentication-results", "resent-bcc", "x-mailwright-subsystem", "x-mailwright-idempotency-key",
        "x-mailwright-tag",
    }
)  # fmt: skip
_UTF8 = Charset("utf-8")
_UTF8.header_encoding = QP  # readable in a log where most of it is ASCII
_FIELD_NAME = frozenset(FTEXT.decode("ascii"))
_TOKEN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$&^_.+-")  # RFC 6838 §4.2
_ID = frozenset(map(chr, range(33, 127))) - frozenset('<>"\\()[],;: ')
_TYPE = re.compile(  # RFC 2045 §5.1: type/subtype, then parameters
    r"T/T(?:; ?T=(?:T|\"[ !#-\[\]-~]*\"))*".replace("T", r"[a-zA-Z0-9!#$&^_.+-]+")
)
_PLAIN_NAME = re.compile(r"[A-Za-z0-9 '&!+-]{1,60}")  # atoms with blanks: needs neither quotes nor encoding (RFC 5322 §3.2.5)
_MESSAGE_ID = re.compile(
    r"(?=.{1,250}$)<[!#-'*+/-9=?A-Z^-~.-]+@[!#-'*+/-9=?A-Z^-~.\[\]:-]+>"
)  # RFC 5322 §3.6.4, without its quoted forms
_BAD = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_LINE_END = re.compile("\r\n?|\n")


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
    message_id: str = ""  # with its angle brackets; "" lets one be made


def compose(letter: Letter, *, now_ms: int, message_id: str) -> bytes:
    """The whole mail, lines ended by CRLF, none over 998 octets, all ASCII unless an address is not (RFC 6532 §3.2).

    `now_ms` is milliseconds since 1970; `message_id` has its angle brackets, stands where the letter has none of its own, and
    boundaries are made from it. Raises Malformed, naming the part, where a text cannot stand in a mail.
    """
    content = _content(letter, "".join(filter(str.isalnum, message_id))[:60])
    fields = [
        ("Date", date_text(now_ms)),
        ("From", _mailboxes("from", [letter.author])),
        ("To", _mailboxes("to", letter.to)),
        ("Cc", _mailboxes("cc", letter.cc)),
        ("Reply-To", _mailboxes("reply_to", letter.reply_to)),
        ("Subject", _words("subject", letter.subject)),
        ("Message-ID", _message_id(letter.message_id) or message_id),
        *[(_name(name), _words(f"headers.{name}", value)) for name, value in letter.headers],
        ("MIME-Version", "1.0"),
    ]
    return "".join([f"{name}: {value}\r\n" for name, value in fields if value]).encode() + content


def plain_text(name: str, value: str) -> str:
    """A caller's text for a field. Raises Malformed for line ends, controls and halves of characters (RFC 5322 §2.2)."""
    if len(value) > MAX_TEXT:
        raise Malformed(f"{name} has {len(value)} characters.", f"Give at most {MAX_TEXT}.")
    bad = _BAD.search(value)
    if bad is not None:
        what = "a line end" if bad[0] in "\r\n" else "half of a character" if bad[0] >= "\ud800" else "a control character"
        raise Malformed(f"{name} has {what} in it.", "Take it out: it would end the field, or mean nothing to a reader.")
    return value


def _content(letter: Letter, mark: str) -> bytes:
    """The entity: its own fields, an empty line, and what follows (RFC 2045 §2.4)."""
    choices = [_text_part("text", "plain", letter.text)] if letter.text is not None else []
    choices += [_text_part("html", "html", letter.html)] if letter.html is not None else []
    if letter.calendar is not None:
        method = _token("calendar.method", letter.method)
        choices.append(_text_part("calendar", "calendar", letter.calendar, f"; method={method}" if method else ""))
    choices = choices or [_text_part("text", "plain", "")]
    body = choices[0] if len(choices) == 1 else _multipart("alternative", choices, mark)
    shown = [one for one in letter.attachments if one.content_id]
    if shown:
        body = _multipart("related", [body, *map(_file_part, shown)], mark)
    others = [one for one in letter.attachments if not one.content_id]
    return _multipart("mixed", [body, *map(_file_part, others)], mark) if others else body


def _multipart(kind: str, parts: Sequence[bytes], mark: str) -> bytes:
    """RFC 2046 §5.1.1. No part has a line with the boundary: `--=_` cannot stand in either encoding, and see _text_part."""
    boundary = f"=_{kind}_{mark}"
    between = f"\r\n--{boundary}\r\n".encode()
    head = f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n\r\n'.encode()
    return b"".join((head, between[2:], between.join(parts), f"\r\n--{boundary}--\r\n".encode()))


def _text_part(name: str, kind: str, text: str, parameter: str = "") -> bytes:
    """7bit where that is possible, else quoted-printable: most text stays readable."""
    octets = _octets(name, text)
    charset = "us-ascii" if octets.isascii() else "utf-8"
    if octets.isascii() and b"--=_" not in octets and not has_long_line(octets):
        encoding = "7bit"
    else:
        encoding, octets = "quoted-printable", quoted_printable(octets)
    head = f"Content-Type: text/{kind}; charset={charset}{parameter}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return head.encode() + octets


def _octets(name: str, text: str) -> bytes:
    """A body with lines ended by CRLF. Raises Malformed for what no mail can carry."""
    if "\0" in text:
        raise Malformed(f"{name} has a NUL in it.", "Take it out: no mail program shows what follows it.")
    lines = _LINE_END.sub("\r\n", text) if "\r" in text else text.replace("\n", "\r\n")
    try:
        return lines.encode()
    except UnicodeEncodeError as fault:
        raise Malformed(f"{name} has half of a character in it.", "Cut text between characters, not within one.") from fault


def _file_part(file: Attachment) -> bytes:
    if not _TYPE.fullmatch(file.content_type) or len(file.content_type) > MAX_PARAMETERS:
        raise Malformed(f"{file.content_type[:80]!r} is no content type.", "Write it as type/subtype, such as application/pdf.")
    if file.content_type.lower().startswith(("multipart/", "message/")):  # RFC 2045 §6.4: not in base64
        raise Malformed(f"An attachment cannot be {file.content_type[:80]}.", "Attach it as application/octet-stream.")
    head = [
        f"Content-Type: {file.content_type}",
        "Content-Transfer-Encoding: base64",
        f"Content-Disposition: {'inline' if file.content_id else 'attachment'}{_filename(file.filename)}",
    ]
    if file.content_id:
        if not _ID.issuperset(file.content_id) or len(file.content_id) > MAX_ID:
            raise Malformed("A content_id has characters that no id may have.", "Use letters, digits, dots and one @.")
        head.append(f"Content-ID: <{file.content_id}>")
    return "\r\n".join([*head, "", ""]).encode() + encodebytes(file.content).replace(b"\n", b"\r\n")


def _filename(given: str) -> str:
    """As a parameter; what is not ASCII, or long, by RFC 2231."""
    name = plain_text("attachments.filename", given)
    written = f'="{quote(name)}"' if name.isascii() else f"*={encode_rfc2231(name, 'utf-8')}"
    if len(written) > MAX_PARAMETERS:
        raise Malformed("attachments.filename is too long for a line of a mail.", "Give a shorter name.")
    return f"; filename{written}" if name else ""


def _mailboxes(name: str, mailboxes: Sequence[Mailbox]) -> str:
    """Names as encoded words where they are not ASCII (RFC 2047 §5 (3)), quoted where they need it, one to a line."""
    written = []
    for mailbox in mailboxes:
        address, shown = str(mailbox.address), plain_text(name, mailbox.name)
        if not shown:
            written.append(address)
        elif _PLAIN_NAME.fullmatch(shown):
            written.append(f"{shown} <{address}>")
        else:  # the library takes ASCII addresses alone; other mail goes out with SMTPUTF8 (RFC 6532 §3.2)
            written.append(f"{formataddr((shown, 'a@b'), _UTF8).removesuffix('<a@b>')}<{address}>")
    return ",\r\n ".join(written)


def _words(name: str, value: str) -> str:
    """Text, folded; encoded words where it is not ASCII, or would be read as one (RFC 2047 §5 (1))."""
    text = plain_text(name, value).strip()
    plain = text.isascii() and "=?" not in text
    if plain and len(text) <= MAX_SHORT and len(name) <= MAX_SHORT:
        return text
    header = Header(text, None if plain else _UTF8, maxlinelen=76, header_name=name[-70:])
    return header.encode(linesep="\r\n")


def _message_id(text: str) -> str:
    if text and not _MESSAGE_ID.fullmatch(text):
        raise Malformed("headers.Message-ID is no message id.", "Write it as <something@a-domain>, in ASCII and without blanks.")
    return text


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
