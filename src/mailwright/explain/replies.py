"""What a server's reply means: the reason, whose it is to mend, and whether the address itself is no good."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mailwright.values.errors import Malformed
from mailwright.values.finding import Finding, Level
from mailwright.values.reply import Reply

MAX_TEXT = 4000  # characters of a reply that are read; RFC 5321 §4.5.3.1.5 gives a line 512
_SAID = (" said: ", "server returned was: ", "remote server returned '", "responded with failure: ", "smtp; ")
_PUNCTUATION = "()[]{}<>#'\",;:."


class Party(StrEnum):
    """Who must act."""

    RECIPIENT = "recipient"
    SENDER = "sender"  # the application, or the person who writes
    DOMAIN = "domain"  # who runs the DNS of the author's domain
    OPERATOR = "operator"  # who runs this Mailwright
    RECEIVER = "receiver"  # who runs the recipient's server
    NOBODY = "nobody"  # time will do


class Basis(StrEnum):
    """What an explanation rests on, from strong to weak."""

    WORDS = "words"
    ENHANCED = "enhanced"
    CODE = "code"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Reason:
    """One kind of refusal, as `replies.toml` describes it."""

    code: str
    who: Party
    hard: bool
    suppress: bool
    what: str
    why: str
    do: str


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of knowledge: fits where one of its phrases stands in the text."""

    reason: str
    seen: tuple[str, ...]  # each is enough
    together: tuple[tuple[str, ...], ...] = ()  # each is enough where all its members occur
    code: str = ""
    enhanced: str = ""
    do: str = ""
    sample: str = ""
    sure: bool = True  # whether the words are enough to give an address up

    def fits(self, text: str, code: str, enhanced: str) -> bool:
        """Plain substring search, so linear in the text whatever stands in it."""
        if not code.startswith(self.code) or not enhanced.startswith(self.enhanced):
            return False
        for part in self.seen:
            if part in text:
                return True
        return any(all(part in text for part in parts) for parts in self.together)


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The whole file: reasons, blocks in order, and the two fall-backs."""

    reasons: Mapping[str, Reason]
    blocks: tuple[Block, ...]
    enhanced: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, str] = field(default_factory=dict)
    decisive: frozenset[str] = frozenset()  # enhanced codes that stand above the words


@dataclass(frozen=True, slots=True)
class Explanation:
    """A reply explained. `hard`: trying again will not help. `suppress`: do not send to this address again."""

    reason: str
    who: Party
    hard: bool
    suppress: bool
    basis: Basis
    finding: Finding


def explain(reply: Reply, knowledge: Knowledge) -> Explanation:
    """The meaning of a reply: its words first, then its enhanced code (RFC 3463), then its code (RFC 5321 §4.2).

    An address is suppressed only for a permanent reply whose words, or whose exact enhanced code, say that it is no good.
    """
    text, code, enhanced = _plain(" ".join(reply.text)), str(reply.code), reply.enhanced
    subject = enhanced.partition(".")[2]  # "5.1.1" and "4.1.1" mean the same, now and later (RFC 3463 §2)
    coded = knowledge.enhanced.get(subject, "")
    exact = not subject.endswith(".0")  # X.n.0 is "other or undefined" (RFC 3463 §3)
    block = None
    if subject not in knowledge.decisive:
        block = next((block for block in knowledge.blocks if block.fits(text, code, enhanced)), None)
    if block is not None:
        sure = block.sure or (exact and coded == block.reason)
        return _explained(reply, knowledge.reasons[block.reason], Basis.WORDS, block.do, sure=sure)
    if coded:
        return _explained(reply, knowledge.reasons[coded], Basis.ENHANCED, sure=exact)
    if code in knowledge.codes:
        return _explained(reply, knowledge.reasons[knowledge.codes[code]], Basis.CODE, sure=False)
    return _explained(reply, knowledge.reasons["unknown"], Basis.NOTHING)


def reply_in(text: str) -> Reply:
    """The reply in free text, such as a stored reply or a Diagnostic-Code (RFC 3464 §2.3.6); code 0 where it has none."""
    text = text[:MAX_TEXT]
    words = [word.strip(_PUNCTUATION) for word in text.replace("-", " ").split()]
    code = next((int(word) for word in words if _is_code(word)), 0)
    enhanced = next((word for word in words if _is_enhanced(word)), "")
    return Reply(code, enhanced, (text,))


def read_knowledge(data: Mapping[str, Any]) -> Knowledge:
    """Knowledge from the parsed `replies.toml`. Raises Malformed where a block does not hold together."""
    reasons = {code: _reason(code, table) for code, table in data.get("reasons", {}).items()}
    blocks = tuple(_block(table, reasons) for table in data.get("reply", ()))
    codes = {str(code): reason for code, reason in data.get("codes", {}).items()}
    enhanced = dict(data.get("enhanced", {}))
    if "unknown" not in reasons or not reasons.keys() >= {*codes.values(), *enhanced.values()}:
        raise Malformed("The knowledge of replies names a reason that it does not describe.", "Add a [reasons.<code>] table.")
    return Knowledge(reasons, blocks, enhanced, codes, frozenset(data.get("decisive", ())))


def _plain(text: str) -> str:
    """Lower case, single blanks, and no addresses: what a local part or domain is called says nothing about the reply.

    Where a relay tells what another server said to it, only what was said counts.
    """
    text = text[:MAX_TEXT].lower()
    for mark in _SAID:
        text = text.rpartition(mark)[2] or text
    text = text.partition("(in reply to ")[0] or text
    return " ".join([" ", *map(_without_address, text.split()), " "])


def _without_address(word: str) -> str:
    if "@" not in word or "://" in word:
        return word
    before, bracket, rest = word.partition("<")
    return f"{before} @ {rest.partition('>')[2]}" if bracket else "@"


def _explained(reply: Reply, reason: Reason, basis: Basis, do: str = "", *, sure: bool = True) -> Explanation:
    hard = reason.hard and (reply.permanent or reply.code == 0)
    suppress = reason.suppress and reply.permanent and sure
    finding = Finding(
        code=f"reply-{reason.code}",
        level=Level.ERROR if reply.permanent else Level.WARNING,
        what=reason.what,
        why=reason.why,
        do=do or reason.do,
        evidence=(str(reply),),
        reference="RFC 5321 §4.2, RFC 3463",
    )
    return Explanation(reason.code, reason.who, hard, suppress, basis, finding)


def _is_code(word: str) -> bool:
    return len(word) == 3 and word.isascii() and word.isdigit() and word[0] in "245"


def _is_enhanced(word: str) -> bool:
    """RFC 3463 §2: class "." subject "." detail (RFC 3463 §2)."""
    parts = word.split(".")
    return (
        len(parts) == 3
        and parts[0] in ("2", "4", "5")
        and all(part.isascii() and part.isdigit() and 1 <= len(part) <= 3 for part in parts[1:])
    )


def _reason(code: str, table: Mapping[str, Any]) -> Reason:
    try:
        return Reason(
            code, Party(table["who"]), bool(table["hard"]), bool(table["suppress"]), table["what"], table["why"], table["do"]
        )
    except (KeyError, ValueError) as fault:
        raise Malformed(
            f"The reason {code!r} in the knowledge of replies is not complete: {fault}.", "Compare it with another."
        ) from fault


def _block(table: Mapping[str, Any], reasons: Mapping[str, Reason]) -> Block:
    entries = table.get("seen", ())
    seen = tuple(entry for entry in entries if isinstance(entry, str))
    together = tuple(tuple(entry) for entry in entries if not isinstance(entry, str))
    known = {**table, "seen": seen, "together": together}
    phrases = [*seen, *(part for parts in together for part in parts)]
    if table.get("reason") not in reasons or not all(part and part == part.lower() for part in phrases):
        raise Malformed(
            f"A block in the knowledge of replies cannot be used: {table!r:.200}.", "Use a known reason, phrases in lower case."
        )
    try:
        return Block(**known)
    except TypeError as fault:
        raise Malformed(
            f"A block in the knowledge of replies has a key too many: {fault}.", "Compare it with another."
        ) from fault
