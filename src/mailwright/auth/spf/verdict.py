"""What an SPF check finds, and how it came about."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from mailwright.auth.spf.record import SpfResult
from mailwright.auth.spf.visit import SpfVisit
from mailwright.auth.spf.words import reason_of
from mailwright.dns import Answer, Question
from mailwright.values import Finding

Identity: TypeAlias = Literal["mailfrom", "helo"]  # RFC 7208 §2.3, §2.4


@dataclass(frozen=True, slots=True)
class SpfVerdict:
    """The result of a check (RFC 7208 §2.6), and how it came about.

    `domain` was checked (canonical), as `identity`; `sender` is the mailbox that was used, such as postmaster@helo for the
    null sender (§2.4). `explanation` is the publisher's text for a fail (§6.2), ASCII, else "". `lookups` are the terms that
    asked, `void_lookups` those of them that found nothing. `answers` is all that the DNS said.
    """

    result: SpfResult
    domain: str
    identity: Identity
    sender: str
    ip: str
    helo: str
    explanation: str
    lookups: int
    void_lookups: int
    tree: SpfVisit
    answers: Mapping[Question, Answer] = field(repr=False)

    @property
    def decided(self) -> SpfVisit:
        """The visit that decided."""
        return self.tree.decided

    @property
    def term(self) -> str:
        """The term that decided, as it is written; "" where none did."""
        term = self.decided.term
        return term.text if term else ""

    @property
    def path(self) -> tuple[str, ...]:
        """The domains of the records from the first to the deciding one."""
        return tuple([visit.domain for visit in self.tree.way()])

    @property
    def reason(self) -> Finding:
        """What happened, what it means and who must act; made when it is asked for."""
        return reason_of(self.tree, ip=self.ip, sender=self.sender, lookups=self.lookups, voids=self.void_lookups)
