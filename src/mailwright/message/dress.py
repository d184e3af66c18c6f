"""What is changed in a mail that is handed in, and nothing else: every other octet stays."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from mailwright.message.author import Mailbox, author
from mailwright.message.headers import Field, every, faults, fields, first, quoted, without
from mailwright.message.subject import subject
from mailwright.values.finding import Finding, Level, error, warning

MAX_RECEIVED = 100  # hops, RFC 5321 §6.3
MAX_WORD = 64  # characters of a subsystem or tag
MAX_KEY = 256  # characters of an idempotency key
MAX_ID = 998  # octets of a Message-ID: one line, RFC 5322 §2.1.1
MAX_HELO = 255  # octets of a domain, RFC 5321 §4.5.3.1.2
_OURS = frozenset({b"x-mailwright-subsystem", b"x-mailwright-idempotency-key", b"x-mailwright-tag"})
# Ours to read, or they tell what only the envelope knows (RFC 5322 §3.6.3, §3.6.6; RFC 5321 §4.4).
_REMOVED = _OURS | {b"bcc", b"resent-bcc", b"return-path"}
_ONCE = frozenset(
    {  # RFC 5322 §3.6; From has its own refusal; RFC 2045 §3 for the MIME fields
        b"date",
        b"sender",
        b"reply-to",
        b"to",
        b"cc",
        b"message-id",
        b"in-reply-to",
        b"references",
        b"subject",
        b"mime-version",
        b"content-type",
        b"content-transfer-encoding",
    }
)
_HELO = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Hop:
    """How the mail came to us, for its Received field; `client` is an IP address and is shown only where it is given."""

    helo: str
    host: str  # our own name
    protocol: str  # RFC 3848: ESMTP, ESMTPS, ESMTPA, ESMTPSA; RFC 6531 §4.3: UTF8SMTPSA and so on
    id: str
    client: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the application asked for: over SMTP in fields of ours, over HTTP beside the mail. "" where it did not."""

    subsystem: str = ""
    idempotency_key: str = ""
    tag: str = ""
    # Over HTTP alone:
    digest: str = ""  # of the request that the idempotency key stands for
    tags: Mapping[str, str] = dataclasses.field(default_factory=dict)
    scheduled_at: int | None = None  # not to leave before, in milliseconds since 1970
    user: str = ""  # for whom in the application it was written


NOTHING = Asked()


@dataclass(frozen=True, slots=True)
class Dressed:
    """A header block ready to be kept: the mail is `head`, then all octets that followed the old block."""

    head: bytes
    author: Mailbox
    asked: Asked
    message_id: str  # with its angle brackets
    subject: str  # decoded, for lists
    smtputf8: bool = False  # a field has UTF-8 in it: only servers with SMTPUTF8 can take it (RFC 6531 §3.1)
    findings: tuple[Finding, ...] = ()  # warnings only


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a mail is not taken: at least one finding of level error, and all others."""

    findings: tuple[Finding, ...]


def dress(head: bytes, *, hop: Hop, now_ms: int, message_id: str, smtputf8: bool = False) -> Dressed | Refused:
    """Dress a header block (from `headers.split`) for its way out.

    Removed: Bcc, Return-Path, and our own fields after reading them. Added: Received on top (RFC 5321 §4.4), and where missing
    Date and Message-ID (RFC 6409 §8.3, §8.4) at the end. `now_ms` is milliseconds since 1970, `message_id` an id with its angle
    brackets, `smtputf8` whether the client said SMTPUTF8 for this mail: only then may fields have UTF-8 in them (RFC 6532 §3.2).
    """
    found = fields(head)
    findings = faults(head, found)
    writer = author(found)
    names = [field.name for field in found]
    present = frozenset(names)
    asked = NOTHING if _OURS.isdisjoint(present) else _asked(found, findings)
    if isinstance(writer, Finding):
        findings.append(writer)
    if names.count(b"received") > MAX_RECEIVED:
        findings.append(_loop(names.count(b"received")))
    if not smtputf8 and not head.isascii():
        findings.append(_needs_smtputf8(found))
    if len(present) < len(names):
        findings.extend(_repeated(names))
    if isinstance(writer, Finding) or any(finding.level is Level.ERROR for finding in findings):
        return Refused(tuple(findings))
    given = first(found, b"message-id")
    kept = head if _REMOVED.isdisjoint(present) else b"".join([field.raw for field in without(found, _REMOVED)])
    added = _added(names, now_ms, message_id)
    ended = b"\r\n" if added and kept and not kept.endswith(b"\r\n") else b""
    whole = b"".join((received(hop, now_ms), kept, ended, added))
    return Dressed(whole, writer, asked, _id_text(given) or message_id, subject(found), not kept.isascii(), tuple(findings))


def received(hop: Hop, now_ms: int) -> bytes:
    """The trace field (RFC 5321 §4.4 Time-stamp-line); the client's address is hidden unless the hop gives it."""
    helo = hop.helo if hop.helo and len(hop.helo) <= MAX_HELO and _HELO.issuperset(hop.helo) else "unknown"
    seen = f" ({address_literal(hop.client)})" if hop.client else ""
    lines = f"Received: from {helo}{seen}\r\n\tby {hop.host} with {hop.protocol} id {hop.id};\r\n\t{date_text(now_ms)}\r\n"
    return lines.encode("ascii", "replace")


def address_literal(ip: str) -> str:
    """An IP address as SMTP writes it (RFC 5321 §4.1.3)."""
    return f"[IPv6:{ip}]" if ":" in ip else f"[{ip}]"


def date_text(now_ms: int) -> str:
    """A date-time in UTC (RFC 5322 §3.3), for milliseconds since 1970."""
    return _second(now_ms // 1000)


@lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    when = datetime.fromtimestamp(seconds, UTC)  # names are English whatever the locale
    return f"{_DAYS[when.weekday()]}, {when.day:02d} {_MONTHS[when.month - 1]} {when.year} {when:%H:%M:%S} +0000"


def _asked(found: Sequence[Field], findings: list[Finding]) -> Asked:
    """Our own fields; what is wrong with them is added to the findings."""
    return Asked(
        subsystem=_word(found, b"x-mailwright-subsystem", MAX_WORD, findings).lower(),
        idempotency_key=_word(found, b"x-mailwright-idempotency-key", MAX_KEY, findings),
        tag=_word(found, b"x-mailwright-tag", MAX_WORD, findings),
    )


def _word(found: Sequence[Field], name: bytes, limit: int, findings: list[Finding]) -> str:
    field = first(found, name)
    if field is None:
        return ""
    text = field.text.decode("utf-8", "replace")
    if len(every(found, name)) == 1 and 0 < len(text) <= limit and text.isascii() and text.isprintable():
        return text
    label = name.decode().title()
    findings.append(
        error(
            "asked-malformed",
            f"The field {label} cannot be used: it must stand once and have 1 to {limit} printable ASCII characters.",
            why="Mailwright would otherwise have to guess what was asked for.",
            do=f"Correct {label} in the application, or leave it out.",
            evidence=(quoted(field.raw),),
        )
    )
    return ""


def _loop(count: int) -> Finding:
    return error(
        "mail-loop",
        f"The mail has passed {count} servers already; more than {MAX_RECEIVED} means that it goes in a circle.",
        why="A mail in a circle comes back for ever.",
        do="Look for two systems that forward to each other; the Received fields name them.",
        reference="RFC 5321 §6.3",
    )


def _needs_smtputf8(found: Sequence[Field]) -> Finding:
    """Fields stay as they were handed in, so nothing is encoded here; without SMTPUTF8 they are ASCII (RFC 5322 §2.2)."""
    return error(
        "header-needs-smtputf8",
        "A header field has characters beyond ASCII, and the mail was not handed in with SMTPUTF8.",
        why="Most servers refuse such fields, or show them as garbage.",
        do="Encode the field by RFC 2047 (=?utf-8?...?=), as mail libraries do, or say SMTPUTF8 with MAIL FROM.",
        evidence=tuple(quoted(field.raw) for field in found if not field.raw.isascii())[:3],
        reference="RFC 6532 §3.2, RFC 6531 §3.4",
    )


def _repeated(names: Sequence[bytes]) -> list[Finding]:
    """RFC 5322 §3.6 lets these stand once. Only From decides anything here; the others stay and are told."""
    return [
        warning(
            "header-repeated",
            f"The field {name.decode().title()} stands more than once.",
            why="Readers pick different ones, and large receivers refuse such mails.",
            do="Let the application write it once.",
            reference="RFC 5322 §3.6",
        )
        for name in sorted(_ONCE)
        if names.count(name) > 1
    ]


def _added(names: Sequence[bytes], now_ms: int, message_id: str) -> bytes:
    date = "" if b"date" in names else f"Date: {date_text(now_ms)}\r\n"
    given = "" if b"message-id" in names else f"Message-ID: {message_id}\r\n"
    return (date + given).encode("ascii")


def _id_text(field: Field | None) -> str:
    return "" if field is None else field.text.decode("utf-8", "replace")[:MAX_ID]
