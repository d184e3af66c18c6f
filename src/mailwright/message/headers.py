"""The one reader of header fields: strict, linear, and no byte is lost."""

import re
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from typing import NamedTuple

from mailwright.values.finding import Finding, error, warning

MAX_LINE = 998  # octets without CRLF, RFC 5322 §2.1.1
MAX_HEAD = 256 * 1024  # octets of a header block; larger ones are nobody's mail, and must fit one body row
MAX_FIELDS = 1000  # fields of a header block; long delivery paths have some 150
_SHOWN = 3  # how many faulty lines a finding quotes
FTEXT = bytes(n for n in range(33, 127) if n != 58)  # RFC 5322 §3.6.8: printable, not the colon
_TEXT = b"\t\r\n" + bytes(n for n in range(32, 256) if n != 127)  # RFC 5322 §2.2 with RFC 6532 §3.2
# A field is all up to a CRLF that no white space follows (RFC 5322 §2.2.3); possessive, so no input is read twice.
_UNITS = re.compile(rb"[^\r]*+(?:\r(?!\n(?![ \t]))[^\r]*+)*+(?:\r\n)?")


class Field(NamedTuple):
    """One header field: `name` in lower case ("" where the line is not a field), `raw` its octets with folding and CRLF."""

    name: bytes
    raw: bytes

    @property
    def value(self) -> bytes:
        """What stands after the colon, still folded, without the last CRLF."""
        return self.raw.partition(b":")[2].removesuffix(b"\r\n")

    @property
    def text(self) -> bytes:
        """The value unfolded and without the blanks around it."""
        return unfold(self.value)


_field = partial(tuple.__new__, Field)  # what Field._make does, without its Python frame: this runs for every field of every mail


def split(raw: bytes) -> tuple[bytes, bytes]:
    """Header block (with its last CRLF) and body (without the empty line), RFC 5322 §2.1.

    A mail without an empty line is all header block, one that begins with it is all body.
    """
    if raw.startswith(b"\r\n"):
        return b"", raw[2:]
    end = raw.find(b"\r\n\r\n")
    return (raw, b"") if end < 0 else (raw[: end + 2], raw[end + 4 :])


def fields(head: bytes) -> tuple[Field, ...]:
    """The fields of a header block in order; their raw octets joined are the block."""
    units = _UNITS.findall(head)
    units.pop()  # the empty match at the end
    return tuple(map(_field, zip(map(_name, units), units, strict=True)))


def first(fields: Iterable[Field], name: bytes) -> Field | None:
    """The topmost field of a name (lower case)."""
    for field in fields:
        if field.name == name:
            return field
    return None


def every(fields: Iterable[Field], name: bytes) -> list[Field]:
    """All fields of a name (lower case), topmost first."""
    return [field for field in fields if field.name == name]


def without(fields: Iterable[Field], names: Collection[bytes]) -> list[Field]:
    """The fields whose names are not among `names` (lower case)."""
    return [field for field in fields if field.name not in names]


def remove(head: bytes, names: Collection[bytes]) -> bytes:
    """The header block less the named fields; every other octet stays."""
    return b"".join([field.raw for field in without(fields(head), names)])


def unfold(value: bytes) -> bytes:
    """A value on one line: CRLF before white space goes (RFC 5322 §2.2.3), blanks around it too."""
    return value.replace(b"\r\n", b"").strip(b" \t")


def has_long_line(content: bytes) -> bool:
    """Whether a line has more than 998 octets: each window of that length, from a line's start, must hold a line end."""
    start, window = 0, MAX_LINE + 2
    while len(content) - start > MAX_LINE:
        end = content.rfind(b"\n", start, start + window)
        if end < 0:
            return True
        start = end + 1
    return False


def faults(head: bytes, fields: Sequence[Field]) -> list[Finding]:
    """What is wrong with a header block by the strict grammar (RFC 5322 §3, not §4): one finding a kind."""
    found: list[Finding] = []
    if len(head) > MAX_HEAD or len(fields) > MAX_FIELDS:
        found.append(_too_large(head, fields))
    if odd := [field for field in fields if not field.name or field.raw[len(field.name)] != 58]:
        found.extend(_malformed(head, odd[: MAX_FIELDS + 1]))
    if _has_control(head):
        found.append(_control_character(fields))
    if has_long_line(head):
        found.append(_long_line(fields))
    if b"\n \r\n" in head or b"\n\t\r\n" in head:
        found.append(_blank_line())
    return found


def _has_control(octets: bytes) -> bool:
    """RFC 5321 §2.3.8: CR and LF only as a pair; RFC 5322 §3.2.1, §3.5: other controls nowhere."""
    return bool(octets.translate(None, _TEXT)) or not octets.count(b"\r\n") == octets.count(b"\r") == octets.count(b"\n")


def _name(unit: bytes) -> bytes:
    name, colon, _ = unit.partition(b":")
    if colon and not name.translate(None, FTEXT):
        return name.lower()
    bare = name.rstrip(b" \t")  # RFC 5322 §4.5: other readers take it for the field, so we do too, and tell it as a fault
    return bare.lower() if colon and not bare.translate(None, FTEXT) else b""


def quoted(octets: bytes) -> str:
    """A line of a header as evidence: short and printable."""
    text = octets[:120].decode("utf-8", "replace").strip()
    return "".join(char if char.isprintable() else "�" for char in text)


def _too_large(head: bytes, fields: Sequence[Field]) -> Finding:
    return error(
        "header-too-large",
        f"The header has {len(fields)} fields and {len(head)} octets; at most {MAX_FIELDS} and {MAX_HEAD} are taken.",
        why="Mail servers refuse such headers, each at its own limit.",
        do="Shorten the header: often one field grows with each reply, such as References, or lists every recipient.",
    )


def _malformed(head: bytes, odd: Sequence[Field]) -> Iterable[Finding]:
    if head[:1] in (b" ", b"\t"):
        yield error(
            "header-continuation-first",
            "The header begins with a continuation line.",
            why="A line that begins with white space continues the line above it, and there is none.",
            do="Begin the mail with a field such as From:, without white space before it.",
            evidence=(quoted(odd[0].raw),),
            reference="RFC 5322 §2.2.3",
        )
    kinds: dict[str, list[bytes]] = {}
    for field in odd:
        if field.raw[:1] not in (b" ", b"\t"):
            kinds.setdefault(_kind(field), []).append(field.raw)
    for code, raws in kinds.items():
        what, why, do, reference = _SAID[code]
        yield error(code, what, why=why, do=do, evidence=tuple(map(quoted, raws[:_SHOWN])), reference=reference)


_SAID = {
    "header-no-colon": (
        "A line of the header has no colon.",
        "Some readers take such a line for the end of the header, others skip it: they would see different mails.",
        "Put an empty line between header and text, and white space before a line that continues a field.",
        "RFC 5322 §2.2",
    ),
    "header-bad-name": (
        "The name of a header field is empty or has characters that are not allowed.",
        "A field's name has printable ASCII characters only; readers differ on anything else.",
        "Correct the name before the colon.",
        "RFC 5322 §3.6.8",
    ),
    "header-space-before-colon": (
        "There is white space between a field's name and its colon.",
        "Some readers see the field and others do not, so a signature would cover something else than people see.",
        "Write the colon right after the name.",
        "RFC 5322 §2.2, §4.5",
    ),
}


def _kind(field: Field) -> str:
    if field.name:
        return "header-space-before-colon"
    return "header-bad-name" if b":" in field.raw else "header-no-colon"


def _control_character(fields: Sequence[Field]) -> Finding:
    bad = [field.raw for field in fields if _has_control(field.raw)]
    return error(
        "header-control-character",
        "A header field has a control character in it, or a CR or LF that stands alone.",
        why="Readers disagree on where such a field ends, and forgers use it to smuggle in fields.",
        do="Remove it; mostly it came in with text from a form or a database.",
        evidence=tuple(map(quoted, bad[:_SHOWN])),
        reference="RFC 5322 §2.2, RFC 5321 §2.3.8",
    )


def _long_line(fields: Sequence[Field]) -> Finding:
    return error(
        "header-line-too-long",
        f"A line of the header has more than {MAX_LINE} octets.",
        why="Mail servers cut or refuse such lines, and cutting breaks the signature.",
        do="Fold the field: put a line end and a blank where it has a blank.",
        evidence=tuple([quoted(field.raw) for field in fields if has_long_line(field.raw)][:_SHOWN]),
        reference="RFC 5322 §2.1.1",
    )


def _blank_line() -> Finding:
    return warning(
        "header-blank-line",
        "A header field is folded so that one of its lines has only white space.",
        why="Some readers take that line for the end of the header.",
        do="Fold the field where it has text on both sides.",
        reference="RFC 5322 §3.2.2",
    )
