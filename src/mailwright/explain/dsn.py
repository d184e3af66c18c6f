"""The report that tells a submitter what did not arrive (RFC 3464), first in plain words."""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email.message import Message
from email.policy import compat32

from mailwright.message.dress import date_text
from mailwright.message.headers import Field, fields, first
from mailwright.message.mime import content_type
from mailwright.message.reencode import quoted_printable
from mailwright.message.words import readable
from mailwright.values.address import Address
from mailwright.values.finding import Finding

WIDTH = 72  # characters of a line of the human part
MAX_DIAGNOSTIC = 900  # characters of a server's reply; a field's line has 998 octets at most (RFC 5322 §2.1.1)
MAX_HEAD = 64 * 1024  # octets of the original header that go back
# Not `policy.SMTP`: it reads again what it is given. It decodes what looks like an encoded word, and encodes what has no blank
# for 78 octets, also in an address or a Message-ID (RFC 2047 §5 forbids both).
POLICY = compat32.clone(linesep="\r\n", max_line_length=78, mangle_from_=False)
_SECRET_KEEPS = frozenset({b"from", b"to", b"date", b"message-id"})  # of a password reset not even the subject goes back
_ANSWERS = (b"auto-replied", b"auto-notified")  # RFC 3834 §5, RFC 5436 §2.7.1; "auto-generated" is a first mail, not an answer
_QCHAR = frozenset(map(chr, range(33, 127))) - frozenset("+=\\")  # RFC 6533 §3


@dataclass(frozen=True, slots=True)
class Failure:
    """One recipient that the mail did not reach; `status` is an enhanced code (RFC 3463), times are milliseconds since 1970."""

    recipient: Address
    status: str
    finding: Finding
    reply: str = ""  # what the server said; "" where none spoke
    host: str = ""  # the server's name
    last_attempt: int | None = None


@dataclass(frozen=True, slots=True)
class Original:
    """The mail that failed; of a secret one neither the subject nor most fields go back. Times are milliseconds since 1970."""

    head: bytes
    arrived_at: int
    subject: str = ""
    message_id: str = ""
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Desk:
    """Who writes the report, when, and under which Message-ID (with its angle brackets)."""

    host: str
    now_ms: int
    message_id: str


def may_report(mail_from: str, head: bytes) -> bool:
    """Whether a failure may be told by mail: not to the null sender (RFC 5321 §4.5.5), nor for a report or an answer."""
    if not mail_from:
        return False
    found = fields(head)
    kind = content_type(found)
    automatic = first(found, b"auto-submitted")
    if (kind.main, kind.sub) == (b"multipart", b"report"):
        return False
    return automatic is None or automatic.text.lower().partition(b";")[0].strip() not in _ANSWERS


def delivery_report(original: Original, failures: Sequence[Failure], *, to: Address, desk: Desk) -> bytes:
    """A whole mail, to be sent with the null sender: multipart/report (RFC 6522) of words, status and the original header."""
    mark = "=_" + "".join(char for char in desk.message_id if char.isalnum())[:60]
    head = [
        ("Date", date_text(desk.now_ms)),
        ("From", f"Mail delivery <mailer-daemon@{desk.host}>"),
        ("To", _text(str(to).encode())),  # UTF-8 where the address is (RFC 6532 §3.2)
        ("Subject", f"Not delivered to {_whom(failures)}"),
        ("Message-ID", desk.message_id),
        *_thread(original.message_id),
        ("Auto-Submitted", "auto-replied"),  # RFC 3834 §5, RFC 3464 §2
        ("MIME-Version", "1.0"),
        ("Content-Type", f'multipart/report; report-type=delivery-status; boundary="{mark}"'),
    ]
    parts = [_words(original, failures, desk), _status(original, failures, desk), _returned(original)]
    return _part(head, parts).as_bytes()


def _part(fields: Iterable[tuple[str, str]], content: str | Sequence[Message] = "") -> Message:
    part = Message(POLICY)
    for name, value in fields:
        part[name] = value
    part.set_payload(content if isinstance(content, str) else list(content))
    return part


def _text(octets: bytes) -> str:
    """Octets as `email` takes them: those beyond ASCII are written as they are."""
    return octets.decode("ascii", "surrogateescape")


def _whom(failures: Sequence[Failure]) -> str:
    """In a subject, so ASCII; more than one recipient is a number."""
    if len(failures) == 1 and str(failures[0].recipient).isascii():
        return str(failures[0].recipient)
    return f"{len(failures)} recipient{'s' if len(failures) != 1 else ''}"


def _thread(message_id: str) -> list[tuple[str, str]]:
    """RFC 5322 §3.6.4, only where the original's id is one that can be repeated."""
    safe = message_id.isascii() and message_id.isprintable() and message_id.startswith("<") and message_id.endswith(">")
    return [("In-Reply-To", message_id), ("References", message_id)] if safe and len(message_id) < 900 else []


def _words(original: Original, failures: Sequence[Failure], desk: Desk) -> Message:
    paragraphs = [_opening(original, failures)]
    for failure in failures:
        paragraphs.extend(_told(failure))
    paragraphs.append(textwrap.fill(f"{desk.host} wrote this report by itself. Answers to it are not read.", WIDTH))
    text = "\n\n".join(paragraphs) + "\n"
    octets = text.replace("\n", "\r\n").encode("utf-8", "replace")
    return _encoded("text/plain; charset=utf-8", octets)


def _encoded(kind: str, octets: bytes) -> Message:
    head = [("Content-Type", kind), ("Content-Transfer-Encoding", "quoted-printable")]
    return _part(head, _text(quoted_printable(octets)))


def _opening(original: Original, failures: Sequence[Failure]) -> str:
    named = f' "{readable(original.subject, 100)}"' if original.subject and not original.secret else ""
    whom = "this recipient" if len(failures) == 1 else f"these {len(failures)} recipients"
    return textwrap.fill(f"Your mail{named} of {date_text(original.arrived_at)} did not reach {whom}.", WIDTH)


def _told(failure: Failure) -> list[str]:
    """What happened, to whom, why, what to do; the server's own words last."""
    finding = failure.finding
    told = [f"{failure.recipient}", _indented(f"{finding.what} {finding.why}".strip())]
    if finding.do:
        told.append(_indented(f"What to do: {finding.do}"))
    if failure.reply:
        who = f"The server {failure.host} said" if failure.host else "The reply was"
        told.append(_indented(f"{who}: {readable(failure.reply, MAX_DIAGNOSTIC)}"))
    return told


def _indented(text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent="  ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _status(original: Original, failures: Sequence[Failure], desk: Desk) -> Message:
    """message/delivery-status (RFC 3464 §2.1), always in ASCII: other addresses in their escaped form (RFC 6533 §3)."""
    mail = [("Reporting-MTA", f"dns; {desk.host}"), ("Arrival-Date", date_text(original.arrived_at))]
    groups = [_part(mail), *(_part(_recipient(failure)) for failure in failures)]
    return _part([("Content-Type", "message/delivery-status")], groups)


def _recipient(failure: Failure) -> Iterable[tuple[str, str]]:
    """The fields of one recipient (RFC 3464 §2.3)."""
    yield "Final-Recipient", _typed(failure.recipient)
    yield "Action", "failed"
    yield "Status", failure.status
    if failure.host:
        yield "Remote-MTA", f"dns; {failure.host}"
    if failure.reply:
        yield "Diagnostic-Code", "smtp; " + readable(failure.reply, MAX_DIAGNOSTIC).encode("ascii", "replace").decode()
    if failure.last_attempt is not None:
        yield "Last-Attempt-Date", date_text(failure.last_attempt)


def _typed(address: Address) -> str:
    """An address with its type: rfc822, or utf-8 with all but RFC 6533 §3 QCHAR as \\x{...}."""
    text = str(address)
    if text.isascii():
        return f"rfc822; {text}"
    return "utf-8; " + "".join(char if char in _QCHAR else f"\\x{{{ord(char):02X}}}" for char in text)


def _returned(original: Original) -> Message:
    """The original's header alone (RFC 6522 §4); with UTF-8 in it as message/global-headers (RFC 6533 §6)."""
    head = _kept(fields(original.head), secret=original.secret)
    if head.isascii():
        return _part([("Content-Type", "text/rfc822-headers")], _text(head))
    return _encoded("message/global-headers", head)


def _kept(found: Sequence[Field], *, secret: bool) -> bytes:
    kept: list[bytes] = []
    size = 0
    for field in found:
        size += len(field.raw)
        if size > MAX_HEAD:
            break
        if not secret or field.name in _SECRET_KEEPS:
            kept.append(field.raw)
    return b"".join(kept)
