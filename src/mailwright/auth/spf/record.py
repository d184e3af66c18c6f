"""An SPF record as a tree of terms: what the evaluator, the lookup counter, the merger and the pages all read."""

from dataclasses import dataclass
from enum import StrEnum

from mailwright.auth.spf.macros import MacroText
from mailwright.dns import Question


class SpfResult(StrEnum):
    """What a check ends in (RFC 7208 §2.6)."""

    NONE = "none"
    NEUTRAL = "neutral"
    PASS = "pass"
    FAIL = "fail"
    SOFTFAIL = "softfail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


class SpfKind(StrEnum):
    """What a term is (RFC 7208 §4.6.1)."""

    ALL = "all"
    INCLUDE = "include"
    A = "a"
    MX = "mx"
    PTR = "ptr"
    IP4 = "ip4"
    IP6 = "ip6"
    EXISTS = "exists"
    REDIRECT = "redirect"
    EXP = "exp"
    MODIFIER = "modifier"  # one that nobody knows: ignored, RFC 7208 §6
    BROKEN = "broken"  # neither mechanism nor modifier


MECHANISMS = {kind.value: kind for kind in list(SpfKind)[:8]}  # by name
ASKING = frozenset((SpfKind.INCLUDE, SpfKind.A, SpfKind.MX, SpfKind.PTR, SpfKind.EXISTS, SpfKind.REDIRECT))  # RFC 7208 §4.6.4
QUALIFIERS = {"+": SpfResult.PASS, "-": SpfResult.FAIL, "~": SpfResult.SOFTFAIL, "?": SpfResult.NEUTRAL}  # RFC 7208 §4.6.2


@dataclass(frozen=True, slots=True)
class SpfFault:
    """One syntax fault: where it begins (characters from 0), in which text, what it is and how it is mended."""

    position: int
    text: str
    what: str
    do: str


@dataclass(frozen=True, slots=True)
class SpfTerm:
    """One term.

    `text` is exactly what is written, `position` where it begins. `qualifier` is "+" where none is written, "" for a
    modifier. `value` is the domain-spec, network or modifier value as written, "" where there is none. `cidr4` and `cidr6`
    are prefix lengths. `name` is the target where it does not depend on the mail, canonical and askable, else "".
    """

    text: str
    position: int
    kind: SpfKind
    qualifier: str = ""
    value: str = ""
    cidr4: int = 32
    cidr6: int = 128
    name: str = ""
    macros: MacroText | None = None
    fault: SpfFault | None = None
    network: int = -1  # ip4, ip6: the high bits, after a shift to the right by `shift`
    shift: int = 0
    result: SpfResult = SpfResult.NONE  # what a match means
    question: Question | None = None  # include, redirect: the record it leads to, where the name is fixed

    @property
    def asks(self) -> bool:
        """Whether it counts as a lookup (RFC 7208 §4.6.4)."""
        return self.kind in ASKING


@dataclass(frozen=True, slots=True)
class SpfRecord:
    """A record: all its terms in order with their faults, and what of it is evaluated for either family of addresses.

    `steps4` and `steps6` are the directives up to the first `all`, less networks of the other family, which never match.
    `ahead4` and `ahead6` are the questions of fixed names among them, with an empty name for the domain itself.
    """

    text: str
    terms: tuple[SpfTerm, ...]
    faults: tuple[SpfFault, ...]
    redirect: SpfTerm | None
    explanation: SpfTerm | None
    steps4: tuple[SpfTerm, ...]
    steps6: tuple[SpfTerm, ...]
    ahead4: tuple[Question, ...]
    ahead6: tuple[Question, ...]

    @property
    def all(self) -> SpfTerm | None:
        """The first `all`, which ends the record (RFC 7208 §5.1)."""
        return next((term for term in self.terms if term.kind is SpfKind.ALL and not term.fault), None)

    @property
    def asking(self) -> tuple[SpfTerm, ...]:
        """The terms that count as lookups where no term before them matches; a redirect only where there is no `all` (§6.1)."""
        asking = [term for term in self.steps4 if term.asks]
        return (*asking, self.redirect) if self.redirect and not self.all else tuple(asking)
