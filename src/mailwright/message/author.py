"""Who wrote the mail: the one strict reader of From, and a tolerant one for the lists of To and Cc."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from mailwright.message.headers import Field, every, quoted
from mailwright.message.words import decoded, readable
from mailwright.values.address import Address
from mailwright.values.domain import Domain
from mailwright.values.errors import Malformed
from mailwright.values.finding import Finding, error

MAX_FROM = 2000  # octets of a From value: an address of 254, a name, and room
MAX_LISTED = 1000  # mailboxes that are read from one To or Cc
MAX_NAME = 200  # characters of a display name that people are shown
MAX_COMMENTS = 20  # depth of nested comments; RFC 5322 §3.2.2 sets none
_ATEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\x80-\U0010ffff"  # RFC 5322 §3.2.3, RFC 6532 §3.2
_TOKEN = re.compile(
    rf"(?P<gap>[ \t]++)|(?P<atom>[{_ATEXT}]++(?:\.[{_ATEXT}]++)*+)"
    r'|(?P<quoted>"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\x00-\x08\x0a-\x1f\x7f])*+")|(?P<mark>[<>@,:;.()\[\]])'
)
_COMMENT = re.compile(r"[()]|\\.")
_MARKS = re.compile(r'[<>,:;()"\s]')  # without any of these it is an address and nothing else
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address and the display name beside it, decoded for people ("" where there is none)."""

    address: Address
    name: str = ""


class _Token(NamedTuple):
    kind: str  # atom (a dot-atom), quoted, or mark
    text: str


def author(fields: Sequence[Field]) -> Mailbox | Finding:
    """The author: exactly one From field (RFC 5322 §3.6) with exactly one mailbox (§3.6.2), by the strict grammar.

    RFC 5322 lets several authors stand there and RFC 6854 groups: both are refused, for a verdict needs one domain. Of the
    obsolete forms (§4.1, §4.4) only an unquoted full stop in the display name is read, for it is common and changes nobody's
    reading of the address.
    """
    value = _from_value(fields)
    return value if isinstance(value, Finding) else read_author(value)


def author_domain(fields: Sequence[Field]) -> Domain | Finding:
    """The one domain in From, by which receivers judge a mail (RFC 9989 §5.3.1), by the same grammar.

    Several authors and groups are read here (RFC 5322 §3.6.2, RFC 6854 §2.1), as long as all of them are of one domain.
    """
    value = _from_value(fields)
    return value if isinstance(value, Finding) else read_author_domain(value)


@lru_cache(maxsize=4096)  # an application writes as few authors; values are bounded by MAX_FROM
def read_author(value: bytes) -> Mailbox | Finding:
    """The one mailbox of an unfolded From value, or why it is refused."""
    if not value:
        return _refusal("from-missing", "The From field is empty.", "Write it as From: Name <name@example.com>.")
    try:
        return _only(_Reader(_tokens(value.decode("utf-8"))), value)
    except UnicodeDecodeError:
        do = "Encode the name by RFC 2047, or send UTF-8."
        return _refusal("from-malformed", "From has octets that are not UTF-8.", do, quoted(value))
    except Malformed as fault:
        do = fault.remedy or "Write it as Name <name@example.com>; put a name with special characters in double quotes."
        return _refusal("from-malformed", f"From cannot be read: {fault}", do, quoted(value))


@lru_cache(maxsize=4096)
def read_author_domain(value: bytes) -> Domain | Finding:
    """The one domain of an unfolded From value, or why there is none."""
    found = read_author(value)
    if isinstance(found, Mailbox):
        return found.address.domain
    if found.code not in {"from-several", "from-group"}:
        return found
    try:
        domains = _Reader(_tokens(value.decode("utf-8"))).domains()
    except Malformed:
        return found
    return domains.pop() if len(domains) == 1 else found


def read_mailbox(name: str, text: str) -> Mailbox:
    """One mailbox as applications write it, `a@b` or `Name <a@b>`, by the strict grammar. Raises Malformed, naming the field."""
    try:
        return _one_mailbox(text)
    except Malformed as fault:
        do = fault.remedy or "Write it as Name <name@example.com>; put a name with special characters in double quotes."
        raise Malformed(f"{name} cannot be read: {fault}", do) from fault


@lru_cache(maxsize=4096)
def _one_mailbox(text: str) -> Mailbox:
    if len(text) > MAX_FROM:
        raise Malformed(f"it has more than {MAX_FROM} characters.", "Shorten the name.")
    if not _MARKS.search(text):
        return Mailbox(Address.parse(text.strip(" ")))
    reader = _Reader(_tokens(text))
    group, found = reader.address()
    if group or reader.more:
        raise Malformed("it names more than one mailbox.", "Give several as a list; write a name with a comma in double quotes.")
    return found[0]


def mailboxes(value: bytes) -> tuple[Mailbox, ...]:
    """The mailboxes of an unfolded To, Cc or Reply-To, for lists only: with the members of groups, less what cannot be read."""
    try:
        reader = _Reader(_tokens(value.decode("utf-8", "replace")))
    except Malformed:
        return ()
    found: list[Mailbox] = []
    while reader.more and len(found) < MAX_LISTED:
        before = reader.position
        try:
            found.extend(reader.address()[1])
        except Malformed:
            reader.skip(",;")
        reader.accept(",;")
        if reader.position == before:
            reader.position += 1
    return tuple(found[:MAX_LISTED])


def _from_value(fields: Sequence[Field]) -> bytes | Finding:
    """The unfolded value of the one From field."""
    found = every(fields, b"from")
    if not found:
        return _refusal("from-missing", "The mail has no From field.", "Add one: From: Name <name@example.com>.")
    if len(found) > 1:
        what = f"The mail has {len(found)} From fields."
        return _refusal("from-repeated", what, "Send one From field.", *(quoted(field.raw) for field in found[:3]))
    value = found[0].text
    if len(value) > MAX_FROM:
        return _refusal("from-malformed", f"From has more than {MAX_FROM} octets.", "Shorten the display name.", quoted(value))
    return value


def _only(reader: "_Reader", value: bytes) -> Mailbox | Finding:
    group, found = reader.address()
    if group:
        do = "Name the one mailbox that wrote the mail."
        return _refusal("from-group", "From names a group, not a mailbox.", do, quoted(value), reference="RFC 6854")
    if reader.accept(","):
        return _refusal(
            "from-several",
            "From names several authors, or a name with a comma stands without quotes.",
            'Name one author; write a name with a comma as "Doe, Jane" <jane@example.com>.',
            quoted(value),
        )
    if reader.more:
        raise Malformed("there is more text after the address.", "Take out what follows the address.")
    return found[0]


def _refusal(code: str, what: str, do: str, *evidence: str, reference: str = "RFC 5322 §3.6.2") -> Finding:
    why = "Receivers judge a mail by the one domain in From; where they could read it in two ways they refuse it."
    return error(code, what, why=why, do=do, evidence=evidence, reference=reference)


class _Reader:
    """Recursive descent over tokens; comments and blanks are gone (RFC 5322 §3.4)."""

    def __init__(self, tokens: Iterator[_Token]) -> None:
        self.tokens = list(tokens)
        self.position = 0

    @property
    def more(self) -> bool:
        return self.position < len(self.tokens)

    def peek(self) -> _Token:
        return self.tokens[self.position] if self.more else _Token("end", "")

    def accept(self, marks: str) -> bool:
        """Take the next token if it is one of the marks."""
        token = self.peek()
        taken = token.kind == "mark" and token.text in marks
        self.position += taken
        return taken

    def skip(self, marks: str) -> None:
        while self.more and not (self.peek().kind == "mark" and self.peek().text in marks):
            self.position += 1

    def address(self) -> tuple[bool, list[Mailbox]]:
        """One mailbox or group, and whether it is a group."""
        words = self.words()
        if self.accept(":"):
            if not words:
                raise Malformed("a group has no name.")
            return True, self.members()
        return False, [self.mailbox(words)]

    def members(self) -> list[Mailbox]:
        found: list[Mailbox] = []
        while not self.accept(";"):
            if not self.more or len(found) >= MAX_LISTED:
                raise Malformed("a group has no end.")
            found.append(self.mailbox(self.words()))
            if not self.accept(",") and self.peek() != ("mark", ";"):
                raise Malformed("a comma is missing between the members of a group.")
        return found

    def domains(self) -> set[Domain]:
        """The domains of a whole address list (RFC 5322 §3.4, without the empty members of §4.4)."""
        found: set[Domain] = set()
        while True:
            found.update(mailbox.address.domain for mailbox in self.address()[1])
            if not self.accept(","):
                break
        if self.more:
            raise Malformed("there is more text after the addresses.")
        return found

    def words(self) -> list[_Token]:
        """A phrase or what may yet be a local part; full stops only after a word (RFC 5322 §4.1 obs-phrase)."""
        words: list[_Token] = []
        while self.peek().kind in ("atom", "quoted") or (words and self.peek() == ("mark", ".")):
            words.append(self.peek())
            self.position += 1
        return words

    def mailbox(self, words: list[_Token]) -> Mailbox:
        if self.accept("<"):
            address = self.addr_spec(self.words())
            if not self.accept(">"):
                raise Malformed("the closing > is missing or something stands before it.")
            return Mailbox(address, _shown(words))
        return Mailbox(self.addr_spec(words))

    def addr_spec(self, words: list[_Token]) -> Address:
        """local-part "@" domain (RFC 5322 §3.4.1); no routes, no address literals, no blanks around full stops (§4.4)."""
        if not words and self.peek().text == "@":
            raise Malformed("there is nothing before the @; source routes are not taken.")
        if len(words) != 1 or not self.accept("@"):
            raise Malformed("there is no address in it, or a name without quotes stands beside it.")
        token = self.peek()
        if token.text == "[":
            raise Malformed("an address literal stands in place of a domain.", "Use a domain name after the @.")
        if token.kind != "atom":
            raise Malformed("there is no domain after the @.")
        self.position += 1
        return Address.parse(f"{words[0].text}@{token.text}")


def _tokens(text: str) -> Iterator[_Token]:
    if _CONTROL.search(text):
        raise Malformed("it has a control character.", "Remove it; mostly it came in with text from a form or a database.")
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise Malformed(f"the character {text[position]!r} does not belong there.")
        kind = match.lastgroup or ""
        position = match.end()
        if match[0] == "(":
            position = _after_comment(text, position)
        elif kind != "gap":
            yield _Token(kind, match[0])


def _after_comment(text: str, position: int) -> int:
    """Where a comment ends (RFC 5322 §3.2.2): each mark inside is looked at once."""
    depth = 1
    while depth:
        mark = _COMMENT.search(text, position)
        if mark is None or depth > MAX_COMMENTS:
            raise Malformed("a comment in brackets does not end, or is nested too deep.")
        depth += {"(": 1, ")": -1}.get(mark[0], 0)
        position = mark.end()
    return position


def _shown(words: list[_Token]) -> str:
    """The display name for people; adjacent words are parted by one blank, a full stop joins the word before it."""
    parts: list[str] = []
    for kind, text in words:
        if kind == "mark" and parts:
            parts[-1] += text
        else:
            parts.append(re.sub(r"\\(.)", r"\1", text[1:-1]) if kind == "quoted" else text)
    return readable(decoded(" ".join(parts)), MAX_NAME)
