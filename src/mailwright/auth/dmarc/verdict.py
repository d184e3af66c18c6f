"""What DMARC says of a mail, with its reason."""

from dataclasses import dataclass
from enum import StrEnum

from mailwright.auth.dmarc import words
from mailwright.values import Finding


class DmarcResult(StrEnum):
    """The words of RFC 9989 §9 (RFC 8601 §2.7)."""

    NONE = "none"
    PASS = "pass"
    FAIL = "fail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


@dataclass(frozen=True, slots=True)
class DmarcVerdict:
    """The result, what the domain's owner asks for, and why.

    `policy` is what applies to this mail after sp=, np= and t= ("none", "quarantine", "reject"; "" where no record applies or
    nobody could find out); it is the owner's wish where `result` is fail. `domain` is where the record was found, `record` its
    text, `organizational` the organizational domain of the author domain. `passed` are the identifiers that SPF and DKIM
    vouch for, such as "dkim=example.com"; `aligned` those of them that count.
    """

    result: DmarcResult
    policy: str = ""
    domain: str = ""
    author: str = ""
    organizational: str = ""
    record: str = ""
    aligned: tuple[str, ...] = ()
    testing: bool = False
    passed: tuple[str, ...] = ()
    trouble: Finding | None = None  # the reason where it is neither pass nor fail

    @property
    def reason(self) -> Finding:
        """Why, and who can do what about it. Made when it is asked for: most verdicts are never shown."""
        if self.trouble is not None:
            return self.trouble
        if self.result is DmarcResult.PASS:
            return words.passed(self.author, self.aligned, self.domain, self.record)
        asks = words.Asks(self.author, self.organizational, self.policy, self.domain, self.record)
        return words.not_aligned(asks, self.passed) if self.passed else words.nothing_passed(asks)
