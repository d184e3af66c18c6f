"""SPF records as a tree: which term decided, which did not match, what each costs."""

from collections.abc import Mapping

from rich.text import Text
from rich.tree import Tree

from mailwright.auth import SpfFault, SpfKind, SpfOutcome, SpfRecord, SpfSurvey, SpfTerm, SpfVerdict, SpfVisit
from mailwright.auth.spf.state import MAX_LOOKUPS, MAX_VOIDS
from mailwright.auth.spf.survey import SpfUse, lookups_of, records_of
from mailwright.cli.screen import out, plain

_GUIDE = "dim"
_UNTOLD = (SpfKind.EXP, SpfKind.MODIFIER)
_RESULTS = {"pass": "green", "fail": "red", "permerror": "red", "temperror": "magenta"}
_ENDED = {
    SpfOutcome.NO_RECORD: "there is no SPF record",
    SpfOutcome.NO_DOMAIN: "this is no domain",
    SpfOutcome.NO_ANSWER: "the DNS did not answer",
    SpfOutcome.LOOKUPS: "more than 10 lookups",
    SpfOutcome.VOIDS: "more than 2 lookups found nothing",
    SpfOutcome.HOSTS: "more than 10 mail servers",
    SpfOutcome.INCLUDED_NONE: "there is no SPF record at that name",
    SpfOutcome.REDIRECTED_NONE: "there is no SPF record at that name",
    SpfOutcome.SYNTAX: "the record cannot be read",
    SpfOutcome.SEVERAL: "several SPF records",
    SpfOutcome.ONWARD: "as the record below says",
}


def show_way(verdict: SpfVerdict) -> None:
    """The records as they were evaluated for one server: terms that did not match, the one that decided, the rest."""
    if verdict.tree.record is None:
        return
    used = f"{verdict.lookups} of {MAX_LOOKUPS} lookups used, {verdict.void_lookups} of {MAX_VOIDS} that found nothing"
    out.print()
    tree = Tree(
        Text.assemble((f"SPF of {plain(verdict.domain)}", "bold"), f" for {plain(verdict.ip)}: {used}"), guide_style=_GUIDE
    )
    _grow(tree, verdict.tree, reached=True)
    out.print(tree, soft_wrap=False)
    if verdict.explanation:
        out.print(Text(f'The owner explains: "{plain(verdict.explanation)}"'), soft_wrap=False)


def show_survey(survey: SpfSurvey) -> None:
    """All records, whoever sends, with the lookups of each, and which of them lead nowhere."""
    more = "" if survey.complete else " at least"
    costs = f":{more} {_lookups(survey.lookups)}, {MAX_LOOKUPS} are allowed"
    if survey.voids4 or survey.voids6:
        costs += f"; {survey.voids4} (IPv4) and {survey.voids6} (IPv6) of them find nothing, {MAX_VOIDS} may"
    tree = Tree(Text.assemble((f"SPF of {plain(survey.tree.domain)}", "bold"), costs), guide_style=_GUIDE)
    empty = {(id(use.visit), id(use.term)): _void(use) for use in survey.uses}
    _spread(tree, survey.tree, empty, set())
    out.print(tree, soft_wrap=False)


def _grow(tree: Tree, visit: SpfVisit, *, reached: bool) -> None:
    """The terms of one record in order; below an include or redirect those of its record."""
    below = {id(child.via): child for child in visit.inner}
    for term in visit.record.terms if visit.record else ():
        if term.kind in _UNTOLD:
            continue
        child = below.get(id(term))
        branch = tree.add(_evaluated(term, visit, child, reached=reached))
        if child is not None:
            _grow(branch, child, reached=reached)
        if term is visit.term:
            reached = False


def _evaluated(term: SpfTerm, visit: SpfVisit, child: SpfVisit | None, *, reached: bool) -> Text:
    text = plain(term.text)
    if term.fault:
        return _faulty(term, term.fault)
    if not reached or visit.outcome is SpfOutcome.SYNTAX:
        return Text.assemble((text, "dim"), ("  not reached", "dim"))
    if term is visit.term:
        said = f"matches: {visit.result}" if visit.outcome is SpfOutcome.MATCH else f"{visit.result}: {_ENDED[visit.outcome]}"
        return Text.assemble((text, "bold"), (f"  {said}", f"bold {_RESULTS.get(visit.result, 'yellow')}"))
    inner = f" ({child.result})" if child is not None else ""
    return Text.assemble(text, (f"  no match{inner}", "dim"))


def _spread(tree: Tree, visit: SpfVisit, empty: Mapping[tuple[int, int], str], shown: set[str]) -> None:
    """The same without a server: what each term costs. A record that was shown above is not shown again.

    `empty` tells which terms find nothing, by visit and term.
    """
    shown.add(visit.domain)
    if visit.record is None:
        tree.add(Text(_ENDED.get(visit.outcome, ""), "red"))
        for record in records_of(visit):
            _terms(tree.add(Text("one of them", "dim")), visit, record, empty, shown)
        return
    _terms(tree, visit, visit.record, empty, shown)


def _terms(tree: Tree, visit: SpfVisit, record: SpfRecord, empty: Mapping[tuple[int, int], str], shown: set[str]) -> None:
    """The terms of one record, each with what is below it."""
    counted = {id(term) for term in record.asking} if not record.faults else set()
    below = {id(child.via): child for child in visit.inner}
    for term in record.terms:
        child = below.get(id(term))
        cost = (id(term) in counted) + (lookups_of(child) if child is not None else 0)
        again = child is not None and child.domain in shown
        words = " (as above)" if again else empty.get((id(visit), id(term)), "")
        branch = tree.add(_faulty(term, term.fault) if term.fault else _priced(term, cost, words))
        if child is not None and not again:
            _spread(branch, child, empty, shown)


def _priced(term: SpfTerm, cost: int, words: str) -> Text:
    return Text.assemble(plain(term.text), (f"  {_lookups(cost)}" if cost else "", "bold"), (words, "dim"))


def _void(use: SpfUse) -> str:
    if use.void4 and use.void6:
        return " (finds nothing)"
    return f" (nothing for {'IPv4' if use.void4 else 'IPv6'})" if use.void4 or use.void6 else ""


def _lookups(number: int) -> str:
    return f"{number} lookup{'' if number == 1 else 's'}"


def _faulty(term: SpfTerm, fault: SpfFault) -> Text:
    return Text.assemble((plain(term.text), "red bold"), (f"  {plain(fault.what)} {plain(fault.do)}", "red"))
