"""DKIM canonicalisation (RFC 6376 §3.4): headers and bodies in linear time, a body in any split of buffers."""

import hashlib
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import chain
from mmap import mmap

Raw = bytes | bytearray | memoryview | mmap  # a mail, or a piece of one, as octets with CRLF line ends

CRLF = b"\r\n"
CHUNK = 64 * 1024  # octets in hand at once: fits a core's second cache, and a mail of any size needs no more memory
_LONG_RUN = b" " * 64  # each pass shortens a run of blanks by that factor: 64 KiB of them are one after four passes
_EMPTY_LINES = CRLF * 2048  # emitted at once where a mail has many empty lines and then goes on
_END_OF_HEAD = CRLF * 2  # RFC 5322 §2.1


class Form(StrEnum):
    """A canonicalisation, as c= names it (RFC 6376 §3.5)."""

    SIMPLE = "simple"
    RELAXED = "relaxed"


class BodyHasher:
    """SHA-256 over the canonical form of a body that arrives in pieces; any split gives the same hash.

    `limit` is l= (RFC 6376 §3.5): the hash covers that many octets of the canonical form. After `digest`, `length` is
    the length of the whole canonical form in octets.
    """

    __slots__ = ("_carry", "_empty_lines", "_form", "_hash", "_limit", "length")

    def __init__(self, form: Form = Form.RELAXED, limit: int | None = None) -> None:
        self._form = form
        self._limit = limit
        self._hash = hashlib.sha256()
        self._carry = b""  # the end of the last piece that the next one may change: a space, a CR, or both
        self._empty_lines = 0  # CRLFs held back: dropped where the body ends with them (RFC 6376 §3.4.3)
        self.length = 0

    def update(self, piece: Raw) -> None:
        """Take the next octets of the body."""
        for chunk in chunks_of(piece):
            self._take(chunk)

    def digest(self) -> bytes:
        """The hash; ends the body, call it once."""
        if self._carry.endswith(b"\r"):  # a bare CR is text; a space alone ends its line and goes (RFC 6376 §3.4.4 a)
            self._emit(self._carry)
        if self.length or self._form is Form.SIMPLE:  # an empty body: CRLF if simple, nothing if relaxed (§3.4.3, §3.4.4)
            self._count(CRLF)
        return self._hash.digest()

    def _take(self, chunk: bytes) -> None:
        text = self._carry + chunk if self._carry else chunk
        if self._form is Form.RELAXED:
            text = _relax(text)
        text = self._hold_back(text)
        lines = _lines_that_end(text)
        if content := text[: len(text) - 2 * lines]:
            self._emit(content)
        self._empty_lines += lines

    def _hold_back(self, text: bytes) -> bytes:
        """Keep what could be the first half of a CRLF, or a space that a CRLF may follow, for the next piece."""
        end = len(text) - text.endswith(b"\r")
        if self._form is Form.RELAXED:
            end -= text.endswith(b" ", 0, end)
        self._carry = text[end:]
        return text[:end]

    def _emit(self, content: bytes) -> None:
        """Text follows the CRLFs that were held back: they belong to the body after all."""
        blocks, rest = divmod(self._empty_lines, 2048)
        for _ in range(blocks):
            self._count(_EMPTY_LINES)
        self._empty_lines = 0
        if rest:
            self._count(CRLF * rest)
        self._count(content)

    def _count(self, canonical: bytes) -> None:
        if self._limit is None:
            self._hash.update(canonical)
        else:
            self._hash.update(canonical[: max(0, self._limit - self.length)])
        self.length += len(canonical)


def relaxed_fields(head: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The fields of a header block, top-down, as (lower-case name, value), relaxed (RFC 6376 §3.4.2) and without CRLF.

    A line without a colon is no field and is passed over.
    """
    for line in relaxed_text(head).split(CRLF):
        name, colon, value = line.partition(b":")
        if colon:
            yield name.rstrip(b" ").lower(), value.lstrip(b" ")


def relaxed_text(head: bytes) -> bytes:
    """A header block unfolded, each run of WSP one SP and none at a line's end (RFC 6376 §3.4.2, steps 2 to 4)."""
    return _relax(head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")).rstrip(b" ")


def split_head(chunks: Iterator[bytes]) -> tuple[bytes, bytes]:
    """Read as far as the empty line: the header block with its last CRLF, and the octets of the body read with it.

    A mail that begins with an empty line has no header; one without an empty line has no body (RFC 5322 §2.1).
    """
    first = next(chunks, b"")
    end = first.find(_END_OF_HEAD)
    if end >= 0 and not first.startswith(CRLF):  # as nearly always: it fits one piece
        return first[: end + 2], first[end + 4 :]
    held = bytearray(CRLF)  # so that an empty first line is found like any other
    for chunk in chain((first,), chunks):
        seen = max(0, len(held) - 3)
        held += chunk
        end = held.find(_END_OF_HEAD, seen)
        if end >= 0:
            return bytes(held[2 : end + 2]), bytes(held[end + 4 :])
    return bytes(held[2:]), b""


def hash_body(pieces: Iterable[Raw], form: Form = Form.RELAXED) -> bytes:
    """SHA-256 over the canonical form of a whole body, bh= before its base64 (RFC 6376 §3.7)."""
    hasher = BodyHasher(form)
    for piece in pieces:
        hasher.update(piece)
    return hasher.digest()


def chunks_of(raw: Raw) -> Iterator[bytes]:
    """A mail in pieces of at most CHUNK octets; nothing is copied where it is bytes and fits one."""
    for start in range(0, len(raw), CHUNK):
        yield bytes(raw[start : start + CHUNK])


def _relax(text: bytes) -> bytes:
    """Each run of WSP one SP, none before CRLF (RFC 6376 §3.4.4 a); usual text is searched and never copied."""
    text = text.replace(b"\t", b" ")
    if b" " not in text:  # the lines of an attachment in base64: ten times as quick to see as what follows
        return text
    if text.rfind(b"  ") >= 0:  # twice as quick as `in` where there are many single spaces: prose
        text = _single_spaced(text)
    return text.replace(b" \r\n", CRLF) if text.rfind(b" \r\n") >= 0 else text


def _single_spaced(text: bytes) -> bytes:
    """Each run of spaces one: three times as quick for indented HTML as replacing pairs until there are none."""
    while _LONG_RUN in text:
        text = text.replace(_LONG_RUN, b" ")
    parts = text.split(b"  ")  # from the left, so a part never ends in a space; after an odd run it begins with one
    first = b" " if not parts[0] else b""
    last = b" " if not parts[-1] else b""
    return (first + b" ".join(filter(None, parts)) + last).replace(b"  ", b" ")


def _lines_that_end(text: bytes) -> int:
    """How many CRLFs stand at the end of `text`; a bare CR or LF among them is text."""
    ends = text[len(text.rstrip(CRLF)) :]
    if ends in (b"", CRLF):
        return len(ends) // 2
    marked = ends.replace(CRLF, b".")
    return len(marked) - len(marked.rstrip(b"."))
