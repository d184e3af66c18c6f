"""Macros (RFC 7208 §7): read once into parts, expanded for each mail in time that its length bounds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote

from mailwright.values import Malformed

MAX_NAME = 253  # a longer target-name loses labels on its left, RFC 7208 §7.3
MAX_EXPLANATION = 2048  # characters: "implementations MAY limit the length", RFC 7208 §6.2; four lines of an SMTP reply
MAX_KEEP = 999  # at least 127 parts must be kept where asked for, RFC 7208 §7.3; no value has more than this
NAME_LETTERS = frozenset("slodipvh")  # RFC 7208 §7.2
TEXT_LETTERS = NAME_LETTERS | frozenset("crt")  # c, r and t only in the text of an explanation, RFC 7208 §7.2
_DELIMITERS = frozenset(".-+,/_=")  # RFC 7208 §7.1
_SINGLE = {"%": "%", "_": " ", "-": "%20"}  # RFC 7208 §7.1
_DIGITS = "0123456789"
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_LDH = _LETTERS | frozenset(_DIGITS + "-")


class Macro(NamedTuple):
    """One %{...}: `keep` right-hand parts (0: all) of a value that was split at `delimiters`, reversed or not, escaped or not."""

    letter: str
    keep: int
    reverse: bool
    delimiters: str
    escape: bool


@dataclass(frozen=True, slots=True)
class MacroText:
    """A macro-string: literal text and macros in their order; `letters` are those of the macros, in lower case."""

    parts: tuple[str | Macro, ...]
    letters: frozenset[str]

    @property
    def literal(self) -> str | None:
        """The text, where nothing in it depends on the mail."""
        return None if self.letters else "".join([part for part in self.parts if isinstance(part, str)])


def read_domain_spec(text: str) -> MacroText:
    """Read a domain-spec: a macro-string that ends in a macro or in "." toplabel (RFC 7208 §7.1). Raises Malformed."""
    macros, ends_in_macro = _read(text, NAME_LETTERS)
    if ends_in_macro:
        return macros
    literal = text[text.rfind("}") + 1 :] if "%" in text else text
    _, dot, toplabel = literal.removesuffix(".").rpartition(".")
    if not dot or not _is_toplabel(toplabel):
        what = f"{text[:80]!r} is no full domain name." if text else "A domain name is missing."
        raise Malformed(what, "Write a name with its ending, such as mail.example.com.")
    return macros


def read_macro_string(text: str) -> MacroText:
    """Read the value of a modifier that nobody knows (RFC 7208 §4.6.1). Raises Malformed."""
    return _read(text, NAME_LETTERS)[0]


def read_explain_string(text: str) -> MacroText:
    """Read the text of an explanation: visible ASCII and blanks (RFC 7208 §6.2, §7.1). Raises Malformed."""
    if not (text.isascii() and text.isprintable()):
        raise Malformed("The explanation has characters that are not ASCII.", "Write it in plain ASCII.")
    return _read(text, TEXT_LETTERS)[0]


def expand_name(macros: MacroText, values: Mapping[str, str]) -> str:
    """The target-name (RFC 7208 §4.8), without a final dot; from the right, since what is too long is cut on its left (§7.3)."""
    taken: list[str] = []
    length = 0
    for part in reversed(macros.parts):
        taken.append(part if isinstance(part, str) else _expand(part, values[part.letter]))
        length += len(taken[-1])
        if length > MAX_NAME + 1:  # one more may be the final dot
            break
    name = "".join(reversed(taken)).removesuffix(".")
    return name if len(name) <= MAX_NAME else name[-MAX_NAME - 1 :].partition(".")[2]


def expand_text(macros: MacroText, values: Mapping[str, str]) -> str:
    """The text of an explanation, at most MAX_EXPLANATION characters."""
    taken: list[str] = []
    room = MAX_EXPLANATION
    for part in macros.parts:
        taken.append(part if isinstance(part, str) else _expand(part, values[part.letter]))
        room -= len(taken[-1])
        if room <= 0:
            break
    return "".join(taken)[:MAX_EXPLANATION]


def _read(text: str, letters: frozenset[str]) -> tuple[MacroText, bool]:
    """The parts, and whether the last is a macro-expand (%% %_ %- are such too)."""
    parts: list[str | Macro] = []
    used: set[str] = set()
    start, ends_in_macro = 0, False
    while (percent := text.find("%", start)) >= 0:
        parts += [text[start:percent]] if percent > start else []
        if (single := _SINGLE.get(text[percent + 1 : percent + 2])) is not None:
            parts.append(single)
            start = percent + 2
        else:
            end = text.find("}", percent)
            macro = _macro(text[percent : end + 1] if end > percent else text[percent:], letters)
            parts.append(macro)
            used.add(macro.letter)
            start = end + 1
        ends_in_macro = start == len(text)
    parts += [text[start:]] if start < len(text) else []
    return MacroText(tuple(parts), frozenset(used)), ends_in_macro


def _macro(text: str, letters: frozenset[str]) -> Macro:
    """Read `%{` letter transformers delimiters `}` (RFC 7208 §7.1)."""
    letter = text[2:3]
    if text[1:2] != "{" or text[-1] != "}" or letter.lower() not in letters:
        raise Malformed(f"{text[:40]!r} is no macro here.", "Write %{d} and the like, and %% for a percent sign.")
    tail = text[3:-1].lstrip(_DIGITS)
    digits = text[3 : len(text) - 1 - len(tail)]
    number = digits.lstrip("0")[:4]
    if digits and not number:  # "the value MUST be nonzero", RFC 7208 §7.3
        raise Malformed(f"{text[:40]!r} keeps no part of its value.", "Write a number from 1 on, or none.")
    reverse = tail[:1] in ("r", "R")
    delimiters = "".join(dict.fromkeys(tail[1:] if reverse else tail))
    if not _DELIMITERS.issuperset(delimiters):
        raise Malformed(f"{text[:40]!r} is no macro.", "After the letter come a number, r, and delimiters . - + , / _ = only.")
    return Macro(letter.lower(), min(int(number or 0), MAX_KEEP), reverse, delimiters, letter.isupper())


def _expand(macro: Macro, value: str) -> str:
    """Split, reverse, keep parts on the right, join with dots, escape (RFC 7208 §7.3)."""
    if macro.keep or macro.reverse or macro.delimiters:
        delimiter = macro.delimiters[:1] or "."
        for other in macro.delimiters[1:]:
            value = value.replace(other, delimiter)
        parts = value.split(delimiter)
        if macro.reverse:
            parts.reverse()
        value = ".".join(parts[-macro.keep :])
    return quote(value, safe="", errors="replace") if macro.escape else value  # all but RFC 3986 §2.3 "unreserved"


def _is_toplabel(label: str) -> bool:
    """Letters, digits, inner hyphens, not digits alone (RFC 7208 §7.1)."""
    return bool(label) and _LDH.issuperset(label) and label[0] != "-" and label[-1] != "-" and not label.isdigit()
