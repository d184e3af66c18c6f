"""Reading a server's replies from bytes in any split, with a bound on everything (RFC 5321 §4.2)."""

import re
from dataclasses import dataclass
from functools import lru_cache

from mailwright.values import Reply

MAX_LINE = 2048  # octets; RFC 5321 §4.5.3.1.5 says 512, real servers put whole links into their refusals
MAX_LINES = 128  # of one reply; the longest EHLO answers seen have about 30
MAX_OCTETS = 16 * 1024  # of one reply; an endless reply ends here, not in memory
MAX_AT_ONCE = 4096  # replies in one read: more than any pipelined group asks for (RFC 5321 §4.5.3.1.8: 100 recipients)
USUAL = 64  # octets of a line that is likely to come again word for word

_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?: |$)")  # RFC 2034 §4; bounded, so linear
_BLANK, _HYPHEN = 0x20, 0x2D


@dataclass(frozen=True, slots=True)
class Fault:
    """The server does not speak SMTP, or not at this point: `code` is stable, `what` is for a person."""

    code: str
    what: str


class ReplyReader:
    """Collects bytes and gives whole replies. After a Fault it gives nothing more."""

    __slots__ = ("_broken", "_code", "_held", "_lines", "_octets")

    def __init__(self) -> None:
        self._held = b""  # a line that has not ended
        self._lines: list[str] = []  # earlier lines of a reply that has not ended
        self._code = 0
        self._octets = 0
        self._broken = False

    @property
    def empty(self) -> bool:
        """Whether no part of a reply is waiting for its end."""
        return not self._held and not self._lines

    def feed(self, data: bytes) -> list[Reply | Fault]:
        """The replies that these bytes complete, in order; a Fault is always the last. Bare LF ends a line too."""
        if self._broken:
            return []
        lines = (self._held + data).split(b"\n")
        self._held = lines.pop()
        heard: list[Reply | Fault] = []
        for line in lines:
            got = self._line(line.rstrip(b"\r"))
            if got is not None:
                heard.append(got)
            if isinstance(got, Fault):
                return heard
            if len(heard) > MAX_AT_ONCE:
                break
        if len(self._held) > MAX_LINE or len(heard) > MAX_AT_ONCE:
            heard.append(self._fault("reply-too-long", "The server sent more than any reply has."))
        return heard

    def _line(self, line: bytes) -> Reply | Fault | None:
        """One line without its end: `code SP text` ends a reply, `code - text` goes on (RFC 5321 §4.2.1)."""
        if len(line) > MAX_LINE:
            return self._fault("reply-too-long", f"The server sent a reply line of more than {MAX_LINE} octets.")
        digits, mark = line[:3], line[3] if len(line) > 3 else _BLANK  # "250" alone is allowed (RFC 5321 §4.2: text may be empty)
        if len(digits) < 3 or not digits.isdigit() or not b"200" <= digits <= b"599" or mark not in {_BLANK, _HYPHEN}:
            return self._fault("reply-malformed", f"The server answered {_readable(line[:80])!r}, which is not an SMTP reply.")
        code = int(digits)
        if mark == _BLANK and not self._lines:
            return _one_line(line) if len(line) > USUAL else _usual_line(line)
        return self._part(code, line, last=mark == _BLANK)

    def _part(self, code: int, line: bytes, *, last: bool) -> Reply | Fault | None:
        if self._lines and code != self._code:  # RFC 5321 §4.2.1: the code is the same on every line
            return self._fault("reply-malformed", f"The server changed its code from {self._code} to {code} within one reply.")
        self._code = code
        self._octets += len(line) + 2
        self._lines.append(_readable(line[4:]))
        if len(self._lines) > MAX_LINES or self._octets > MAX_OCTETS:
            return self._fault("reply-too-long", f"The server's reply has more than {MAX_LINES} lines or {MAX_OCTETS} octets.")
        if not last:
            return None
        lines, self._lines, self._octets = self._lines, [], 0
        return _of_lines(code, lines)

    def _fault(self, code: str, what: str) -> Fault:
        self._broken = True
        self._held, self._lines = b"", []
        return Fault(code, what)


def _one_line(line: bytes) -> Reply:
    """A reply of one line, its enhanced code taken off."""
    code, text = int(line[:3]), _readable(line[4:])
    enhanced = _enhanced(code, text)
    return Reply(code, enhanced, (text[len(enhanced) + 1 :] if enhanced else text,))


_usual_line = lru_cache(maxsize=512)(_one_line)  # "250 2.1.0 Ok" comes with every mail


def _of_lines(code: int, lines: list[str]) -> Reply:
    """RFC 2034 §4: the enhanced code stands on every line; where a server put it on some, it is taken off those."""
    enhanced = _enhanced(code, lines[0])
    if not enhanced:
        return Reply(code, "", tuple(lines))
    lead = enhanced + " "
    return Reply(code, enhanced, tuple("" if line == enhanced else line.removeprefix(lead) for line in lines))


def _enhanced(code: int, line: str) -> str:
    """The enhanced code, only where its class agrees with the reply's (RFC 2034 §4), else ""."""
    if line[1:2] != ".":
        return ""
    found = _ENHANCED.match(line)
    return found[1] if found and ord(line[0]) - 48 == code // 100 else ""


def _readable(text: bytes) -> str:
    """Text for people: UTF-8 with replacement; control characters do not reach a log or a terminal."""
    line = text.decode("utf-8", "replace")
    if line.isprintable():
        return line
    return "".join(char if char.isprintable() else "\ufffd" for char in line.replace("\t", " "))
