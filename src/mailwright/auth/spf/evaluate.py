"""check_host() (RFC 7208 §4): the terms of a record from left to right, with all limits counted in that order.

What needs no DNS is plain functions; only terms that ask are generators, for most records are a list of networks.
"""

from collections.abc import Iterator

from mailwright.auth.spf.mechanisms import matched
from mailwright.auth.spf.names import target_name
from mailwright.auth.spf.network import BITS4
from mailwright.auth.spf.parse import is_spf, read_spf
from mailwright.auth.spf.record import SpfKind, SpfRecord, SpfResult, SpfTerm
from mailwright.auth.spf.state import MAX_LOOKUPS, Check
from mailwright.auth.spf.visit import SpfOutcome, SpfVisit
from mailwright.dns import Answer, Asking, Failed, Found, Question, Txt

# Bound once, for reaching into an enumeration takes longer than looking at a term (Python 3.11).
_ALL, _INCLUDE, _REDIRECT = SpfKind.ALL, SpfKind.INCLUDE, SpfKind.REDIRECT
_NONE, _PASS, _NEUTRAL = SpfResult.NONE, SpfResult.PASS, SpfResult.NEUTRAL
_ERRORS = (SpfResult.PERMERROR, SpfResult.TEMPERROR)
_MATCH, _DEFAULT, _ONWARD = SpfOutcome.MATCH, SpfOutcome.DEFAULT, SpfOutcome.ONWARD


def check_host(check: Check, visit: SpfVisit, question: Question, parent: SpfVisit | None = None) -> Asking[None]:
    """Evaluate the record of one domain (RFC 7208 §4.4 to §4.7); what happened is written into `visit`.

    Where it must be asked for, other questions of the record that led here may go with it.
    """
    answer = check.known.get(question)
    if answer is None:
        wanted = check.with_ahead(question, parent) if parent else [question]
        told = yield tuple(wanted)
        for one, said in zip(wanted, told, strict=True):
            check.known[one] = said
        answer = told[0]
    terms = _opened(check, visit, answer)
    term = _next_asking(check, visit, terms)
    while term:
        check.lookups += 1
        if check.lookups > MAX_LOOKUPS:  # the eleventh is one too many, RFC 7208 §4.6.4
            return visit.end(SpfOutcome.LOOKUPS, term)
        if term.question:
            child = _child(visit, term, term.question.name)
            yield from check_host(check, child, term.question, visit)
            outcome = _led(visit, term, child)
        else:
            outcome = yield from _asked(check, visit, term)
        if outcome:
            return visit.end(outcome, term)
        term = _next_asking(check, visit, terms)
    return None


def selected(answer: Answer) -> SpfRecord | SpfOutcome:
    """The one SPF record among the TXT records (RFC 7208 §4.4, §4.5)."""
    if not isinstance(answer, Found):
        return SpfOutcome.NO_ANSWER if isinstance(answer, Failed) else SpfOutcome.NO_RECORD
    text = None
    for record in answer.records:
        if isinstance(record, Txt) and is_spf(record.text):
            if text is not None:
                return SpfOutcome.SEVERAL
            text = record.text
    return SpfOutcome.NO_RECORD if text is None else read_spf(text)


def _opened(check: Check, visit: SpfVisit, answer: Answer) -> Iterator[SpfTerm]:
    """The terms of the record that was found; none where evaluation ends at once."""
    visit.answer = answer
    record = selected(answer)
    if not isinstance(record, SpfRecord):
        visit.end(record)
        return iter(())
    visit.record = record
    if record.faults:  # "any syntax errors anywhere in the record", RFC 7208 §4.6
        visit.end(SpfOutcome.SYNTAX)
        return iter(())
    visit.outcome, visit.result = _DEFAULT, _NEUTRAL  # RFC 7208 §4.7
    return iter(record.steps4 if check.client.bits == BITS4 else record.steps6)


def _next_asking(check: Check, visit: SpfVisit, terms: Iterator[SpfTerm]) -> SpfTerm | None:
    """Go on to the term that asks the DNS, the redirect last (RFC 7208 §6.1); None where another matched, or nothing is left."""
    number = check.client.number
    for term in terms:
        if term.network < 0 and term.kind is not _ALL:
            return term
        if term.network < 0 or number >> term.shift == term.network:
            visit.end(_MATCH, term)
            return None
    return visit.record.redirect if visit.record and visit.outcome is _DEFAULT else None


def _child(visit: SpfVisit, term: SpfTerm, domain: str) -> SpfVisit:
    child = SpfVisit(domain, term)
    visit.inner += (child,)
    return child


def _led(visit: SpfVisit, term: SpfTerm, child: SpfVisit) -> SpfOutcome | None:
    """What the record means that an include (RFC 7208 §5.2) or a redirect (§6.1) led to."""
    result = child.result
    if term.kind is _REDIRECT:
        visit.onward = None if result is _NONE else child
        return _ONWARD if visit.onward else SpfOutcome.REDIRECTED_NONE
    if result is _NONE:
        return SpfOutcome.INCLUDED_NONE
    if result is _PASS or result in _ERRORS:
        visit.onward = child
        return _MATCH if result is _PASS else _ONWARD
    return None


def _asked(check: Check, visit: SpfVisit, term: SpfTerm) -> Asking[SpfOutcome | None]:
    """Evaluate a mechanism that asks for addresses, or a record whose name depends on the mail."""
    if term.kind is not _INCLUDE and term.kind is not _REDIRECT:
        return (yield from matched(check, visit, term))
    if term.kind is _INCLUDE and term.macros and not check.can_match(term.macros):
        return None
    check.void_counted = False
    name = (yield from target_name(check, visit.domain, term.macros)) if term.macros else ""
    if over := check.over():
        return over
    child = _child(visit, term, name)
    if "." in name:
        yield from check_host(check, child, Question(name, "TXT"), visit)
    else:  # malformed, or a single label: RFC 7208 §4.3
        child.end(SpfOutcome.NO_DOMAIN)
    return _led(visit, term, child)
