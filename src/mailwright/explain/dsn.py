"""The report that tells a submitter what did not arrive (RFC 3464), first in plain words."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

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
_SECRET_KEEPS = frozenset({b"from", b"to", b"date", b"message-id"})  # of a password reset not even the subject goes back
_ANSWERS = (
    b"auto-replied",
    b"auto-notified",
)  # RFC 3834 §5, RFC 5436 §2.7.1: answers to something; "auto-generated" is a first mail


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
    boundary = f'\r\nContent-Type: multipart/report; report-type=delivery-status;\r\n\tboundary="{mark}"\r\n\r\n'
    parts = (_words(original, failures, desk), _status(original, failures, desk), _returned(original))
    body = b"".join(f"--{mark}\r\n".encode() + part for part in parts)
    return _head(original, failures, to, desk).encode() + boundary.encode() + body + f"--{mark}--\r\n".encode()


def _head(original: Original, failures: Sequence[Failure], to: Address, desk: Desk) -> str:
    lines = [
        f"Date: {date_text(desk.now_ms)}",
        f"From: Mail delivery <mailer-daemon@{desk.host}>",
        f"To: {to}",
        f"Subject: Not delivered to {_whom(failures)}",
        f"Message-ID: {desk.message_id}",
        *_thread(original.message_id),
        "Auto-Submitted: auto-replied",  # RFC 3834 §5, RFC 3464 §2
        "MIME-Version: 1.0",
    ]
    return "\r\n".join(lines)


def _whom(failures: Sequence[Failure]) -> str:
    """In a subject, so ASCII; more than one recipient is a number."""
    if len(failures) == 1 and str(failures[0].recipient).isascii():
        return str(failures[0].recipient)
    return f"{len(failures)} recipient{'s' if len(failures) != 1 else ''}"


def _thread(message_id: str) -> list[str]:
    """RFC 5322 §3.6.4, only where the original's id is one that can be repeated."""
    safe = message_id.isascii() and message_id.isprintable() and message_id.startswith("<") and message_id.endswith(">")
    return [f"In-Reply-To: {message_id}", f"References: {message_id}"] if safe and len(message_id) < 900 else []


def _words(original: Original, failures: Sequence[Failure], desk: Desk) -> bytes:
    paragraphs = [_opening(original, failures)]
    for failure in failures:
        paragraphs.extend(_told(failure))
    paragraphs.append(textwrap.fill(f"{desk.host} wrote this report by itself. Answers to it are not read.", WIDTH))
    text = "\n\n".join(paragraphs) + "\n"
    head = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    return head + quoted_printable(text.replace("\n", "\r\n").encode("utf-8", "replace"))


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


def _status(original: Original, failures: Sequence[Failure], desk: Desk) -> bytes:
    """message/delivery-status (RFC 3464 §2.1), always in ASCII: other addresses in their escaped form (RFC 6533 §3)."""
    groups = [[f"Reporting-MTA: dns; {desk.host}", f"Arrival-Date: {date_text(original.arrived_at)}"]]
    groups.extend(_recipient(failure) for failure in failures)
    text = "\r\n\r\n".join("\r\n".join(group) for group in groups) + "\r\n"
    return b"Content-Type: message/delivery-status\r\n\r\n" + text.encode("ascii", "replace") + b"\r\n"


def _recipient(failure: Failure) -> list[str]:
    """The fields of one recipient (RFC 3464 §2.3)."""
    lines = [f"Final-Recipient: {_typed(failure.recipient)}", "Action: failed", f"Status: {failure.status}"]
    if failure.host:
        lines.append(f"Remote-MTA: dns; {failure.host}")
    if failure.reply:
        lines.append(f"Diagnostic-Code: smtp; {_folded(failure.reply)}")
    if failure.last_attempt is not None:
        lines.append(f"Last-Attempt-Date: {date_text(failure.last_attempt)}")
    return lines


def _typed(address: Address) -> str:
    """An address with its type: rfc822, or utf-8 with each character beyond ASCII as \\x{...} (RFC 6533 §3)."""
    text = str(address)
    if text.isascii():
        return f"rfc822; {text}"
    return "utf-8; " + "".join(char if char.isascii() and char not in "+=\\" else f"\\x{{{ord(char):02X}}}" for char in text)


def _folded(reply: str) -> str:
    """One field, folded at blanks (RFC 5322 §2.2.3)."""
    text = readable(reply, MAX_DIAGNOSTIC).encode("ascii", "replace").decode()
    return "\r\n\t".join(textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False))


def _returned(original: Original) -> bytes:
    """The original's header alone (RFC 6522 §4); with UTF-8 in it as message/global-headers (RFC 6533 §6)."""
    head = _kept(fields(original.head), secret=original.secret)
    if head.isascii():
        return b"Content-Type: text/rfc822-headers\r\n\r\n" + head + b"\r\n"
    label = b"Content-Type: message/global-headers\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    return label + quoted_printable(head) + b"\r\n"


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
