"""What became of one signature."""

from dataclasses import dataclass
from enum import StrEnum

from mailwright.auth.dkim.words import WORDS, explained
from mailwright.values import Finding


class DkimResult(StrEnum):
    """The words of RFC 8601 §2.7.1. A verdict is never `none`; callers say so of a mail without signatures."""

    NONE = "none"
    PASS = "pass"
    FAIL = "fail"
    POLICY = "policy"
    NEUTRAL = "neutral"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


RESULTS = {code: DkimResult(words.result) for code, words in WORDS.items()}


@dataclass(frozen=True, slots=True)
class DkimVerdict:
    """One signature with its result; its texts may come from anybody: escape them wherever they are shown.

    `domain` (d=) and `selector` (s=) are lower-case A-labels where the signature could be read, else as written.
    `identity` is i= decoded, `algorithm` a=, `signature` b= without its white space; `key_bits` is 0 where no key was found.
    """

    result: DkimResult
    code: str  # of the reason
    seen: str = ""
    domain: str = ""
    selector: str = ""
    identity: str = ""
    algorithm: str = ""
    key_bits: int = 0
    signature: str = ""
    testing: bool = False  # the key record has t=y: the domain only tries DKIM out (RFC 6376 §3.6.1)
    covers_all: bool = True  # False: l= leaves octets of the body unsigned (RFC 6376 §8.2)

    @property
    def aligns(self) -> bool:
        """Whether it may count for DMARC: it holds, for the whole body; d= of such a verdict is always a host name."""
        return self.result is DkimResult.PASS and self.covers_all

    @property
    def reason(self) -> Finding:
        """Why it is so, in plain words; made when somebody asks."""
        evidence = [f"d={self.domain}; s={self.selector}; a={self.algorithm}"] if self.domain else []
        if self.seen and "{seen}" not in WORDS[self.code].what:
            evidence.append(self.seen)
        if self.key_bits:
            evidence.append(f"The key has {self.key_bits} bits.")
        if self.testing:
            evidence.append("The key record says t=y: the domain only tries DKIM out.")
        return explained(self.code, self.seen, self.domain, self.selector, tuple(evidence))
