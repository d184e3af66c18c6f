"""What is published as a key, looked at without any mail: may signatures be made for it, and what is wrong with it?"""

from dataclasses import dataclass

from mailwright.auth.dkim.fault import Fault
from mailwright.auth.dkim.keys import Algorithm
from mailwright.auth.dkim.lookup import PublishedKey, admit, key_question, published_key
from mailwright.auth.dkim.words import explained
from mailwright.dns import Answer, Asking, Found, ask
from mailwright.values import Finding


@dataclass(frozen=True, slots=True)
class PublishedReport:
    """The answer, the key in it (None where none can be read), and why receivers would not take it (None: they would)."""

    domain: str
    selector: str
    answer: Answer
    key: PublishedKey | None
    reason: Finding | None

    @property
    def texts(self) -> tuple[str, ...]:
        """The TXT records that were found."""
        return self.answer.texts if isinstance(self.answer, Found) else ()


def survey_key(domain: str, selector: str) -> Asking[PublishedReport]:
    """Look a key up and judge it as verifiers do (RFC 6376 §6.1.2, RFC 8301 §3.2). Both names are A-labels."""
    answer = yield from ask(key_question(domain, selector))
    key = None
    try:
        key = published_key(answer)
        admit(key, Algorithm.RSA if key.record.key_type == "rsa" else Algorithm.ED25519)
    except Fault as fault:
        return PublishedReport(domain, selector, answer, key, explained(fault.code, fault.seen, domain, selector, ()))
    return PublishedReport(domain, selector, answer, key, None)
