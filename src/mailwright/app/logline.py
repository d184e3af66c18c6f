"""How an entry of the log becomes one line, with secrets masked, texts cut, and nothing that could forge another line."""

import json
import logging
import math
import re
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from json.encoder import encode_basestring_ascii as _quote
from typing import Any

LONGEST = 1000  # characters of one value: enough for any SMTP reply, too little for a mail
LONGEST_TRACE = 8000
DEEPEST = 4  # levels of nested fields
MOST_ITEMS = 50  # of a list or mapping
MASK = "***"
_SECRET_WORDS = frozenset(
    (
        "password",
        "passwd",
        "passphrase",
        "pass",
        "secret",
        "secrets",
        "token",
        "tokens",
        "authorization",
        "cookie",
        "cookies",
        "credentials",
    )
)
_SECRET_PAIRS = ("private_key", "api_key", "apikey", "access_key", "signing_key", "auth_response")
_BODIES = frozenset(("body", "content", "data", "subject"))  # never told, only how large they are
_KEY_TEXT = re.compile(r"mw_([a-z2-7]{8})_[a-z2-7]{32}")  # accounts/key.py; the prefix alone is useless and helps to find the key
_URL_LOGIN = re.compile(r"://[^\s/@\"\\]{1,200}@")
_AUTH_ARGUMENT = re.compile(r"\b(AUTH [A-Z0-9-]{1,20} )[A-Za-z0-9+/=]+", re.IGNORECASE)  # RFC 4954 §4: the initial response
_BEARER = re.compile(r"\b((?:Bearer|Basic) )[A-Za-z0-9+/=._~-]{8,}", re.IGNORECASE)
_BEFORE_LOCAL = frozenset(" \t\r\n<>()[],;:\"'=|")
_RESERVED = frozenset(("time", "level", "part", "event", "error", "trace"))
_LEVELS = {
    logging.DEBUG: "debug",
    logging.INFO: "info",
    logging.WARNING: "warning",
    logging.ERROR: "error",
    logging.CRITICAL: "error",
}
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode  # ASCII: no terminal or parser is surprised


@dataclass(slots=True)
class Entry:
    """One event; `at` in seconds since 1970."""

    at: float
    level: int
    part: str
    event: str
    fields: Mapping[str, Any]
    cause: BaseException | None = None


def json_line(entry: Entry, *, addresses: bool) -> str:
    """One JSON object: time (RFC 3339, UTC, milliseconds), level, part, event, then the fields.

    Put together by hand: thousands of lines a second are written beside thousands of mails.
    """
    level = _LEVELS.get(entry.level, "info")
    event = _quote(_text(entry.event, addresses))
    line = [f'{{"time":"{_moment(entry.at)}","level":"{level}","part":{_quote(entry.part)},"event":{event}']
    for name, value in entry.fields.items():
        lead = _lead(name)
        if type(value) is str and lead and len(value) <= LONGEST:
            line.append(lead + _quote(value if addresses or "@" not in value else _domains_only(value)))
        elif type(value) is int and lead:
            line.append(f"{lead}{value}")
        else:
            line.append(f",{_quote(_unreserved(name))}:{_encode(_field(name, value, addresses))}")
    if entry.cause is not None:
        line += [f",{_quote(name)}:{_quote(text)}" for name, text in _cause(entry.cause, addresses).items()]
    line.append("}\n")
    return _masked("".join(line))


def text_line(entry: Entry, *, addresses: bool) -> str:
    """The same for eyes: time, level, part, event, then name=value; a traceback follows, each line of it indented."""
    told = {name: _field(name, value, addresses) for name, value in entry.fields.items()}
    trace = ""
    if entry.cause is not None:
        told |= _cause(entry.cause, addresses)
        trace = told.pop("trace")
    clock = _moment(entry.at)[11:23]
    head = f"{clock} {_LEVELS.get(entry.level, 'info'):7} {entry.part}: {_bare(_text(entry.event, addresses))}"
    fields = "".join([f"  {_bare(name)}={_quoted(value)}" for name, value in told.items()])
    return _masked(head + fields + "".join(f"\n    {_bare(line)}" for line in trace.splitlines())) + "\n"


@lru_cache(maxsize=1024)
def _lead(name: str) -> str:
    """How a field begins in JSON; "" for one whose value is never told."""
    return "" if _is_marked(name) else f",{_quote(_unreserved(name))}:"


def _unreserved(name: str) -> str:
    """A field cannot stand for what every line has."""
    return f"{name[:LONGEST]}_" if name in _RESERVED else name[:LONGEST]


def _field(name: str, value: Any, addresses: bool) -> Any:
    return _marked(name, value) if _is_marked(name) else _value(value, addresses, 0)


def _cause(cause: BaseException, addresses: bool) -> dict[str, str]:
    trace = "".join(traceback.format_exception(cause))
    return {"error": _text(f"{type(cause).__name__}: {cause}", addresses), "trace": _text(trace, addresses, LONGEST_TRACE)}


def _value(value: Any, addresses: bool, depth: int) -> Any:
    """A value as it may be told: JSON-ready, cut, with what is marked in it masked."""
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)  # RFC 8259 §6: JSON has no NaN
    if isinstance(value, bytes | bytearray | memoryview):
        return f"({len(value)} octets)"
    if isinstance(value, Mapping) and depth < DEEPEST:
        items = islice(value.items(), MOST_ITEMS)
        return {
            _text(str(key), addresses): _marked(str(key), each) if _is_marked(str(key)) else _value(each, addresses, depth + 1)
            for key, each in items
        }
    if isinstance(value, list | tuple | set | frozenset) and depth < DEEPEST:
        return [_value(each, addresses, depth + 1) for each in islice(value, MOST_ITEMS)]
    return _text(value if isinstance(value, str) else str(value), addresses)


def _text(text: str, addresses: bool, longest: int = LONGEST) -> str:
    if len(text) > longest:
        text = f"{text[:longest]}… ({len(text)} characters)"
    return text if addresses or "@" not in text else _domains_only(text)


def _masked(line: str) -> str:
    """A whole line without API keys, logins in URLs, AUTH arguments and bearer tokens, wherever they stood in it."""
    if "mw_" in line:
        line = _KEY_TEXT.sub(r"mw_\1_***", line)
    if "://" in line:
        line = _URL_LOGIN.sub("://***@", line)
    upper = line.upper()
    if "AUTH " in upper:
        line = _AUTH_ARGUMENT.sub(r"\1***", line)
    if "BEARER " in upper or "BASIC " in upper:
        line = _BEARER.sub(r"\1***", line)
    return line


def _domains_only(text: str) -> str:
    """Every local part goes; quoted ones (RFC 5321 §4.1.2) with their quotes."""
    *before, last = text.split("@")
    return "".join(f"{_without_local(part)}{MASK}@" for part in before) + last


def _without_local(part: str) -> str:
    if part.endswith('"') and '"' in part[:-1]:
        return part[: part.rindex('"', 0, -1)]
    end = len(part)
    while end and part[end - 1] not in _BEFORE_LOCAL:
        end -= 1
    return part[:end]


def _marked(name: str, value: Any) -> str:
    """What stands for a secret, or for the text of a mail."""
    if name in _BODIES and isinstance(value, str | bytes | bytearray | memoryview):
        return f"({len(value)} {'characters' if isinstance(value, str) else 'octets'})"
    return MASK


@lru_cache(maxsize=1024)
def _is_marked(name: str) -> bool:
    """Whether a field is never told."""
    plain = name.lower().replace("-", "_")
    return name in _BODIES or not _SECRET_WORDS.isdisjoint(plain.split("_")) or any(pair in plain for pair in _SECRET_PAIRS)


def _moment(at: float) -> str:
    second = int(at)
    return f"{_second(second)}.{int((at - second) * 1000):03}Z"


@lru_cache(maxsize=4)
def _second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def _quoted(value: Any) -> str:
    """A value that cannot be taken for another field: quoted where it has blanks, quotes or equal signs."""
    if isinstance(value, str):
        plain = value and value.isprintable() and not (" " in value or '"' in value or "=" in value)
        return value if plain else _bare(json.dumps(value, ensure_ascii=False))
    return _bare(json.dumps(value, ensure_ascii=False))


def _bare(text: str) -> str:
    """Without anything that a terminal would obey: control characters, line and paragraph separators, bidirectional marks."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
