"""The reader of zone-file lines (RFC 1035 §5.1), with three lines of our own for what does not answer or is not there."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from textwrap import dedent

from mailwright.dns.answer import Cause
from mailwright.dns.question import RecordType, askable, canonical
from mailwright.dns.rdata import TYPES, read_record, record_type
from mailwright.dns.records import Record
from mailwright.values import Malformed

DEFAULT_TTL = 300  # seconds, for lines that give none: what most DNS hosts preset
MAX_TTL = 2**31 - 1  # RFC 2181 §8
EVERY_TYPE = "*"
_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r\f\v]+)|(?P<end>\n)|(?P<comment>;[^\n]*)|(?P<open>\()|(?P<close>\))
    |"(?P<quoted>(?:[^"\\\n]|\\[^\n])*)"|(?P<word>(?:[^\s;"()\\]|\\[^\n])+)(?P<cut>(?=;))?|(?P<stray>.)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(rb"\\(?:([0-9]{3})|(.))", re.DOTALL)
_TTL = re.compile(r"(?:[0-9]{1,10}[smhdw]?){1,5}", re.IGNORECASE)
_TTL_PART = re.compile(r"([0-9]+)([smhdw]?)", re.IGNORECASE)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@dataclass(frozen=True, slots=True)
class RecordSet:
    """The records of one name and type, with the shortest TTL of their lines (RFC 2181 §5.2), seconds."""

    records: tuple[Record, ...]
    ttl: int


@dataclass(slots=True)
class ZoneLines:
    """What was read: record sets, and what fails, by canonical name and type."""

    sets: dict[tuple[str, str], RecordSet] = field(default_factory=dict)
    failing: dict[tuple[str, str], Cause] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Token:
    text: str  # as written, without its quotes
    quoted: bool
    cut: bool  # a ; follows at once

    @property
    def octets(self) -> bytes:
        return _ESCAPE.sub(_unescaped, self.text.encode("utf-8", "surrogateescape"))

    @property
    def plain(self) -> str:
        """The word, "" where it was quoted: a keyword never is."""
        return "" if self.quoted else self.text


@dataclass(slots=True)
class _Entry:
    """One logical line: parentheses may stretch it over several."""

    line: int
    indented: bool
    tokens: list[_Token] = field(default_factory=list)


@dataclass(slots=True)
class _Reading:
    """The state that goes from line to line."""

    origin: str = ""
    ttl: int = DEFAULT_TTL
    owner: str | None = None
    records: dict[tuple[str, str], list[Record]] = field(default_factory=dict)
    ttls: dict[tuple[str, str], int] = field(default_factory=dict)
    failing: dict[tuple[str, str], Cause] = field(default_factory=dict)


def read_zone(text: str) -> ZoneLines:
    """Read a zone text. Raises Malformed, which names the line and what to change."""
    reading = _Reading()
    for entry in _entries(dedent(text)):
        try:
            _take(entry, reading)
        except UnicodeEncodeError as fault:
            raise Malformed(f"Line {entry.line}: half a character is in it.", "Save the file as UTF-8.") from fault
        except Malformed as fault:
            raise Malformed(f"Line {entry.line}: {fault}", fault.remedy) from fault
    sets = {key: RecordSet(tuple(records), reading.ttls[key]) for key, records in reading.records.items()}
    return ZoneLines(sets, reading.failing)


def cause_named(text: str) -> Cause:
    """Read why something fails. Raises Malformed."""
    try:
        return Cause(text.lower())
    except ValueError as fault:
        raise Malformed(f"{text[:40]!r} is no cause of a failure.", f"Use one of {', '.join(Cause)}.") from fault


def _entries(text: str) -> Iterator[_Entry]:
    """Logical lines; blank ones and comments are left out."""
    line, depth, opened = 1, 0, 0
    entry = _Entry(line, text[:1] in (" ", "\t"))
    for match in _TOKEN.finditer(text):
        match match.lastgroup:
            case "stray":
                raise Malformed(f"Line {line}: a quote or backslash without its end.", 'Close the quotes: "..." on one line.')
            case "open":
                depth, opened = depth + 1, opened or line
            case "close" if depth:
                depth -= 1
            case "close":
                raise Malformed(f"Line {line}: a ) without its (.", "Put the ( before the first field of the record.")
            case "end":
                line += 1
                if not depth:
                    yield from [entry] if entry.tokens else []
                    entry, opened = _Entry(line, text[match.end() : match.end() + 1] in (" ", "\t")), 0
            case "quoted" | "word" | "cut":
                quoted = match["quoted"] is not None
                entry.tokens.append(_Token(match["quoted"] if quoted else match["word"], quoted, match["cut"] is not None))
    if depth:
        raise Malformed(f"Line {opened}: a ( without its ).", "Put a ) after the last field of the record.")
    if entry.tokens:
        yield entry


def _take(entry: _Entry, reading: _Reading) -> None:
    tokens: Sequence[_Token] = entry.tokens
    if tokens[0].plain.startswith("$"):
        return _take_directive(tokens, reading)
    if not (entry.indented and reading.owner is not None and _begins_record(tokens[0])):
        reading.owner = _name(_unescaped_text(tokens[0]), reading.origin)
        tokens = tokens[1:]
    owner = reading.owner or ""
    tokens, ttl = _ttl_and_class(tokens, reading.ttl)
    if not tokens:
        raise Malformed("A name stands alone.", 'Add a type and its data, such as TXT "v=spf1 -all".')
    if tokens[0].plain == "FAILS":
        reading.failing[owner, EVERY_TYPE] = _cause(tokens[1:])
        return None
    type, rest = record_type(tokens[0].text), tokens[1:]
    if rest and rest[0].plain == "FAILS":
        reading.failing[owner, type] = _cause(rest[1:])
        return None
    records = reading.records.setdefault((owner, type), [])
    reading.ttls[owner, type] = min(ttl, reading.ttls.get((owner, type), MAX_TTL))
    if [token.plain for token in rest] != ["NONE"]:
        records.append(read_record(type, _fields(type, rest), lambda name: _name(name, reading.origin)))
    return None


def _take_directive(tokens: Sequence[_Token], reading: _Reading) -> None:
    match [token.text for token in tokens]:
        case [word, name] if word.upper() == "$ORIGIN":
            reading.origin = _name(name, reading.origin)
        case [word, ttl] if word.upper() == "$TTL" and _TTL.fullmatch(ttl):
            reading.ttl = _seconds(ttl)
        case [word, *_]:
            raise Malformed(f"{word[:40]!r} cannot be read here.", "Use $ORIGIN name or $TTL seconds, or write the records out.")


def _begins_record(token: _Token) -> bool:
    """Whether an indented line goes on with the owner of the line before (RFC 1035 §5.1)."""
    word = token.plain
    return word.upper() in TYPES or word.upper() == "IN" or word == "FAILS" or bool(_TTL.fullmatch(word))


def _ttl_and_class(tokens: Sequence[_Token], ttl: int) -> tuple[Sequence[_Token], int]:
    """TTL and class may stand in either order (RFC 1035 §5.1)."""
    for _ in range(2):
        if tokens and tokens[0].plain.upper() == "IN":
            tokens = tokens[1:]
        elif tokens and _TTL.fullmatch(tokens[0].plain):
            tokens, ttl = tokens[1:], _seconds(tokens[0].plain)
    return tokens, ttl


def _seconds(text: str) -> int:
    return min(sum(int(number) * _SECONDS[unit.lower()] for number, unit in _TTL_PART.findall(text)), MAX_TTL)


def _cause(tokens: Sequence[_Token]) -> Cause:
    if len(tokens) > 1:
        raise Malformed("After FAILS stands at most one word.", f"Use one of {', '.join(Cause)}, or nothing.")
    return cause_named(tokens[0].text) if tokens else Cause.TIMEOUT


def _fields(type: RecordType, tokens: Sequence[_Token]) -> list[bytes]:
    """Text without quotes loses its blanks and ends at a semicolon: almost never what was meant, so it is refused."""
    if not tokens:
        raise Malformed(f"The {type} record has no data.", "Write the data after the type.")
    unquoted = [token for token in tokens if not token.quoted]
    if type in ("TXT", "SPF") and unquoted and (len(tokens) > 1 or unquoted[0].cut):
        raise Malformed("A TXT record has blanks or a semicolon, but no quotes.", 'Put its text in quotes: TXT "v=spf1 -all".')
    return [token.octets for token in tokens]


def _name(text: str, origin: str) -> str:
    """A name, relative to the origin unless it ends in a dot (RFC 1035 §5.1)."""
    if text == "@":
        if not origin:
            raise Malformed("An @ stands for the origin, but there is none.", "Write the name out, or put $ORIGIN name. above.")
        return origin
    name = canonical(text) if text.endswith(".") or not origin else f"{canonical(text)}.{origin}"
    if not askable(name):
        raise Malformed(f"{text[:80]!r} is not a name.", "Labels of 1 to 63 characters, parted by single dots, 253 in sum.")
    return name


def _unescaped_text(token: _Token) -> str:
    return token.octets.decode("utf-8", "surrogateescape")


def _unescaped(match: re.Match[bytes]) -> bytes:
    if match[1] is None:
        return match[2]
    if int(match[1]) > 255:
        raise Malformed(f"\\{match[1].decode()} is not an octet.", "Write \\000 to \\255.")
    return bytes((int(match[1]),))
