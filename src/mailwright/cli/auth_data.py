"""What `mailwright auth --json` prints: names and shapes that stay."""

from collections.abc import Iterable
from typing import Any

from mailwright.auth import ArcVerdict, Authenticated, DkimVerdict, DmarcVerdict, SpfSurvey, SpfVerdict, SpfVisit
from mailwright.auth.dkim.published import PublishedReport
from mailwright.auth.spf.survey import lookups_of
from mailwright.values import Finding

Data = dict[str, Any]


def message_data(found: Authenticated, *, source: str, notes: tuple[str, ...]) -> Data:
    """The whole verdict on a mail."""
    return {
        "result": found.dmarc.result.value,
        "dmarc": dmarc_data(found.dmarc),
        "spf": spf_data(found.spf),
        "dkim": [dkim_data(one) for one in found.dkim],
        "arc": arc_data(found.arc),
        "header": found.header,
        "findings": [finding_data(one) for one in found.findings],
        "dns": source,
        "evidence": list(found.evidence),
        "notes": list(notes),
    }


def dmarc_data(verdict: DmarcVerdict) -> Data:
    """DMARC."""
    return {
        "result": verdict.result.value,
        "author": verdict.author,
        "organizational": verdict.organizational,
        "domain": verdict.domain,
        "record": verdict.record,
        "policy": verdict.policy,
        "testing": verdict.testing,
        "aligned": list(verdict.aligned),
        "reason": finding_data(verdict.reason),
    }


def spf_data(verdict: SpfVerdict) -> Data:
    """SPF; `tree` is the records as they were evaluated."""
    return {
        "result": verdict.result.value,
        "domain": verdict.domain,
        "identity": verdict.identity,
        "sender": verdict.sender,
        "ip": verdict.ip,
        "helo": verdict.helo,
        "term": verdict.term,
        "path": list(verdict.path),
        "lookups": verdict.lookups,
        "void_lookups": verdict.void_lookups,
        "explanation": verdict.explanation,
        "tree": visit_data(verdict.tree),
        "reason": finding_data(verdict.reason),
    }


def visit_data(visit: SpfVisit) -> Data:
    """One SPF record, and those it led to."""
    return {
        "domain": visit.domain,
        "via": visit.via.text if visit.via else "",
        "record": visit.record.text if visit.record else None,
        "result": visit.result.value,
        "outcome": visit.outcome.value,
        "term": visit.term.text if visit.term else "",
        "inner": [visit_data(below) for below in visit.inner],
    }


def dkim_data(verdict: DkimVerdict) -> Data:
    """One signature."""
    return {
        "result": verdict.result.value,
        "domain": verdict.domain,
        "selector": verdict.selector,
        "identity": verdict.identity,
        "algorithm": verdict.algorithm,
        "key_bits": verdict.key_bits,
        "testing": verdict.testing,
        "covers_all": verdict.covers_all,
        "aligns": verdict.aligns,
        "reason": finding_data(verdict.reason),
    }


def arc_data(verdict: ArcVerdict) -> Data:
    """The ARC chain, oldest set first."""
    return {
        "result": verdict.result.value,
        "sealers": list(verdict.sealers),
        "oldest_pass": verdict.oldest_pass,
        "reason": finding_data(verdict.reason),
    }


def survey_data(survey: SpfSurvey) -> Data:
    """All records that an SPF record leads to."""
    return {
        "domain": survey.tree.domain,
        "lookups": survey.lookups,
        "void_lookups": {"ipv4": survey.voids4, "ipv6": survey.voids6},
        "complete": survey.complete,
        "tree": _branch_data(survey.tree),
        "findings": [finding_data(one) for one in survey.findings],
    }


def record_data(verdict: DmarcVerdict, faults: Iterable[Finding]) -> Data:
    """The DMARC record that holds for a domain; `result` is that of a mail for which nothing passed."""
    data = dmarc_data(verdict)
    found = list(faults) if verdict.record else [verdict.reason]
    return {**{name: data[name] for name in _OF_A_RECORD}, "findings": [finding_data(one) for one in found]}


def key_data(report: PublishedReport) -> Data:
    """A published DKIM key."""
    key = report.key
    return {
        "domain": report.domain,
        "selector": report.selector,
        "records": list(report.texts),
        "key_type": key.record.key_type if key else "",
        "key_bits": key.bits if key else 0,
        "testing": key.testing if key else False,
        "findings": [finding_data(report.reason)] if report.reason else [],
    }


_OF_A_RECORD = ("author", "organizational", "domain", "record", "policy", "testing")


def _branch_data(visit: SpfVisit) -> Data:
    return {
        "domain": visit.domain,
        "via": visit.via.text if visit.via else "",
        "record": visit.record.text if visit.record else None,
        "outcome": visit.outcome.value,
        "lookups": lookups_of(visit),
        "inner": [_branch_data(below) for below in visit.inner],
    }


def finding_data(finding: Finding) -> Data:
    """A finding, as everywhere."""
    return {
        "code": finding.code,
        "level": finding.level.value,
        "what": finding.what,
        "why": finding.why,
        "do": finding.do,
        "evidence": list(finding.evidence),
        "reference": finding.reference,
    }
