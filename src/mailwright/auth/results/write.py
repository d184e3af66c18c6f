"""The writer: whatever the values hold, one well-formed field comes out (RFC 8601 §2.2)."""

import re
from collections.abc import Iterable
from functools import lru_cache

from mailwright.auth.results.model import AuthResults, MethodResult
from mailwright.values import Malformed

MAX_COLUMNS = 78  # of a line, RFC 5322 §2.1.1 (SHOULD)
# Octets of one value, reason or comment; an address has 254. What is longer is cut, since a value without blanks cannot be
# folded: escaped twice as long and with the names before it, it still stays below the 998 octets of RFC 5322 §2.1.1 (MUST).
MAX_VALUE = 400
MAX_KEYWORD = 64  # longer than any registered name
_CACHED = 4096
_T = r"!#$%&'*+\-^_`{|}~0-9A-Za-z"  # RFC 2045 §5.1 token, less the full stop
# RFC 8601 §2.2 pvalue: a token, or an address whose local part may be missing. All else is quoted. Possessive, so linear.
_PLAIN = re.compile(rf"[.{_T}]++|(?:[{_T}]++(?:\.[{_T}]++)*+)?+@(?:[0-9A-Za-z\-]++\.)*+[0-9A-Za-z\-]++")
_KEYWORD = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z\-]*[0-9A-Za-z])?")  # RFC 5321 §4.1.2 Keyword


def write_results(results: AuthResults) -> str:
    """The whole Authentication-Results field, folded, with its CRLF; `read_results` gives the same values back.

    Controls in a value become "?", its line ends blanks, and it ends after MAX_VALUE octets. Raises Malformed where a
    method, result, ptype or property name is no keyword.
    """
    identity = [quoted(results.authserv_id)]
    if results.version is not None:
        identity.append(str(results.version))
    if not results.results:
        return folded("Authentication-Results:", [f"{' '.join(identity)}; none", *_commented(results.comment)])
    identity += _commented(results.comment)
    lines = [folded("Authentication-Results:", [" ".join(identity)], end=";")]
    lines += [folded("", pieces(result), end=";") for result in results.results[:-1]]
    lines.append(folded("", pieces(results.results[-1])))
    return "".join(lines)


def pieces(result: MethodResult) -> list[str]:
    """The parts of a result in their order (RFC 8601 §2.2 resinfo)."""
    parts = [_statement(result.method, result.version, result.result)]
    if result.comment:
        parts.append(commented(result.comment))
    if result.reason:
        parts.append(f"reason={always_quoted(result.reason)}")
    for ptype, name, value, comment in result.properties:
        parts.append(_property(ptype, name) + _quoted(value[:MAX_VALUE]))
        if comment:
            parts.append(commented(comment))
    return parts


def folded(lead: str, parts: Iterable[str], end: str = "") -> str:
    """Text in lines of at most 78 columns where it has blanks to fold at, with its CRLF (RFC 5322 §2.2.3).

    Without a lead it continues the lines before it. Blanks inside quotes and comments count: a fold there changes nothing.
    """
    text = f"{lead} {' '.join(parts)}{end}"
    if len(text) <= MAX_COLUMNS:
        return text + "\r\n"
    lines: list[str] = []
    line, *words = text.split(" ")
    for word in words:
        # RFC 5322 §3.2.2: no line of blanks alone, so a fold needs text on both sides.
        if word and len(line) + len(word) >= MAX_COLUMNS and line and not line.isspace():
            lines.append(line)
            line = ""
        line = f"{line} {word}"
    return "\r\n".join([*lines, line]) + "\r\n"


def quoted(value: str) -> str:
    """A value as it may stand in the field: plain where it is a token or an address, else in quotes (RFC 2045 §5.1 value)."""
    return _quoted(value[:MAX_VALUE])


def always_quoted(text: str) -> str:
    """A quoted string (RFC 5322 §3.2.4), beyond ASCII by RFC 6532 §3.2."""
    return '"' + _clean(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def commented(text: str) -> str:
    """A comment (RFC 5322 §3.2.2)."""
    return "(" + _clean(text).replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)") + ")"


def keyword(name: str) -> str:
    """A name that the grammar takes unquoted. Raises Malformed."""
    if len(name) > MAX_KEYWORD or not _KEYWORD.fullmatch(name):
        raise Malformed(f"{name[:MAX_KEYWORD]!r} is no keyword.", "Use letters, digits and inner hyphens.")
    return name


@lru_cache(maxsize=_CACHED)  # there are a few dozen
def _statement(method: str, version: int | None, result: str) -> str:
    numbered = keyword(method) if version is None else f"{keyword(method)}/{version}"
    return f"{numbered}={keyword(result)}"


@lru_cache(maxsize=_CACHED)  # there are a few dozen
def _property(ptype: str, name: str) -> str:
    return f"{keyword(ptype)}.{keyword(name)}="


@lru_cache(maxsize=_CACHED)  # domains, selectors and algorithms come again and again
def _quoted(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else always_quoted(value)


def _clean(text: str) -> str:
    """What may stand between quotes or brackets: no line end, no control, no half character; bounded."""
    text = text[:MAX_VALUE]
    if not text.isprintable():
        text = "".join([char if char.isprintable() else " " if char.isspace() else "?" for char in text])
    return text if text.isascii() else text.encode("utf-8")[:MAX_VALUE].decode("utf-8", "ignore")


def _commented(text: str) -> list[str]:
    return [commented(text)] if text else []
