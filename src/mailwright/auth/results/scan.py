"""Structured text of a field, read with tolerance: words, quoted strings, and comments wherever they stand (RFC 5322 §3.2)."""

import re

from mailwright.values import Malformed

MAX_TEXT = 64 * 1024  # characters of a field; real ones have some hundred
_GAP = re.compile(r"[ \t]++")
_QUOTED = re.compile(r'"((?:[^"\\]++|\\.)*+)"')
_MARK = re.compile(r"[()]|\\.")
_PAIR = re.compile(r"\\(.)")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# An unquoted value: a token by the grammar, here all but what ends it, since many write base64 and IPv6 addresses so.
_VALUE = re.compile(r'[^ \t;("]++')
_WORD = re.compile(r'[^ \t;()"=/.]++')


class Scanner:
    """Goes through a text once, from left to right; `comments` are those passed over since they were last taken."""

    __slots__ = ("comments", "position", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.comments: list[str] = []

    def ended(self) -> bool:
        """Whether nothing is left."""
        return self.position >= len(self.text)

    @property
    def seen(self) -> str:
        """Where the reader stands, for what is said about a fault."""
        return self.text[self.position : self.position + 40]

    def gap(self) -> None:
        """Pass over blanks and comments (CFWS). Raises Malformed where a comment does not end."""
        while not self.ended():
            if blank := _GAP.match(self.text, self.position):
                self.position = blank.end()
            elif self.text[self.position] == "(":
                self._comment()
            else:
                return

    def accept(self, mark: str) -> bool:
        """Take a mark if it comes next, gaps aside."""
        self.gap()
        taken = self.text.startswith(mark, self.position)
        self.position += taken
        return taken

    def word(self) -> str:
        """The next name, without blanks and marks; "" where there is none."""
        self.gap()
        return self._match(_WORD)

    def number(self) -> int | None:
        """The next word where it is a small number."""
        start = self.position
        word = self.word()
        if word.isascii() and word.isdigit() and len(word) < 10:
            return int(word)
        self.position = start
        return None

    def value(self, plain: "re.Pattern[str]" = _VALUE) -> str:
        """The next value: what its quotes hold, or the text up to a blank, semicolon, bracket. Raises Malformed.

        Where quotes are a part of it ("a b"@example.com) they stay.
        """
        self.gap()
        start = self.position
        while not self.ended() and (self._match(plain) or self.text[self.position] == '"'):
            if self.text.startswith('"', self.position):
                self.position = self._quoted_end()
        found = self.text[start : self.position]
        whole = _QUOTED.fullmatch(found)
        return _PAIR.sub(r"\1", whole[1]) if whole else found

    def comment(self) -> str:
        """The comments passed over, as one text; taken once."""
        text = " ".join(self.comments)
        self.comments.clear()
        return text

    def _match(self, pattern: "re.Pattern[str]") -> str:
        match = pattern.match(self.text, self.position)
        if match is None:
            return ""
        self.position = match.end()
        return match[0]

    def _quoted_end(self) -> int:
        match = _QUOTED.match(self.text, self.position)
        if match is None:
            raise Malformed("A quoted text does not end.", "Nobody need act: the field is passed over.")
        return match.end()

    def _comment(self) -> None:
        start, depth = self.position + 1, 1
        position = start
        while depth:
            mark = _MARK.search(self.text, position)
            if mark is None:
                raise Malformed("A comment in brackets does not end.", "Nobody need act: the field is passed over.")
            depth += {"(": 1, ")": -1}.get(mark[0], 0)
            position = mark.end()
        self.position = position
        self.comments.append(_PAIR.sub(r"\1", self.text[start : position - 1]))


def unfolded(field: bytes | str, name: str) -> str:
    """The value of a field on one line; a whole field, with its name, is taken too. Raises Malformed: too long, controls."""
    text = field.decode("utf-8", "replace") if isinstance(field, bytes) else field
    if len(text) > MAX_TEXT:
        raise Malformed(f"The field has more than {MAX_TEXT} characters.", "Nobody need act: the field is passed over.")
    before, colon, after = text.partition(":")
    if colon and before.strip(" \t").lower() == name:
        text = after
    text = text.replace("\r\n", "").strip(" \t")  # RFC 5322 §2.2.3
    if _CONTROL.search(text):
        raise Malformed("The field has a control character or a bare line end.", "Nobody need act: the field is passed over.")
    return text
