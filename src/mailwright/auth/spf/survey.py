"""All that an SPF record leads to, whoever sends: every include and redirect with its record, its lookups, and what is wrong."""

from collections.abc import Iterator
from dataclasses import dataclass

from mailwright.auth.spf.evaluate import selected
from mailwright.auth.spf.record import SpfKind, SpfResult, SpfTerm
from mailwright.auth.spf.state import MAX_LOOKUPS
from mailwright.auth.spf.visit import SpfOutcome, SpfVisit
from mailwright.auth.spf.words import reason_of
from mailwright.dns import Answer, Asking, Question, canonical
from mailwright.values import Finding

MAX_RECORDS = 60  # looked at: six times what receivers read, so that a record that is far over still shows where
_LEADING = (SpfKind.INCLUDE, SpfKind.REDIRECT)


@dataclass(frozen=True, slots=True)
class SpfSurvey:
    """The tree of records. `complete` is False where it has more than MAX_RECORDS, which nobody reads to the end."""

    tree: SpfVisit
    complete: bool = True

    @property
    def lookups(self) -> int:
        """What a sender costs whom no term matches before the last (RFC 7208 §4.6.4)."""
        return lookups_of(self.tree)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What makes receivers treat the record as wrong, or as none; from the top of the tree."""
        found = list(dict.fromkeys(_faults(self.tree)))
        if self.lookups > MAX_LOOKUPS:
            over = SpfVisit(self.tree.domain, record=self.tree.record)
            over.end(SpfOutcome.LOOKUPS)
            found.insert(0, _told(over, self.lookups))
        return tuple(found)


def survey_spf(domain: str) -> Asking[SpfSurvey]:
    """Read the record of a domain and all records that it leads to, a level of the tree in one round.

    A target made of macros depends on the mail: it is counted, and not followed.
    """
    tree = SpfVisit(canonical(domain))
    level: list[tuple[SpfVisit, frozenset[str]]] = [(tree, frozenset())]
    room = MAX_RECORDS
    while level:
        asked, room = level[:room], room - len(level)
        answers = yield tuple([Question(visit.domain, "TXT") for visit, _ in asked])
        if room < 0:
            _open_all(asked, answers)
            return SpfSurvey(tree, complete=False)
        level = _open_all(asked, answers)
    return SpfSurvey(tree)


def lookups_of(visit: SpfVisit) -> int:
    """The lookups of a record and of those below it."""
    own = len(visit.record.asking) if visit.record and not visit.record.faults else 0
    return own + sum(map(lookups_of, visit.inner))


def _open_all(asked: list[tuple[SpfVisit, frozenset[str]]], answers: tuple[Answer, ...]) -> list[tuple[SpfVisit, frozenset[str]]]:
    """Write the answers into the visits; those to go on with, each with the names above it."""
    onward = []
    for (visit, above), answer in zip(asked, answers, strict=True):
        for child in _children(visit, answer):
            visit.inner += (child,)
            if child.domain == visit.domain or child.domain in above:
                child.end(SpfOutcome.LOOKUPS)  # it goes round until the limit ends it
            else:
                onward.append((child, above | {visit.domain}))
    return onward


def _children(visit: SpfVisit, answer: Answer) -> list[SpfVisit]:
    visit.answer = answer
    record = selected(answer)
    if isinstance(record, SpfOutcome):
        visit.end(record)
        return []
    visit.record = record
    visit.end(SpfOutcome.SYNTAX if record.faults else SpfOutcome.DEFAULT)
    followed = () if record.faults else record.asking
    return [SpfVisit(term.name, term) for term in followed if term.kind in _LEADING and "." in term.name]


def _faults(visit: SpfVisit) -> Iterator[Finding]:
    if visit.outcome is SpfOutcome.NO_RECORD and visit.via is not None:
        return  # told of the record that leads here
    if visit.result in (SpfResult.NONE, SpfResult.TEMPERROR) or (visit.result is SpfResult.PERMERROR and visit.answer):
        yield _told(visit, 0)
    for child in visit.inner:
        if child.outcome is SpfOutcome.NO_RECORD and child.via is not None:
            yield _told(_broken(visit, child.via), 0)
        yield from _faults(child)


def _broken(visit: SpfVisit, term: SpfTerm) -> SpfVisit:
    """The visit as evaluation would end it at a target without a record (RFC 7208 §5.2, §6.1)."""
    ended = SpfVisit(visit.domain, visit.via, record=visit.record, answer=visit.answer)
    ended.end(SpfOutcome.REDIRECTED_NONE if term.kind is SpfKind.REDIRECT else SpfOutcome.INCLUDED_NONE, term)
    return ended


def _told(visit: SpfVisit, lookups: int) -> Finding:
    return reason_of(visit, ip="", sender=visit.domain, lookups=lookups, voids=0)
