"""What goes along with one check: its arguments, what the DNS said so far, what was used of the limits."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mailwright.auth.spf.macros import MacroText
from mailwright.auth.spf.network import BITS4, Client
from mailwright.auth.spf.visit import SpfOutcome, SpfVisit
from mailwright.dns import Answer, Asking, Question, RecordType

MAX_LOOKUPS = 10  # terms that ask, over all records of a check, RFC 7208 §4.6.4
MAX_VOIDS = 2  # terms that were told that there is nothing, RFC 7208 §4.6.4
MAX_HOSTS = 10  # MX records of a term, and PTR records, RFC 7208 §4.6.4
UNKNOWN = "unknown"  # %{p} without a validated name, %{r} without a host name: RFC 7208 §7.3


@dataclass(slots=True)
class Check:
    """One check (RFC 7208 §4.1). The limits count what evaluation comes to, in its order, not what was asked for ahead of it."""

    client: Client
    local: str
    origin: str  # the domain of the sender as it came, %{o}
    domain: str  # the same, canonical
    helo: str
    receiver: str
    now: int
    known: dict[Question, Answer] = field(default_factory=dict)
    lookups: int = 0
    voids: int = 0
    void_counted: bool = False  # a term counts once: "limit the number of terms", RFC 7208 §4.6.4
    reverse_counted: bool = False  # the PTR records that %{p} needs are asked for once

    @property
    def address_type(self) -> RecordType:
        """The records that can have the client's address (RFC 7208 §5)."""
        return "A" if self.client.bits == BITS4 else "AAAA"

    def can_match(self, macros: MacroText) -> bool:
        """ "Terms that include %{s} or %{l} do not match anything" where the local part is not ASCII (RFC 8616 §4)."""
        return self.local.isascii() or macros.letters.isdisjoint("sl")

    def void(self) -> None:
        """The term at hand was told that there is nothing."""
        if not self.void_counted:
            self.void_counted = True
            self.voids += 1

    def over(self) -> SpfOutcome | None:
        """The limit that was passed, if any."""
        if self.lookups > MAX_LOOKUPS:
            return SpfOutcome.LOOKUPS
        return SpfOutcome.VOIDS if self.voids > MAX_VOIDS else None

    def answers(self, questions: Sequence[Question], visit: SpfVisit | None = None) -> Asking[list[Answer]]:
        """The answers; what is not known yet is asked at once. With one question may go others of the record of `visit`."""
        known = self.known
        if any(question not in known for question in questions):
            wanted = [question for question in dict.fromkeys(questions) if question not in known]
            if visit:
                wanted = self.with_ahead(wanted[0], visit)
            known.update(zip(wanted, (yield tuple(wanted)), strict=True))
        return [known[question] for question in questions]

    def with_ahead(self, question: Question, visit: SpfVisit) -> list[Question]:
        """A question, and those that evaluation would come to later in the same record.

        No more than ten in sum, as many as evaluation alone may ask. Their answers count only where it does come to them.
        """
        wanted = [question]
        if record := visit.record:
            known, room = self.known, MAX_LOOKUPS - len(self.known)
            for one in record.ahead4 if self.client.bits == BITS4 else record.ahead6:
                if len(wanted) >= room:
                    break
                if not one.name:
                    one = Question(visit.domain, one.type)
                if one not in known and one not in wanted:
                    wanted.append(one)
        return wanted

    def values(self, domain: str) -> dict[str, str]:
        """What the macros stand for where `domain` is evaluated (RFC 7208 §7.2); %{p} is "unknown" until it was asked for."""
        client = self.client
        return {
            "s": f"{self.local}@{self.origin}",
            "l": self.local,
            "o": self.origin,
            "d": self.origin if domain == self.domain else domain,  # as the sender spells it
            "i": client.dotted,
            "p": UNKNOWN,
            "v": "in-addr" if client.bits == BITS4 else "ip6",
            "h": self.helo,
            "c": client.text,
            "r": self.receiver,
            "t": str(self.now),
        }
