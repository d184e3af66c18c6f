"""Whether our own include does its work in somebody's record."""

from collections.abc import Iterator
from dataclasses import replace

from mailwright.auth import SpfResult, SpfTerm, SpfVisit, read_spf
from mailwright.auth.spf.state import MAX_LOOKUPS
from mailwright.domains.spf.facts import SpfFacts, shown
from mailwright.domains.spf.reach import reach_of
from mailwright.values import Finding
from mailwright.values.finding import error


def ours_findings(facts: SpfFacts, ours: str) -> Iterator[Finding]:
    """`ours` is the name whose record lists our servers, canonical; nothing is said where nobody passes for other reasons."""
    if not facts.is_known:
        return
    found = [read_spf(record.text) for record in facts.records]
    dead = [term for record in found for term in record.terms if term.name == ours and not _is_live(term, record.all)]
    signed = [term for record in found for term in record.terms if term.name == ours and term.result is not SpfResult.PASS]
    ways = list(_ways(facts.survey.tree, ours, ()))
    if not ways and dead:
        yield _unreachable(facts, f"{dead[0].text} stands behind all, where it is never read")
    elif not ways:
        yield _missing(facts, ours)
    elif signed and not any(_passes(way) for way in ways):
        yield _not_passing(facts, signed[0])
    elif not any(_passes(way) for way in ways):
        yield _unreachable(
            facts, f"it is reached by {' > '.join([term.text for term in ways[0]])} only, where a pass is not passed on"
        )
    elif kept_out := _kept_out(facts, ours):
        yield _unreachable(facts, f"terms that stand before it decide about {' '.join(kept_out)}")
    elif all(len(way) > 1 for way in ways) and facts.survey.lookups > MAX_LOOKUPS:
        yield _unreachable(facts, f"it stands in an included record, and the record needs {facts.survey.lookups} lookups of 10")


def _kept_out(facts: SpfFacts, ours: str) -> tuple[str, ...]:
    """Networks of ours that do not pass, in a record that is sound else."""
    child = next((visit for visit in _visits(facts.survey.tree) if visit.domain == ours), None)
    if child is None or facts.survey.findings:
        return ()
    listed, passing = reach_of(replace(facts.survey, tree=child)).passing, reach_of(facts.survey).passing
    return tuple([text for one, other in zip(listed, passing, strict=True) for text in (one - other).texts])[:5]


def _is_live(term: SpfTerm, end: SpfTerm | None) -> bool:
    return end is None or term.position < end.position


def _ways(visit: SpfVisit, ours: str, above: tuple[SpfTerm, ...]) -> Iterator[tuple[SpfTerm, ...]]:
    """The includes and redirects that lead to our record."""
    for child in visit.inner:
        way = (*above, child.via) if child.via else above
        if child.domain == ours:
            yield way
        yield from _ways(child, ours, way)


def _visits(visit: SpfVisit) -> Iterator[SpfVisit]:
    yield visit
    for child in visit.inner:
        yield from _visits(child)


def _passes(way: tuple[SpfTerm, ...]) -> bool:
    """Whether a pass at its end becomes a pass: every include on it has a plus; a redirect hands on what it is told."""
    return all(term.result is SpfResult.PASS or not term.qualifier for term in way)


def _missing(facts: SpfFacts, ours: str) -> Finding:
    return error(
        "spf-ours-missing",
        f"The SPF record of {facts.domain} does not list our servers.",
        why="Mail that we send with this domain in the return path does not pass SPF.",
        do=f"Add include:{ours} before all. The merged record is made for you.",
        evidence=facts.evidence,
        reference="RFC 7208 §5.2",
    )


def _unreachable(facts: SpfFacts, how: str) -> Finding:
    return error(
        "spf-ours-unreachable",
        f"Our servers are in the SPF record of {facts.domain}, but without effect: {how}.",
        why="Mail that we send with this domain in the return path does not pass SPF.",
        do="Put our include into the domain's own record, before all. The merged record is made for you.",
        evidence=facts.evidence,
        reference="RFC 7208 §4.6.4, §5.1, §5.2",
    )


def _not_passing(facts: SpfFacts, term: SpfTerm) -> Finding:
    return error(
        "spf-ours-not-passed",
        f"{shown(term.text)} in the SPF record of {facts.domain} says of our servers that they should not send.",
        why=f"With {term.qualifier} in front, whoever is listed there does not pass.",
        do=f"Take the {term.qualifier} away.",
        evidence=facts.evidence,
        reference="RFC 7208 §4.6.2",
    )
