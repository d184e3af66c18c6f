"""What became of a chain, and what its servers say."""

from dataclasses import dataclass
from enum import StrEnum

from mailwright.auth.arc.words import explained
from mailwright.auth.results.model import AuthResults
from mailwright.auth.results.read import read_results
from mailwright.values import Finding, Malformed

MAX_SHOWN = 3  # results of one server that are told
_SHOWN = ("spf", "dkim", "dmarc", "arc")


class ArcResult(StrEnum):
    """Chain Validation Status (RFC 8617 §4.4)."""

    NONE = "none"
    PASS = "pass"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class ArcInstance:
    """One set of the chain, as a server added it; its texts may come from anybody: escape them wherever they are shown."""

    number: int
    cv: str  # the state of the chain when the mail came there: none, pass or fail
    domain: str  # d= of the seal
    selector: str  # s= of the seal
    signature_domain: str  # d= of the message signature
    results: str  # what the server found out: the value of ARC-Authentication-Results without i=

    @property
    def told(self) -> AuthResults | None:
        """The results, read; None where they cannot be, which harms no chain (RFC 8617 §3.4)."""
        try:
            return read_results(self.results)
        except Malformed:
            return None

    def __str__(self) -> str:
        told = self.told
        return f"{self.number}: sealed by {self.domain}, who says {_said(told) if told else 'nothing that can be read'}"


@dataclass(frozen=True, slots=True)
class ArcVerdict:
    """The state of the chain. `instances` are its sets, oldest first, as far as they could be read.

    `oldest_pass` is the oldest set whose message signature still holds, 0 where all of them do: nobody changed the mail
    since it was first sealed (RFC 8617 §5.2 step 5); None unless the result is pass. `covers_all` is False where the newest
    message signature leaves a part of the body, or From, unsigned: do not trust a forwarder's word then. `at` is the set
    and `field` the name of the field where the chain broke.
    """

    result: ArcResult
    code: str  # of the reason
    instances: tuple[ArcInstance, ...] = ()
    oldest_pass: int | None = None
    covers_all: bool = True
    at: int = 0
    field: str = ""
    seen: str = ""
    cause: str = ""  # of a signature or key that does not count, in words

    @property
    def sealers(self) -> tuple[str, ...]:
        """The domains that sealed, oldest first."""
        return tuple([instance.domain for instance in self.instances])

    @property
    def unanswered(self) -> bool:
        """Whether it failed only since the DNS did not answer (RFC 8617 §5.2.1: that is a failure too)."""
        return self.code == "arc-key-unanswered"

    @property
    def reason(self) -> Finding:
        """Why it is so, in plain words; made when somebody asks."""
        evidence = [self.cause] if self.cause else []
        evidence += map(str, self.instances)
        seen = self.seen
        if self.result is ArcResult.PASS:
            evidence.append(self._changes())
            seen = ", then ".join(self.sealers)
        return explained(self.code, seen=seen, field=self.field, at=self.at, sealer=self._sealer(), evidence=tuple(evidence))

    def _sealer(self) -> str:
        return next((instance.domain for instance in self.instances if instance.number == self.at), "")

    def _changes(self) -> str:
        if not self.covers_all:
            return "The newest message signature does not cover the whole mail: what is not covered, anybody may have added."
        if not self.oldest_pass:
            return "The mail is as it was when it was first sealed."
        return f"The mail was changed before set {self.oldest_pass} was added, and not since."


def _said(told: AuthResults) -> str:
    shown = [result for method in _SHOWN for result in told.of(method)[:MAX_SHOWN]]
    return ", ".join(f"{result.method}={result.result}" for result in shown) or "nothing was checked"
