"""Everything that is wrong with a domain's SPF, the worst first."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from mailwright.auth import SpfOutcome, SpfSurvey, survey_spf
from mailwright.dns import Asking, Failed, together
from mailwright.domains.spf.facts import SpfFacts, look_at
from mailwright.domains.spf.faults import fault_findings
from mailwright.domains.spf.ours import ours_findings
from mailwright.domains.spf.own_terms import own_findings
from mailwright.domains.spf.place import place_findings
from mailwright.domains.spf.tree_terms import tree_findings
from mailwright.values import Domain, Finding, Level
from mailwright.values.finding import error, warning

_HARM = {Level.ERROR: 0, Level.WARNING: 1, Level.NOTE: 2}


@dataclass(frozen=True, slots=True)
class SpfSetting:
    """What is known of a domain besides its DNS.

    `ours` is the name whose SPF record lists our servers, canonical, "" where there is none. `return_path` is the sub-domain
    that is in the envelope, `helo` the name by which the sending server greets; None where the question does not arise.
    `signs`: its mail is signed by DKIM; None where nobody knows.
    """

    ours: str = ""
    return_path: Domain | None = None
    helo: Domain | None = None
    signs: bool | None = None


@dataclass(frozen=True, slots=True)
class SpfReview:
    """What was found at the domain, and what is wrong with it."""

    facts: SpfFacts
    findings: tuple[Finding, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing breaks mail."""
        return not any(finding.level is Level.ERROR for finding in self.findings)

    @property
    def is_known(self) -> bool:
        """Whether the DNS answered all that decides."""
        return not any(finding.code == "spf-no-answer" for finding in self.findings)


def review_spf(domain: Domain, setting: SpfSetting | None = None) -> Asking[SpfReview]:
    """Ask for all that concerns the SPF of a domain, and judge it. Never raises."""
    setting = setting or SpfSetting()
    others = [name for name in (setting.return_path, setting.helo) if name]
    facts, surveys = yield from together(look_at(domain), together(*[survey_spf(name.name) for name in others]))
    beside = dict(zip(others, surveys, strict=True))
    return SpfReview(facts, by_harm([*judged(facts, setting), *_names_beside(setting, beside)]))


def judged(facts: SpfFacts, setting: SpfSetting) -> Iterator[Finding]:
    """What is wrong at the domain itself and below."""
    yield from _whole(facts)
    if facts.is_huge:
        yield from place_findings(facts)
        return
    yield from fault_findings(facts)
    if setting.ours:
        yield from ours_findings(facts, setting.ours)
    yield from place_findings(facts)
    yield from tree_findings(facts)
    yield from own_findings(facts, signs=setting.signs)


def by_harm(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors first, then warnings, then notes; each finding once."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda finding: _HARM[finding.level]))


def _whole(facts: SpfFacts) -> Iterator[Finding]:
    """What the survey says of the record as a whole. Faults in the domain's own record are told one by one elsewhere."""
    for finding in facts.survey.findings:
        if (
            finding.code == "spf-syntax"
            and facts.survey.tree.outcome is SpfOutcome.SYNTAX
            and finding == facts.survey.findings[0]
        ):
            continue
        if finding.code == "spf-no-record":
            if not facts.records:  # without SPF bulk mail is refused: no shade of grey
                yield replace(finding, level=Level.ERROR)
            continue
        yield finding
    if len(facts.records) > 1 and facts.survey.tree.outcome is not SpfOutcome.SEVERAL:
        yield error(
            "spf-several-records",
            f"{facts.domain} has more than one TXT record that is meant as an SPF record.",
            why="As soon as both can be read, receivers treat both as wrong.",
            do=f"The owner of {facts.domain} must merge them into one record and remove the others.",
            evidence=facts.evidence,
            reference="RFC 7208 §4.5",
        )


def _names_beside(setting: SpfSetting, surveys: dict[Domain, SpfSurvey]) -> Iterator[Finding]:
    """SPF judges the return path and the HELO name, each by the record at that very name; silence is not "missing"."""
    for survey in surveys.values():
        yield from [finding for finding in survey.findings if finding.code == "spf-no-answer"]
    if setting.return_path and _has_none(surveys[setting.return_path]):
        name = setting.return_path
        yield warning(
            "spf-return-path-missing",
            f"{name}, the domain of the return path, has no SPF record.",
            why="Receivers ask for the record of exactly that name; the record of the domain above does not hold for it.",
            do=f"Publish the return path's CNAME, or a TXT record at {name}.",
            evidence=(f"{name} TXT: no SPF record",),
            reference="RFC 7208 §2.4, §4.3",
        )
    if setting.helo and _has_none(surveys[setting.helo]):
        name = setting.helo
        yield warning(
            "spf-helo-missing",
            f"{name}, the name by which the server greets, has no SPF record.",
            why="Reports of failed deliveries have no sender, so receivers judge them by the HELO name.",
            do=f"Publish {name} TXT: v=spf1 a -all",
            evidence=(f"{name} TXT: no SPF record",),
            reference="RFC 7208 §2.3, §2.4",
        )


def _has_none(survey: SpfSurvey) -> bool:
    return survey.tree.outcome in (SpfOutcome.NO_RECORD, SpfOutcome.NO_DOMAIN) and not isinstance(survey.tree.answer, Failed)
