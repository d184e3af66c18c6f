"""Removal of Authentication-Results fields that claim to be ours, and are not (RFC 8601 §5)."""

import re
from collections.abc import Iterator

from mailwright.message import headers
from mailwright.values import Domain, Malformed

VERSIONS = frozenset({"1"})  # of the format, that we and our readers know (RFC 8601 §2.6)
_NAME = b"authentication-results"
_FOLD = (b" ", b"\t")
# A line end that is none (bare CR or LF): to some readers a field begins behind it.
_HIDDEN = re.compile(rb"(?i)[\r\n][ \t]*+authentication-results[ \t]*+:")
_SPACE = b"\t\r\n\x0b\x0c"
_CONTROL = bytes(n for n in range(32) if n not in _SPACE) + b"\x7f"
_BLANKS = bytes.maketrans(_SPACE, b" " * len(_SPACE))
_COMMENT_MARK = re.compile(r"[()]|\\.?")
_FLAT_COMMENT = re.compile(r"\([^)]*+\)")
_AROUND_DOT = re.compile(r"(?<! ) *+\. *+")
_WORD = re.compile(r"[^ !-,/:-@\[-`{-~]++")  # letters, digits, hyphens, full stops, and all beyond ASCII


def remove_forged(head: bytes, authserv_id: str) -> bytes:
    """The header block without the Authentication-Results fields that bear our authserv-id, or a version unknown to us.

    For mail that comes from outside, before our own field is put on top (RFC 8601 §5: MUST). Every other octet stays.
    Letter case, comments, quotes, folding, blanks around full stops and international spelling hide nothing; a field that
    cannot be read goes where our name stands anywhere in it. So does a continuation line that begins the block: it would
    continue the field that we put above it (RFC 5322 §2.2.3), and say there what it likes.
    """
    if _NAME not in head.lower() and not head.startswith(_FOLD):
        return head
    ours = _canonical(authserv_id)
    fields = headers.fields(head)
    kept = [field.raw for field in fields if not _to_go(field, ours)]
    return head if len(kept) == len(fields) else b"".join(kept)


def _to_go(field: headers.Field, ours: str) -> bool:
    if field.raw.startswith(_FOLD):
        return True
    if field.name == _NAME:
        return _claims(field.value, ours)
    text = field.raw.replace(b"\r\n", b"")
    found = _HIDDEN.search(text)
    return found is not None and _claims(text[found.end() :], ours)


def _claims(value: bytes, ours: str) -> bool:
    """Whether any reader, strict or tolerant, could take the field for ours, or it has a version that nobody here knows."""
    text = value.translate(_BLANKS, _CONTROL).decode("utf-8", "ignore").replace("\\", "")
    for reading in _readings(text):
        words = [_canonical(word) for word in _WORD.findall(reading)]
        if ours in words or (len(words) > 1 and words[1].isdecimal() and words[1] not in VERSIONS):
            return True
        if ours in map(_canonical, _WORD.findall(_AROUND_DOT.sub(".", reading))):  # RFC 5322 §4.4 obs-domain
            return True
    return False


def _readings(text: str) -> Iterator[str]:
    """What stands before the first result, by readers that nest comments and by those that do not; all of it if malformed."""
    nested = _without_comments(text)
    if nested is None or text.count('"') % 2:
        yield text
    else:
        yield nested.partition(";")[0]
    yield _FLAT_COMMENT.sub(" ", text).partition(";")[0]


def _without_comments(text: str) -> str | None:
    """The text with a blank for each comment (RFC 5322 §3.2.2); None where they do not match."""
    kept: list[str] = []
    depth = start = 0
    for mark in _COMMENT_MARK.finditer(text):
        if mark[0] == "(":
            if depth == 0:
                kept.append(text[start : mark.start()])
            depth += 1
        elif mark[0] == ")":
            depth -= 1
            start = mark.end()
            if depth < 0:
                return None
    return " ".join([*kept, text[start:]]) if depth == 0 else None


def _canonical(word: str) -> str:
    """A name as it is compared: one spelling for letter case, a final full stop and A-labels."""
    lower = word.lower().strip(".")
    if lower.isascii() and "xn--" not in lower:
        return lower
    try:
        return Domain.parse(lower).readable
    except Malformed:
        return lower
