"""DKIM signing (RFC 6376 §5): the header field to put in front of a mail."""

from base64 import b64encode
from binascii import b2a_base64
from collections.abc import Iterable
from functools import lru_cache

from mailwright.auth.dkim.canonical import CRLF, BodyHasher, Raw, chunks_of, relaxed_fields, split_head
from mailwright.auth.dkim.keys import DkimKey
from mailwright.values import Malformed

# What a person sees or a program acts on. Listed once more than they occur, so that none can be added (RFC 6376 §5.4, §8.15).
OVER_SIGNED = (
    b"From", b"To", b"Cc", b"Subject", b"Date", b"Reply-To", b"Message-ID", b"In-Reply-To", b"References",
    b"MIME-Version", b"Content-Type", b"Content-Transfer-Encoding",
)  # fmt: skip
# The same, but only where they are: one-click unsubscription must be signed (RFC 8058 §4), and other mail has no use for them.
WHERE_PRESENT = (b"List-Unsubscribe", b"List-Unsubscribe-Post", b"Feedback-ID")
MAX_LINE = 76  # columns of a folded line, within the 78 of RFC 5322 §2.1.1
_NAMES = OVER_SIGNED + WHERE_PRESENT
_ORDER = tuple(name.lower() for name in _NAMES)
_SIGNED = frozenset(_ORDER)
_FIELD = b"DKIM-Signature: "
_RELAXED_FIELD = b"dkim-signature:"
_FIRST_B64 = MAX_LINE - len(" b=")
_NEXT_B64 = MAX_LINE - len(" ")


def sign_dkim(raw: Raw, key: DkimKey, now: float | None = None) -> bytes:
    """The DKIM-Signature field for a mail, folded, with its CRLF, to be put before everything else (RFC 6376 §5.6).

    `raw` has CRLF line ends; `now` is in seconds since 1970 and becomes t= (None: no t=). Raises Malformed where the
    mail has no From (RFC 6376 §5.4: it must be signed), or begins with a line that would continue the signature put before it.
    """
    head, body_hash = read_mail(chunks_of(raw))
    return sign_headers(head, body_hash, key, now)


def sign_headers(head: bytes, body_hash: bytes, key: DkimKey, now: float | None = None) -> bytes:
    """The same for a mail whose body was hashed elsewhere; `head` is its header block (RFC 6376 §3.7)."""
    fields, counts = _fields_to_sign(head)
    time = b"" if now is None else b" t=%d;" % now
    value = b"%b%b\r\n %b\r\n bh=%b;\r\n b=" % (key.lead, time, _header_list(counts), b64encode(body_hash))
    fields.append(_RELAXED_FIELD + value.replace(b"\r\n ", b" "))  # itself, last, with an empty b= and no CRLF (§3.7)
    return b"%b%b%b\r\n" % (_FIELD, value, _folded(key.sign(CRLF.join(fields))))


def read_mail(chunks: Iterable[bytes]) -> tuple[bytes, bytes]:
    """The header block of a mail that comes in pieces, and the relaxed SHA-256 of its body."""
    pieces = iter(chunks)
    head, start = split_head(pieces)
    hasher = BodyHasher()
    hasher.update(start)
    for piece in pieces:
        hasher.update(piece)
    return head, hasher.digest()


def _fields_to_sign(head: bytes) -> tuple[list[bytes], tuple[int, ...]]:
    """The relaxed fields in the order of h=, and how often each name occurs; of one name the last comes first (§5.4.2)."""
    if head.startswith((b" ", b"\t")):  # RFC 5322 §2.2.3
        raise Malformed("The mail begins with a continuation line, so no field can stand before it.", "Begin it with a field.")
    found: dict[bytes, list[bytes]] = {}
    for name, value in relaxed_fields(head):
        if name in _SIGNED:
            found.setdefault(name, []).append(name + b":" + value)
    if b"from" not in found:
        raise Malformed("The mail has no From field, so it cannot be signed.", "Hand it in again with a From field.")
    fields = [field for name in _ORDER if name in found for field in reversed(found[name])]
    return fields, tuple([len(found.get(name, ())) for name in _ORDER])


@lru_cache(maxsize=256)  # mails of one application have few shapes
def _header_list(counts: tuple[int, ...]) -> bytes:
    """h= in folded lines; FWS may stand around its colons (RFC 6376 §3.5)."""
    names: list[bytes] = []
    for name, count in zip(_NAMES, counts, strict=True):
        if count or name in OVER_SIGNED:
            names += [name] * (count + 1)
    lines, line = [], b"h="
    for name in names:
        if len(line) + len(name) + 2 > MAX_LINE:
            lines.append(line)
            line = b""
        line += name + b":"
    return b"\r\n ".join([*lines, line[:-1] + b";"])


def _folded(signature: bytes) -> bytes:
    """base64 in lines; white space within b= has no meaning (RFC 6376 §3.5)."""
    text = b2a_base64(signature, newline=False)
    lines = [text[start : start + _NEXT_B64] for start in range(_FIRST_B64, len(text), _NEXT_B64)]
    return b"\r\n ".join([text[:_FIRST_B64], *lines])
