"""The records of a check as they were evaluated, and how each ended."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from mailwright.auth.spf.record import SpfRecord, SpfResult, SpfTerm
from mailwright.dns import Answer


class SpfOutcome(StrEnum):
    """How the evaluation of one record ended, and with which `result`; a match has that of its qualifier, RFC 7208 §4.6.2."""

    result: SpfResult

    MATCH = "match", SpfResult.PASS
    DEFAULT = "default", SpfResult.NEUTRAL  # no term matched, §4.7
    ONWARD = "onward", SpfResult.PERMERROR  # the record of an include or redirect decided, with its own result, §5.2, §6.1
    NO_RECORD = "no-record", SpfResult.NONE  # §4.5
    NO_DOMAIN = "no-domain", SpfResult.NONE  # the domain is malformed, or a single label, §4.3
    NO_ANSWER = "no-answer", SpfResult.TEMPERROR  # the DNS did not answer, §4.4, §5
    SEVERAL = "several", SpfResult.PERMERROR  # two records at one name, §4.5
    SYNTAX = "syntax", SpfResult.PERMERROR  # §4.6
    LOOKUPS = "lookups", SpfResult.PERMERROR  # more than 10 terms that ask, §4.6.4
    VOIDS = "voids", SpfResult.PERMERROR  # more than 2 terms whose lookup found nothing, §4.6.4
    HOSTS = "hosts", SpfResult.PERMERROR  # more than 10 MX records, §4.6.4
    INCLUDED_NONE = "included-none", SpfResult.PERMERROR  # an include without a record, §5.2
    REDIRECTED_NONE = "redirected-none", SpfResult.PERMERROR  # a redirect without a record, §6.1
    BAD_ADDRESS = "bad-address", SpfResult.PERMERROR  # the caller gave no IP address, §8.7

    def __new__(cls, value: str, result: SpfResult) -> "SpfOutcome":
        """A member is its word, and knows its result."""
        outcome = str.__new__(cls, value)
        outcome._value_ = value
        outcome.result = result
        return outcome


_MATCH = SpfOutcome.MATCH


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
        if term and outcome is _MATCH:
            self.result = term.result
        else:
            self.result = self.onward.result if self.onward else outcome.result

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
