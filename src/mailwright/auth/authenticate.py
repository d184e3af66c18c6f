"""All that a receiver can check of who sent a mail, in one asking: SPF, DKIM and ARC side by side, then DMARC."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from mailwright.auth.arc.verdict import ArcVerdict
from mailwright.auth.arc.verify import verify_chain
from mailwright.auth.dkim.bodies import BodyHash, asked_forms, hash_forms
from mailwright.auth.dkim.canonical import CRLF, Form, Raw
from mailwright.auth.dkim.forms import BodyForm
from mailwright.auth.dkim.head import SignedHead, open_mail
from mailwright.auth.dkim.verdict import DkimResult, DkimVerdict
from mailwright.auth.dkim.verify import verify_signatures
from mailwright.auth.dmarc.evaluate import judge_dmarc
from mailwright.auth.dmarc.verdict import DmarcResult, DmarcVerdict
from mailwright.auth.dmarc.walk import steps
from mailwright.auth.results.told import told_field
from mailwright.auth.spf.check import check_spf
from mailwright.auth.spf.record import SpfResult
from mailwright.auth.spf.state import UNKNOWN
from mailwright.auth.spf.verdict import SpfVerdict
from mailwright.dns import Answer, Asking, Question, Recorder, together
from mailwright.message.author import author_domain
from mailwright.message.headers import Field
from mailwright.values import Domain, Finding, Level

_SIGNATURES = (b"dkim-signature", b"arc-message-signature")  # a mail without them need not be hashed
_RANK = {Level.ERROR: 0, Level.WARNING: 1, Level.NOTE: 2}


@dataclass(frozen=True, slots=True)
class Authenticated:
    """What is known of who sent a mail. `header` is a whole Authentication-Results field with its CRLF (RFC 8601)."""

    spf: SpfVerdict
    dkim: tuple[DkimVerdict, ...]  # one a signature, from the top; () where there is none
    dmarc: DmarcVerdict
    arc: ArcVerdict
    header: str
    asked: Recorder = field(repr=False, compare=False)  # every question with its answer

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The reasons of all verdicts, what harms this mail most first. Made when they are asked for.

        DMARC decides: once it passes, what else failed breaks nothing, and is told as a warning.
        """
        return tuple(sorted(self._reasons(), key=lambda found: _RANK[found.level]))

    @property
    def evidence(self) -> tuple[str, ...]:
        """What was asked and answered, one line each, in the order of asking."""
        return self.asked.evidence()

    def _reasons(self) -> Iterator[Finding]:
        passed = self.dmarc.result is DmarcResult.PASS
        yield self.dmarc.reason
        others = [self.spf.reason, *[one.reason for one in self.dkim], *([self.arc.reason] if self.arc.instances else [])]
        for reason in others:
            yield replace(reason, level=Level.WARNING) if passed and reason.level is Level.ERROR else reason


def authenticate(
    raw: Raw,
    *,
    ip: str,
    helo: str,
    mail_from: str,
    now: float | None = None,
    hashes: Mapping[BodyForm, BodyHash] | None = None,
    authserv_id: str = "localhost",
) -> Asking[Authenticated]:
    """Judge a mail as it came in: from `ip`, which said `helo` and gave `mail_from` ("" for the null sender).

    `raw` has CRLF line ends. `now` is in seconds since 1970; without it no times are checked. `hashes` is what
    `hash_bodies(raw)` gave elsewhere, as in a thread. `authserv_id` names us in the header (RFC 8601 §2.5). Never raises,
    whatever the arguments are.
    """
    asked = Recorder()
    return (yield from asked.watch(_judged(asked, raw, ip, helo, mail_from, now, hashes, authserv_id)))


def _judged(
    asked: Recorder,
    raw: Raw,
    ip: str,
    helo: str,
    mail_from: str,
    now: float | None,
    hashes: Mapping[BodyForm, BodyHash] | None,
    authserv_id: str,
) -> Asking[Authenticated]:
    head, body = open_mail(raw)
    if hashes is None:
        hashes = hash_forms(body, asked_forms(head)) if any(map(head.count, _SIGNATURES)) else {}
    author = author_domain(_from_fields(head))
    receiver = authserv_id if "." in authserv_id else UNKNOWN  # %{r} is a host name or "unknown", RFC 7208 §7.3
    spf, dkim, arc, ahead = yield from together(
        check_spf(ip=ip, helo=helo, mail_from=mail_from, receiver=receiver, now=now),
        verify_signatures(head, now=now, hashes=hashes),
        verify_chain(head, now=now, hashes=hashes),
        _ahead(author),
    )
    dmarc = yield from judge_dmarc(
        author,
        spf_domain=spf.domain if spf.result is SpfResult.PASS else None,
        dkim_domains=[one.domain for one in dkim if one.aligns],
        undecided=_undecided(spf, dkim),
        known=ahead,
    )
    header = told_field(authserv_id, spf=spf, dkim=dkim, dmarc=dmarc, arc=arc, mail_from=mail_from)
    return Authenticated(spf, dkim, dmarc, arc, header, asked)


def _from_fields(head: SignedHead) -> list[Field]:
    """The From fields as the signatures see them, unfolded: one reading of the header for all verdicts."""
    found = head.fields(Form.RELAXED).get(b"from", ())
    return [Field(b"from", field + CRLF) for field in found]


def _ahead(author: Domain | Finding) -> Asking[dict[Question, Answer]]:
    """Ask for the author's DMARC records while others ask for theirs: they hang on nothing else."""
    if isinstance(author, Finding):
        return {}
    questions = steps(author.name)
    return dict(zip(questions, (yield questions), strict=True))


def _undecided(spf: SpfVerdict, dkim: tuple[DkimVerdict, ...]) -> list[str]:
    """The identifiers for which nobody answered: they might have passed (RFC 9989 §5.3.6)."""
    found = [f"dkim={one.domain}" for one in dkim if one.result is DkimResult.TEMPERROR]
    return [*found, f"spf={spf.domain}"] if spf.result is SpfResult.TEMPERROR else found
