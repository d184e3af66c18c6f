"""The records of a check as they were evaluated, and how each ended."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from mailwright.auth.spf.record import SpfRecord, SpfResult, SpfTerm
from mailwright.dns import Answer


class SpfOutcome(StrEnum):
    """How the evaluation of one record ended."""

    MATCH = "match"  # a term matched; its qualifier is the result, RFC 7208 §4.6.2
    DEFAULT = "default"  # no term matched, §4.7
    ONWARD = "onward"  # the record of an include or redirect decided
    NO_RECORD = "no-record"  # §4.5
    NO_DOMAIN = "no-domain"  # the domain is malformed, or a single label, §4.3
    NO_ANSWER = "no-answer"  # the DNS did not answer, §4.4, §5
    SEVERAL = "several"  # two records at one name, §4.5
    SYNTAX = "syntax"  # §4.6
    LOOKUPS = "lookups"  # more than 10 terms that ask, §4.6.4
    VOIDS = "voids"  # more than 2 lookups without an answer, §4.6.4
    HOSTS = "hosts"  # more than 10 MX records, §4.6.4
    INCLUDED_NONE = "included-none"  # an include without a record, §5.2
    REDIRECTED_NONE = "redirected-none"  # a redirect without a record, §6.1
    BAD_ADDRESS = "bad-address"  # the caller gave no IP address, §8.7


_RESULTS = {
    SpfOutcome.DEFAULT: SpfResult.NEUTRAL,
    SpfOutcome.NO_RECORD: SpfResult.NONE,
    SpfOutcome.NO_DOMAIN: SpfResult.NONE,
    SpfOutcome.NO_ANSWER: SpfResult.TEMPERROR,
}  # all others are a permerror


@dataclass(slots=True)
class SpfVisit:
    """One record as it was evaluated: terms before `term` did not match, those after it were not reached.

    `via` is the include or redirect that led here, `inner` are the records it led to in turn, in order; `onward` is the one
    of them that decided. `answer` is what the DNS said; `record` is None where it has no record.
    """

    domain: str
    via: SpfTerm | None = None
    result: SpfResult = SpfResult.NONE
    outcome: SpfOutcome = SpfOutcome.NO_RECORD
    record: SpfRecord | None = None
    answer: Answer | None = None
    term: SpfTerm | None = None
    inner: tuple["SpfVisit", ...] = ()
    onward: "SpfVisit | None" = None

    def end(self, outcome: SpfOutcome, term: SpfTerm | None = None) -> None:
        """Evaluation ends here, with the term that decided."""
        self.outcome, self.term = outcome, term
        if outcome is SpfOutcome.MATCH and term:
            self.result = term.result
        elif outcome is SpfOutcome.ONWARD and self.onward:
            self.result = self.onward.result
        else:
            self.result = _RESULTS.get(outcome, SpfResult.PERMERROR)

    def way(self) -> Iterator["SpfVisit"]:
        """From here to the visit that decided."""
        visit: SpfVisit | None = self
        while visit:
            yield visit
            visit = visit.onward

    @property
    def decided(self) -> "SpfVisit":
        """The visit that decided."""
        visit = self
        while visit.onward:
            visit = visit.onward
        return visit
