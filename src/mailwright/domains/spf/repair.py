"""What somebody meant who wrote an SPF record that cannot be read: corrections that leave no doubt, each told.

A word is corrected only where it cannot be read as it is, or is known to be taken for something else, and where what comes
out can be read. Everything else stays as it is.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from mailwright.auth import SpfKind, SpfTerm, read_spf
from mailwright.auth.spf.parse import VERSION, is_spf
from mailwright.dns import Txt

Mistake = Literal["version", "character", "separator", "space-inside", "space-missing", "mechanism", "modifier", "address"]

_DASHES = dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d", "-")
_BLANKS = dict.fromkeys("\t\r\n\u00a0\u2002\u2003\u2007\u2009\u202f\u3000", " ")
_UNSEEN = dict.fromkeys("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff", "")
_QUOTES = dict.fromkeys("\u2018\u2019\u201c\u201d\u00ab\u00bb", "")
_CHARACTERS = str.maketrans(_DASHES | _BLANKS | _UNSEEN | _QUOTES)
_MEANT = re.compile(r'["\' ]*(v\s*=\s*spf1|v\s*[=:]?\s*spf\s*[1-3]?|spf1)(?=$|[ ;,:]|[a-z~?+-])[;,:]?', re.IGNORECASE)
_NAMES = {"ip": "ip4", "ipv4": "ip4", "ipv6": "ip6", "ip-4": "ip4", "ip-6": "ip6", "includes": "include", "inc": "include"}
_TAKES_VALUE = frozenset(("include", "a", "mx", "ptr", "ip4", "ip6", "exists", "ip", "ipv4", "ipv6"))
_ALL = re.compile(r"(.+?)([-~?+])all", re.IGNORECASE)
_ZEROS = re.compile(r"/0+(?=[0-9])")


@dataclass(frozen=True, slots=True)
class Repair:
    """One correction: what kind of mistake it was, what was written, what was meant."""

    mistake: Mistake
    written: str
    meant: str


def meant_as_spf(text: str) -> bool:
    """Whether a TXT record that is no SPF record was clearly meant to be one; `spf2.0` is another thing (RFC 4406)."""
    plain = text.translate(_CHARACTERS)
    return not is_spf(text) and not plain.lower().lstrip("\"' ").startswith("spf2") and bool(_MEANT.match(plain))


def repaired(text: str) -> tuple[str, tuple[Repair, ...]]:
    """The record as it was meant, and the corrections that lead there; the same text where there is nothing to correct."""
    repairs: list[Repair] = []
    plain = text.translate(_CHARACTERS)
    if plain != text:
        repairs.append(Repair("character", text, plain))
    head, body = _version(plain, repairs)
    words = [word for word in body.split(" ") if word]
    for correct in (_joined, _separated, _spaced, _corrected):
        words = list(correct(words, repairs))
    return (" ".join([head, *words]) if repairs else text), tuple(repairs)


def readable(word: str) -> SpfTerm | None:
    """The term, where the word is one without a fault that means something by itself."""
    terms = read_spf(f"{VERSION} {word}").terms
    return terms[0] if len(terms) == 1 and not terms[0].fault and not _is_mistaken(terms[0]) else None


def lost_blanks(record: Txt) -> Iterator[tuple[int, str, str]]:
    """Where strings of a record meet without a blank and both halves of the word are terms: the place, and the two."""
    place = 0
    for piece in record.pieces[:-1] if record.text.isascii() else ():
        place += len(piece)
        left, right = record.text[:place].rpartition(" ")[2], record.text[place:].partition(" ")[0]
        if left and right and readable(right) and (left.lower() == VERSION or readable(left)):
            yield place, left, right


def rejoined(record: Txt) -> str:
    """The text of a record with the blanks that were lost where its strings meet."""
    text, start = "", 0
    for place, _, _ in lost_blanks(record):
        text += record.text[start:place] + " "
        start = place
    return text + record.text[start:]


def _is_mistaken(term: SpfTerm) -> bool:
    """A mechanism with an equals sign is read as a modifier that nobody knows, and ignored (RFC 7208 §6)."""
    return term.kind is SpfKind.MODIFIER and term.text.partition("=")[0].lower() in _TAKES_VALUE


def _version(text: str, repairs: list[Repair]) -> tuple[str, str]:
    """The version and what comes behind it."""
    if is_spf(text):
        return text[: len(VERSION)], text[len(VERSION) :]
    meant = _MEANT.match(text)
    if meant is None:
        return VERSION, text
    rest = text[meant.end() :].strip("\"' ")
    repairs.append(Repair("version", meant[0].strip() if text.strip() == text else meant[0], VERSION))
    return VERSION, rest


def _joined(words: list[str], repairs: list[Repair]) -> Iterator[str]:
    """`ip4: 192.0.2.1`: a blank after the colon."""
    waiting = ""
    for word in words:
        if waiting and readable(waiting + word):
            repairs.append(Repair("space-inside", f"{waiting} {word}", waiting + word))
            yield waiting + word
            waiting = ""
            continue
        if waiting:
            yield waiting
        waiting = word if word[-1] in ":=" else ""
        if not waiting:
            yield word
    if waiting:
        yield waiting


def _separated(words: list[str], repairs: list[Repair]) -> Iterator[str]:
    """Commas and semicolons between terms, quotes and backslashes around them."""
    for word in words:
        parts = [part for part in re.split(r"[,;\"'\\]+", word) if part]
        found = parts if len(parts) != 1 or parts[0] != word else []
        if found and not readable(word) and all(map(_is_correctable, found)):
            repairs.append(Repair("separator", word, " ".join(found)))
            yield from found
        elif found or parts or readable(word):
            yield word
        else:
            repairs.append(Repair("separator", word, ""))


def _is_correctable(word: str) -> bool:
    return readable(word) is not None or _correction(word) is not None


def _spaced(words: list[str], repairs: list[Repair]) -> Iterator[str]:
    """No blank before `all`. `include:a.example-all` can be read, but no top-level domain ends so."""
    for word in words:
        found = _ALL.fullmatch(word)
        if found is None or not _is_correctable(found[1]) or readable(found[1]) == readable(word):
            yield word
            continue
        meant = (found[1], f"{found[2]}all")
        repairs.append(Repair("space-missing", word, " ".join(meant)))
        yield from meant


def _corrected(words: list[str], repairs: list[Repair]) -> Iterator[str]:
    for word in words:
        correction = None if readable(word) else _correction(word)
        if correction:
            repairs.append(correction)
        yield correction.meant if correction else word


def _correction(word: str) -> Repair | None:
    """The first way of reading a word otherwise after which it can be read."""
    for mistake, reading in _READINGS:
        meant = reading(word)
        if meant != word and readable(meant):
            return Repair(mistake, word, meant)
    return None


def _named(word: str) -> str:
    """Names that people use for mechanisms, and an address without one; the address tells ip4 from ip6."""
    name, colon, value = word.replace("=", ":", 1).partition(":")
    qualifier = name[:1] if name[:1] in "+-~?" else ""
    known = _NAMES.get(name.removeprefix(qualifier).lower(), "")
    if not known and (readable(f"ip4:{word}") or readable(f"ip6:{word}")):
        return f"ip6:{word}" if readable(f"ip6:{word}") else f"ip4:{word}"
    meant = f"{qualifier}{known}:{value}"
    return (meant if readable(meant) else _family(meant)) if known and colon else word


def _colon(word: str) -> str:
    """`include=` for `include:`."""
    name, equals, value = word.partition("=")
    return f"{name}:{value}" if equals and name.lstrip("+-~?").lower() in _TAKES_VALUE else word


def _equals(word: str) -> str:
    """`redirect:` for `redirect=`."""
    name, colon, value = word.partition(":")
    return f"{name}={value}" if colon and name.lower() in ("redirect", "exp") else word


def _family(word: str) -> str:
    """ip4 with an IPv6 address, and the other way."""
    swap = {"ip4": "ip6", "ip6": "ip4"}
    name, colon, value = word.partition(":")
    qualifier = name[:1] if name[:1] in "+-~?" else ""
    other = swap.get(name.removeprefix(qualifier).lower())
    return f"{qualifier}{other}:{value}" if other and colon else word


def _zeros(word: str) -> str:
    """A prefix length with zeros in front."""
    return _ZEROS.sub("/", word)


_READINGS: tuple[tuple[Mistake, Callable[[str], str]], ...] = (
    ("modifier", _colon),
    ("modifier", _equals),
    ("mechanism", _named),
    ("address", _family),
    ("address", _zeros),
)
