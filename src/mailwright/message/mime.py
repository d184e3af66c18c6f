"""The frame of a MIME entity: its type, its encoding, and where its parts stand (RFC 2045, RFC 2046)."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from mailwright.message.headers import Field, first

MAX_BOUNDARY = 200  # octets; RFC 2046 §5.1.1 sets 70, some programs write more
_TOKEN = rb"[!#-'*+\-.0-9A-Z^-~]++"  # RFC 2045 §5.1: no blanks, controls, tspecials
_TYPE = re.compile(rb"[ \t]*+(" + _TOKEN + rb")/(" + _TOKEN + rb")")
# One parameter after the other, quoted values in one piece: a "boundary=" inside another's value is not found.
_PARAMETER = re.compile(rb";[ \t]*+(" + _TOKEN + rb')[ \t]*+=[ \t]*+(?:"((?:[^"\\]|\\.)*+)"|([^\s;]*+))', re.DOTALL)


class ContentType(NamedTuple):
    """A media type in lower case; `boundary` is b"" where there is none to work with."""

    main: bytes
    sub: bytes
    boundary: bytes = b""


PLAIN = ContentType(b"text", b"plain")  # RFC 2045 §5.2
EMBEDDED = ContentType(b"message", b"rfc822")  # RFC 2046 §5.1.5: what parts of a multipart/digest are by default


def content_type(fields: Sequence[Field], default: ContentType = PLAIN) -> ContentType:
    """The media type of an entity, `default` where it is missing; what cannot be read is an octet stream (RFC 2045 §5.2)."""
    field = first(fields, b"content-type")
    if field is None:
        return default
    value = field.text
    kind = _TYPE.match(value)
    if kind is None:
        return ContentType(b"application", b"octet-stream")
    boundary = b""
    for name, quoted, plain in _PARAMETER.findall(value, kind.end()):
        if name.lower() == b"boundary":
            boundary = re.sub(rb"\\(.)", rb"\1", quoted).rstrip(b" \t") or plain
            break
    return ContentType(kind[1].lower(), kind[2].lower(), boundary if len(boundary) <= MAX_BOUNDARY else b"")


def encoding(fields: Sequence[Field]) -> bytes:
    """The Content-Transfer-Encoding in lower case, 7bit where it is missing (RFC 2045 §6.1)."""
    field = first(fields, b"content-transfer-encoding")
    return b"7bit" if field is None else field.text.lower()


def spans(body: bytes, boundary: bytes) -> list[tuple[int, int]]:
    """Where the parts of a multipart body begin and end (RFC 2046 §5.1.1); the CRLF before a delimiter belongs to it.

    Without its closing delimiter the last part goes to the end; what follows that delimiter is nobody's.
    """
    if not boundary:
        return []
    line = re.compile(rb"(?:\A|\r\n)--" + re.escape(boundary) + rb"(--)?[ \t]*+(?=\r\n|\Z)")
    found: list[tuple[int, int]] = []
    start = -1
    for delimiter in line.finditer(body):
        if 0 <= start <= delimiter.start():
            found.append((start, delimiter.start()))
        start = delimiter.end() + 2
        if delimiter[1]:
            return found
    if 0 <= start < len(body):
        found.append((start, len(body)))
    return found
