"""Which term of a record costs what, and how a record that is over a limit gets under it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from mailwright.auth import SpfKind, SpfOutcome, SpfResult, SpfSurvey, SpfTerm, SpfVisit
from mailwright.auth.spf.state import MAX_LOOKUPS, MAX_VOIDS
from mailwright.auth.spf.survey import lookups_of
from mailwright.domains.spf.networks import Networks
from mailwright.domains.spf.reach import reach_of
from mailwright.values import Finding
from mailwright.values.finding import error

MAX_COSTED = 30  # terms that are told; a record may have 10
LARGE = 10  # networks; so many more terms in a record are past reading, and past its 255 octets


@dataclass(frozen=True, slots=True)
class TermCost:
    """A term that asks, with all that is below it. `four` and `six` are the senders that it lets pass, as far as can be known."""

    term: SpfTerm
    lookups: int
    voids: int
    four: Networks
    six: Networks

    @property
    def networks(self) -> tuple[str, ...]:
        """The terms that would stand for it today if it were written out ("flattened")."""
        return (*[f"ip4:{one}" for one in self.four.texts], *[f"ip6:{one}" for one in self.six.texts])

    @property
    def words(self) -> str:
        """One line for people."""
        costs = f"{self.term.text} costs {self.lookups} lookup{'' if self.lookups == 1 else 's'}"
        void = f", {self.voids} of which find nothing" if self.voids else ""
        return f"{costs}{void}; it stands for {len(self.networks)} networks today"


def costs_of(survey: SpfSurvey) -> tuple[TermCost, ...]:
    """The terms of the domain's own record that ask, in order."""
    tree = survey.tree
    record = tree.record
    below = {id(child.via): child for child in tree.inner}
    return tuple([_cost(survey, term, below.get(id(term))) for term in (record.asking[:MAX_COSTED] if record else ())])


def over_limit(survey: SpfSurvey) -> Finding | None:
    """Why a record is not handed out that receivers would stop in, and what would help; None where it is within the limits."""
    voids = max(survey.voids4, survey.voids6)
    if survey.lookups <= MAX_LOOKUPS and voids <= MAX_VOIDS:
        return None
    costs = sorted(costs_of(survey), key=lambda cost: -cost.lookups)
    limits = f"{survey.lookups} lookups (10 are allowed)" if survey.lookups > MAX_LOOKUPS else f"{voids} void lookups (2 are)"
    return error(
        "spf-merge-over",
        f"The merged record would need {limits}, so it is not handed out.",
        why="Receivers stop there and take the whole record as wrong: nobody passes who is not listed before that place.",
        do=" ".join(_ways(survey, costs)),
        evidence=tuple([cost.words for cost in costs]),
        reference="RFC 7208 §4.6.4",
    )


def _cost(survey: SpfSurvey, term: SpfTerm, child: SpfVisit | None) -> TermCost:
    visits = {id(visit) for visit in _all_below(child)} if child else set()
    uses = [use for use in survey.uses if (use.term is term and use.visit is survey.tree) or id(use.visit) in visits]
    voids = max(sum([use.void4 for use in uses]), sum([use.void6 for use in uses]))
    four, six = _passing(survey, term, child)
    return TermCost(term, 1 + (lookups_of(child) if child else 0), voids, four, six)


def _passing(survey: SpfSurvey, term: SpfTerm, child: SpfVisit | None) -> tuple[Networks, Networks]:
    """Whom a term stands for: the senders that pass the record below it, or that its addresses are."""
    if child:
        return reach_of(replace(survey, tree=child)).passing
    alone = SpfVisit(survey.tree.domain, outcome=SpfOutcome.DEFAULT)
    record = survey.tree.record
    if record is None or term.kind not in (SpfKind.A, SpfKind.MX):
        return Networks(32), Networks(128)
    passing = replace(term, qualifier="+", result=SpfResult.PASS)
    alone.record = replace(record, steps4=(passing,), steps6=(passing,), redirect=None)
    uses = tuple([replace(use, visit=alone, term=passing) for use in survey.uses if use.term is term])
    return reach_of(replace(survey, tree=alone, uses=uses)).passing


def _all_below(visit: SpfVisit) -> Iterator[SpfVisit]:
    yield visit
    for child in visit.inner:
        yield from _all_below(child)


def _ways(survey: SpfSurvey, costs: list[TermCost]) -> Iterator[str]:
    """What would help, the harmless things first."""
    empty = [cost.term.text for cost in costs if cost.voids]
    if empty:
        yield f"Tick what finds nothing as to be dropped, if nobody needs it: {', '.join(empty)}."
    over = survey.lookups - MAX_LOOKUPS
    if over <= 0:
        return
    alone = [cost.term.text for cost in costs if cost.lookups >= over]
    yield f"It must cost {over} less."
    if alone:
        yield f"One of these would do, if it is no longer used: {', '.join(alone)}."
    led = [cost.term.text for cost in costs if cost.term.kind is SpfKind.INCLUDE and cost.lookups > 1]
    if led:
        yield f"A service that sends under a return path of its own sub-domain needs no place here; ask that of {', '.join(led)}."
    own = [cost for cost in costs if cost.term.kind in (SpfKind.A, SpfKind.MX) and 0 < len(cost.networks) <= LARGE]
    if own:
        written = "; ".join([f"{cost.term.text} is {' '.join(cost.networks)}" for cost in own])
        yield f"Addresses of your own that stay can be written out: {written}."
    yield (
        "Writing the networks of a service out instead of its include is a risk: when it changes them, its mail fails, "
        "and nobody tells you."
    )
