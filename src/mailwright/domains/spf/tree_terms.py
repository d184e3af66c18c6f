"""What is wrong further down: loops, hosts that are gone, mail servers that only receive."""

from collections.abc import Iterator

from mailwright.auth import SpfKind, SpfOutcome, SpfResult, SpfSurvey, SpfUse, SpfVisit
from mailwright.auth.spf.state import MAX_VOIDS
from mailwright.auth.spf.survey import lookups_of
from mailwright.dns import Found, Question
from mailwright.domains.spf.costs import MAX_COSTED
from mailwright.domains.spf.facts import SpfFacts, shown
from mailwright.values import Finding
from mailwright.values.finding import error, note, warning

# Mail servers that receive and never send, by the end of their names; both send from other networks, which these name:
# https://support.google.com/a/answer/60764 and https://learn.microsoft.com/microsoft-365/enterprise/external-domain-name-system-records
RECEIVE_ONLY = {
    ".google.com": "include:_spf.google.com",
    ".googlemail.com": "include:_spf.google.com",
    ".mail.protection.outlook.com": "include:spf.protection.outlook.com",
}


def tree_findings(facts: SpfFacts) -> Iterator[Finding]:
    """What the survey found on the way, other than what makes the record wrong as a whole."""
    survey = facts.survey
    yield from loops(survey)
    if max(survey.voids4, survey.voids6) <= MAX_VOIDS:  # else they are told with the limit
        yield from _gone(survey)
    yield from _receiving(survey)
    yield from _nested(survey)


def loops(survey: SpfSurvey) -> Iterator[Finding]:
    """Records that lead back to themselves."""
    for visit in _visits(survey.tree):
        if visit.via and visit.outcome is SpfOutcome.LOOKUPS and visit.record is None:
            yield error(
                "spf-loop",
                f"The SPF records of {survey.tree.domain} go round in a circle: {shown(visit.via.text)} leads back to it.",
                why="Receivers go round until the limit of 10 lookups, and then take the whole record as wrong for all whom "
                "no term before that place matched.",
                do=f"The owner of the record with {shown(visit.via.text)} must take it out.",
                evidence=(shown(visit.via.text),),
                reference="RFC 7208 §4.6.4",
            )


def _gone(survey: SpfSurvey) -> Iterator[Finding]:
    """Names that nothing stands behind: each costs one of the two void lookups that are allowed."""
    told = set()
    for use in survey.uses:
        nothing = use.void4 and (use.void6 or use.term.kind is not SpfKind.A)
        if nothing and use.term.kind in (SpfKind.A, SpfKind.MX, SpfKind.EXISTS) and (use.visit.domain, use.term.text) not in told:
            told.add((use.visit.domain, use.term.text))
            what = "mail server" if use.term.kind is SpfKind.MX else "address"
            yield warning(
                "spf-host-missing",
                f"{use.term.text} in the SPF record of {use.visit.domain} leads to no {what}.",
                why="It lets nobody pass, and costs a void lookup: at the third, receivers take the whole record as wrong.",
                do=f"The owner of {use.visit.domain} must correct {use.term.text}, or take it out.",
                evidence=(f"{use.target}: nothing found",),
                reference="RFC 7208 §4.6.4, §5.3, §5.4",
            )


def _receiving(survey: SpfSurvey) -> Iterator[Finding]:
    """An mx of the domain's own record, where its mail servers are known only to receive."""
    for use in survey.uses:
        if use.term.kind is not SpfKind.MX or use.visit is not survey.tree:
            continue
        hosts = _hosts(survey, use)
        known = [next((named for end, named in RECEIVE_ONLY.items() if host.endswith(end)), "") for host in hosts]
        if hosts and all(known):
            yield warning(
                "spf-mx-never-sends",
                f"{use.term.text} in the SPF record of {use.visit.domain} lists mail servers that receive and never send.",
                why="It lets nobody pass who sends for you, and costs a lookup. The service sends from other servers.",
                do=f"Take {use.term.text} out; for mail that leaves by that service, {known[0]} is needed.",
                evidence=tuple([f"{use.target} MX {host}" for host in hosts]),
                reference="RFC 7208 §5.4",
            )


def _nested(survey: SpfSurvey) -> Iterator[Finding]:
    """Includes of the domain's own record that another of its terms leads to as well: paid for twice."""
    inner = survey.tree.inner[:MAX_COSTED]
    for child in inner:
        others = [other for other in inner if other is not child and other.domain != child.domain]
        around = next((other for other in others if _hands_on(other, child.domain)), None)
        if child.via and around and around.via and child.via.kind is SpfKind.INCLUDE:
            cost = 1 + lookups_of(child)
            yield note(
                "spf-include-nested",
                f"{child.via.text} in the SPF record of {survey.tree.domain} is reached through {around.via.text} as well.",
                why=f"Its lookups ({cost} of 10) are paid for twice. That the other service includes it today does not mean that "
                "it will tomorrow.",
                do="Leave it, unless the lookups are needed; nothing is taken out by itself.",
                evidence=(f"{around.domain} leads to {child.domain}",),
                reference="RFC 7208 §4.6.4, §5.2",
            )


def _hands_on(visit: SpfVisit, name: str) -> bool:
    """Whether the record of that name is reached below, over terms that hand a pass on."""
    if not _is_plus(visit):
        return False
    return any((child.domain == name and _is_plus(child)) or _hands_on(child, name) for child in visit.inner)


def _is_plus(visit: SpfVisit) -> bool:
    return visit.via is not None and visit.via.result in (SpfResult.PASS, SpfResult.NONE)  # a redirect has no qualifier


def _hosts(survey: SpfSurvey, use: SpfUse) -> list[str]:
    answer = survey.answer(Question(use.target, "MX"))
    return [mx.host for mx in answer.exchangers] if isinstance(answer, Found) else []


def _visits(visit: SpfVisit) -> Iterator[SpfVisit]:
    yield visit
    for child in visit.inner:
        yield from _visits(child)
