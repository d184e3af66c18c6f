"""Makes a body fit for every mail server before it is signed: no 8-bit octets, no line over 998 octets (RFC 6376 §5.3)."""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mailwright.message.headers import MAX_LINE, Field, fields, has_long_line, split
from mailwright.message.mime import EMBEDDED, PLAIN, ContentType, content_type, encoding, spans
from mailwright.values.finding import Finding, error, warning

MAX_DEPTH = 100  # entities inside each other; real mail has some ten
MAX_PARTS = 10_000  # of one mail
_FEW = 6  # text with less than one octet in so many beyond ASCII is shorter, and still readable, as quoted-printable
_STEP = 256 * 1024  # octets that are encoded at once
_BASE64_STEP = 57 * 4096  # lines of 76 hold 57 octets each
_HIGH = bytes(range(128, 256))
# binascii puts "=20" for a blank before a line end without looking at the line's length (RFC 2045 §6.7 (5): 76 at most).
_OVERFULL = re.compile(rb"^([^\r\n]{74,75})(=20|=09)(?=\r\n|\Z)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Reencoded:
    """The mail, and whether its body still needs 8BITMIME (RFC 6152); findings of level error are a refusal."""

    content: bytes
    eightbit: bool = False
    findings: tuple[Finding, ...] = ()


@dataclass(slots=True)
class _Walk:
    """What one walk through the parts has seen; bounds hold for the whole mail."""

    parts: int = 0
    too_much: bool = field(default=False)


def needs_reencoding(content: bytes) -> bool:
    """Whether octets beyond ASCII or lines over 998 octets stand in it."""
    return not content.isascii() or has_long_line(content)


def reencode(raw: bytes) -> Reencoded:
    """Put 8-bit and long-lined leaf parts into quoted-printable or base64; all else stays octet by octet.

    multipart/signed and multipart/encrypted are left alone (RFC 1847 §2.1), composite types are never encoded themselves
    (RFC 2045 §6.4): what so stays 8-bit is told by `eightbit`, for it needs a server with 8BITMIME; what so stays too long is
    refused.
    """
    if not needs_reencoding(raw):
        return Reencoded(raw)
    walk = _Walk()
    content = _entity(raw, PLAIN, walk, depth=0, message=True)
    if walk.too_much:
        return Reencoded(raw, True, (_too_deep(),))
    eightbit = not content.isascii() and not split(content)[1].isascii()  # a mail is large: no copy that is not needed
    findings = [_eight_bit_left()] if eightbit else []
    if has_long_line(content) and has_long_line(split(content)[1]):
        findings.append(_line_too_long())
    return Reencoded(content, eightbit, tuple(findings))


def _entity(content: bytes, default: ContentType, walk: _Walk, *, depth: int, message: bool) -> bytes:
    """One entity with all below it; `message` where it has a whole header, not that of a part."""
    walk.parts += 1
    if walk.parts > MAX_PARTS or depth > MAX_DEPTH:
        walk.too_much = True
        return content
    head, body = split(content)
    if not needs_reencoding(body):
        return content
    found = fields(head)
    kind = content_type(found, default)
    if kind.main == b"multipart":
        label, new = encoding(found), _multipart(body, kind, walk, depth)
    elif kind.main == b"message":
        label, new = encoding(found), _embedded(body, kind, walk, depth)
    else:
        label, new = _leaf(body, encoding(found), kind)
    if new == body:
        return content
    if label in (b"8bit", b"binary") and new.isascii():
        label = b"7bit"  # RFC 2045 §6.4: the only other one that a composite may have
    return _head(found, label, body, message=message) + b"\r\n" + new


def _multipart(body: bytes, kind: ContentType, walk: _Walk, depth: int) -> bytes:
    """Each part by itself; delimiters, preamble and epilogue stay."""
    if kind.sub in (b"signed", b"encrypted"):
        return body
    default = EMBEDDED if kind.sub == b"digest" else PLAIN
    pieces: list[bytes] = []
    position = 0
    for start, end in spans(body, kind.boundary):
        pieces.append(body[position:start])
        pieces.append(_entity(body[start:end], default, walk, depth=depth + 1, message=False))
        position = end
        if walk.too_much:
            break
    pieces.append(body[position:])
    return b"".join(pieces)


def _embedded(body: bytes, kind: ContentType, walk: _Walk, depth: int) -> bytes:
    """A whole mail inside is walked; other message types must be 7-bit as they are (RFC 2046 §5.2.2, RFC 3464 §2.1)."""
    if kind.sub not in (b"rfc822", b"global"):
        return body
    return _entity(body, PLAIN, walk, depth=depth + 1, message=True)


def _leaf(body: bytes, declared: bytes, kind: ContentType) -> tuple[bytes, bytes]:
    """The encoding and the encoded body; unchanged where the declared encoding is not known or does not hold."""
    data = _decoded(body, declared)
    if data is None:
        return declared, body
    if kind.main == b"text" and _is_lines(data) and len(data.translate(None, _HIGH)) * _FEW > len(data) * (_FEW - 1):
        return b"quoted-printable", b"".join(quoted_printable(piece) for piece in _by_lines(data))
    pieces = (data[at : at + _BASE64_STEP] for at in range(0, len(data), _BASE64_STEP))
    encoded = b"".join(base64.encodebytes(piece).replace(b"\n", b"\r\n") for piece in pieces)  # RFC 2045 §6.8: lines of 76
    return b"base64", encoded if body.endswith(b"\r\n") else encoded.removesuffix(b"\r\n")


def _by_lines(data: bytes) -> Iterator[bytes]:
    """Pieces that end with a line, so that a large text is not held in several forms at once."""
    at = 0
    while at < len(data):
        end = data.find(b"\r\n", at + _STEP)
        end = len(data) if end < 0 else end + 2
        yield data[at:end]
        at = end


def quoted_printable(data: bytes) -> bytes:
    """Quoted-printable (RFC 2045 §6.7) of lines that end in CRLF; every line has at most 76 octets."""
    encoded = binascii.b2a_qp(data)
    if b"\n" not in data:
        encoded = encoded.replace(b"\n", b"\r\n")  # without a line end to learn from, binascii breaks lines with LF alone
    return _OVERFULL.sub(rb"\1=\r\n\2", encoded)


def _decoded(body: bytes, declared: bytes) -> bytes | None:
    if declared in (b"7bit", b"8bit", b"binary", b""):
        return body
    if declared == b"quoted-printable":
        return binascii.a2b_qp(body)
    try:
        return binascii.a2b_base64(body) if declared == b"base64" else None
    except binascii.Error:
        return None


def _is_lines(data: bytes) -> bool:
    """Whether CR and LF stand in pairs only, and no NUL among them: else it is not text that quoted-printable keeps."""
    return data.count(b"\r\n") == data.count(b"\r") == data.count(b"\n") and b"\0" not in data


def _head(found: Sequence[Field], label: bytes, body: bytes, *, message: bool) -> bytes:
    """The header with its encoding set in place, at the end where there was none; all other octets stay."""
    pieces: list[bytes] = []
    name = b"content-transfer-encoding"
    line = b"Content-Transfer-Encoding: " + label + b"\r\n"
    names = {one.name for one in found}
    changes = label != encoding(found)
    for one in found:
        if one.name != name or not changes:
            pieces.append(one.raw)
        elif line:
            pieces.append(line)
            line = b""
    if name not in names and changes:
        pieces.append(line)
    if message and b"mime-version" not in names:
        pieces.append(b"MIME-Version: 1.0\r\n")  # RFC 2045 §4
    if message and b"content-type" not in names:
        pieces.append(b"Content-Type: text/plain; charset=" + _charset(body) + b"\r\n")
    return b"".join(pieces)


def _charset(body: bytes) -> bytes:
    """What undeclared text is written in: the default would be us-ascii, which 8-bit text is not (RFC 1428 §3)."""
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return b"unknown-8bit"
    return b"utf-8"


def _too_deep() -> Finding:
    return error(
        "mime-too-deep",
        f"The mail has more than {MAX_DEPTH} parts inside each other or {MAX_PARTS} in all.",
        why="Such a mail cannot be made fit for other servers, and many of them refuse it.",
        do="Send the parts as one archive, or do not attach whole threads.",
    )


def _eight_bit_left() -> Finding:
    return warning(
        "eight-bit-left",
        "A part with 8-bit octets was left as it is: it is signed, or its structure cannot be read.",
        why="It can only go to servers that announce 8BITMIME; nearly all do. Changing it would break its signature.",
        do="Let the application encode its parts as quoted-printable or base64 before it signs.",
        reference="RFC 6152, RFC 1847 §2.1",
    )


def _line_too_long() -> Finding:
    return error(
        "line-too-long",
        f"A line has more than {MAX_LINE} octets, in a part that must not be changed.",
        why="Mail servers cut such lines or refuse the mail. The part is signed, or its structure cannot be read.",
        do="Let the application wrap its lines, or encode the part as quoted-printable or base64 before it signs.",
        reference="RFC 5321 §4.5.3.1.6",
    )
