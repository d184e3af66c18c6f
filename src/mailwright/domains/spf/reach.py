"""Who passes an SPF record: every address at once, by exact arithmetic with networks over a survey.

It is check_host() (RFC 7208 §4) for sets: addresses that a term does not match go on together, with the lookups and void
lookups that they have used by then, for the limits hold for each sender in the order in which evaluation comes to the terms.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from mailwright.auth import SpfKind, SpfOutcome, SpfResult, SpfSurvey, SpfTerm, SpfUse, SpfVisit
from mailwright.auth.spf.network import BITS4, BITS6
from mailwright.auth.spf.state import MAX_HOSTS, MAX_LOOKUPS, MAX_VOIDS
from mailwright.dns import Answer, Failed, Found, Missing, Question, RecordType, askable
from mailwright.domains.spf.networks import Networks

_NONE, _PASS, _PERMERROR, _TEMPERROR = SpfResult.NONE, SpfResult.PASS, SpfResult.PERMERROR, SpfResult.TEMPERROR
_LEADING = (SpfKind.INCLUDE, SpfKind.REDIRECT)


class Used(NamedTuple):
    """What a sender has used of the limits (RFC 7208 §4.6.4); `reverse`: %{p} asked for its PTR records already."""

    lookups: int = 0
    voids: int = 0
    reverse: bool = False

    @property
    def over(self) -> bool:
        """Whether a limit is passed."""
        return self.lookups > MAX_LOOKUPS or self.voids > MAX_VOIDS


Crowd = dict[Used, Networks]
Ends = dict[tuple[SpfResult, Used], list[Networks]]  # made one set when the record is at its end
MAX_STEPS = 1000  # mechanisms of a record; a longer one is not evaluated, for that would take long (RFC 7208 §3.4 has 450 octets)


@dataclass(frozen=True, slots=True)
class SpfReach:
    """Which addresses get which result. `unknown` are the terms of which it cannot be told from records alone whom they match.

    They count as if they matched nobody. Results that nobody gets are not in the maps.
    """

    results4: Mapping[SpfResult, Networks]
    results6: Mapping[SpfResult, Networks]
    unknown: tuple[SpfUse, ...]

    @property
    def passing(self) -> tuple[Networks, Networks]:
        """The addresses that pass, IPv4 and IPv6."""
        return self.results4.get(_PASS, Networks(BITS4)), self.results6.get(_PASS, Networks(BITS6))


def reach_of(survey: SpfSurvey) -> SpfReach:
    """Evaluate the record of a survey for all addresses."""
    four, six = _Family(survey, BITS4), _Family(survey, BITS6)
    results4, results6 = four.results(), six.results()
    unknown = [use for use in survey.uses if id(use) in four.unknown or id(use) in six.unknown]
    return SpfReach(results4, results6, tuple(unknown))


@dataclass(slots=True)
class _Family:
    """One family of addresses on its way through the tree."""

    survey: SpfSurvey
    bits: int
    unknown: set[int] = field(default_factory=set)
    uses: dict[tuple[int, int], SpfUse] = field(init=False)

    def __post_init__(self) -> None:
        self.uses = {(id(use.visit), id(use.term)): use for use in self.survey.uses}

    def results(self) -> dict[SpfResult, Networks]:
        found: dict[SpfResult, Networks] = {}
        for result, _, who in self._record(self.survey.tree, {Used(): Networks.everything(self.bits)}):
            found[result] = found.get(result, Networks(self.bits)) | who
        return found

    def _record(self, visit: SpfVisit, crowd: Crowd) -> list[tuple[SpfResult, Used, Networks]]:
        """How one record ends for each of a crowd."""
        record = visit.record
        if record is None or visit.outcome is not SpfOutcome.DEFAULT:
            return [(self._unread(visit), used, who) for used, who in crowd.items()]
        steps = record.steps4 if self.bits == BITS4 else record.steps6
        if len(steps) > MAX_STEPS:
            return [(_TEMPERROR, used, who) for used, who in crowd.items()]
        ends: Ends = {}
        for is_list, terms in groupby(steps, key=_listed):
            for term in () if is_list else terms:
                crowd = self._term(visit, term, crowd, ends)
            if is_list:
                crowd = self._listed(list(terms), crowd, ends)
        if record.redirect and not record.all:
            crowd = self._term(visit, record.redirect, crowd, ends)
        _put(ends, SpfResult.NEUTRAL, crowd)  # RFC 7208 §4.7
        return [(result, used, Networks.union(self.bits, parts)) for (result, used), parts in ends.items()]

    def _unread(self, visit: SpfVisit) -> SpfResult:
        """The result of what is no good record; one that the survey did not come to is not known."""
        if visit.outcome is SpfOutcome.NO_RECORD and visit.answer is None:
            return _TEMPERROR
        return visit.outcome.result

    def _term(self, visit: SpfVisit, term: SpfTerm, crowd: Crowd, ends: Ends) -> Crowd:
        """Those whom a term does not match; the others end here."""
        if term.kind is SpfKind.ALL:
            _put(ends, term.result, crowd)
            return {}
        crowd = _counted(crowd, ends, lookups=1)
        use = self.uses[id(visit), id(term)]
        if self._is_open(use):
            self.unknown.add(id(use))
            asks_reverse = term.macros is not None and "p" in term.macros.letters
            return _reversed(crowd, ends) if asks_reverse else crowd
        if term.kind in _LEADING:
            return self._led(visit, term, crowd, ends)
        if not use.target:
            return crowd  # no name that can be asked matches nobody, RFC 7208 §4.8
        return self._asked(use, crowd, ends)

    def _listed(self, terms: list[SpfTerm], crowd: Crowd, ends: Ends) -> Crowd:
        """Networks that stand together and mean the same, at once: a long list would take long one by one."""
        return _matched(crowd, Networks.of(self.bits, [(term.network, term.shift) for term in terms]), terms[0], ends)

    def _is_open(self, use: SpfUse) -> bool:
        """Whether it depends on the mail, or on the name of the client, whom the term matches."""
        macros = use.term.macros
        return use.term.kind is SpfKind.PTR or (macros is not None and not macros.letters <= {"d", "o"})

    def _led(self, visit: SpfVisit, term: SpfTerm, crowd: Crowd, ends: Ends) -> Crowd:
        """An include (RFC 7208 §5.2) or a redirect (§6.1)."""
        child = next((child for child in visit.inner if child.via is term), None)
        if child is None:  # a name that cannot be asked has no record
            _put(ends, _PERMERROR, crowd)
            return {}
        onward: Crowd = {}
        for result, used, who in self._record(child, crowd):
            if result is _NONE:
                _put(ends, _PERMERROR, {used: who})
            elif term.kind is SpfKind.REDIRECT or result in (_PERMERROR, _TEMPERROR):
                _put(ends, result, {used: who})
            elif result is _PASS:
                _put(ends, term.result, {used: who})
            else:
                onward[used] = onward.get(used, Networks(self.bits)) | who
        return onward

    def _asked(self, use: SpfUse, crowd: Crowd, ends: Ends) -> Crowd:
        """A mechanism that asks for addresses of a fixed name (RFC 7208 §5.3, §5.4, §5.7)."""
        type: RecordType = "A" if self.bits == BITS4 else "AAAA"
        match use.term.kind:
            case SpfKind.EXISTS:
                answer = self._answer(use.target, "A")
                if isinstance(answer, Found):
                    _put(ends, use.term.result, crowd)
                    return {}
                return _nothing(crowd, answer, ends)
            case SpfKind.MX:
                return self._mx(use, type, crowd, ends)
            case _:
                return self._compared(use.term, self._answer(use.target, type), crowd, ends)

    def _mx(self, use: SpfUse, type: RecordType, crowd: Crowd, ends: Ends) -> Crowd:
        answer = self._answer(use.target, "MX")
        if not isinstance(answer, Found):
            return _nothing(crowd, answer, ends)
        hosts = [mx.host for mx in sorted(answer.exchangers, key=lambda mx: mx.preference)]
        has_counted = False  # a term counts once as void
        for host in [host for host in hosts[:MAX_HOSTS] if host and askable(host)]:
            told = self._answer(host, type)
            if not (isinstance(told, Missing) and has_counted):
                crowd = self._compared(use.term, told, crowd, ends)
            has_counted = has_counted or isinstance(told, Missing)
        if len(hosts) > MAX_HOSTS:
            _put(ends, _PERMERROR, crowd)
            return {}
        return crowd

    def _compared(self, term: SpfTerm, answer: Answer, crowd: Crowd, ends: Ends) -> Crowd:
        if not isinstance(answer, Found):
            return _nothing(crowd, answer, ends)
        length = term.cidr4 if self.bits == BITS4 else term.cidr6
        return _matched(crowd, Networks.around(self.bits, answer.names, length), term, ends)

    def _answer(self, name: str, type: RecordType) -> Answer:
        """What the survey was told; Failed for what it had no room to ask."""
        return self.survey.answer(Question(name, type))


def _listed(term: SpfTerm) -> SpfResult | None:
    """What a network's match means; None for other terms."""
    return term.result if term.network >= 0 else None


def _matched(crowd: Crowd, networks: Networks, term: SpfTerm, ends: Ends) -> Crowd:
    onward: Crowd = {}
    for used, who in crowd.items():
        _put(ends, term.result, {used: who & networks})
        onward[used] = who - networks
    return {used: who for used, who in onward.items() if who}


def _nothing(crowd: Crowd, answer: Answer, ends: Ends) -> Crowd:
    """No records is a void lookup; no answer ends the check (RFC 7208 §4.6.4, §5)."""
    if isinstance(answer, Failed):
        _put(ends, _TEMPERROR, crowd)
        return {}
    return _counted(crowd, ends, voids=1)


def _reversed(crowd: Crowd, ends: Ends) -> Crowd:
    """The question for PTR records that %{p} needs counts once (RFC 7208 §4.6.4)."""
    known = {used: who for used, who in crowd.items() if used.reverse}
    asking = {used._replace(reverse=True): who for used, who in crowd.items() if not used.reverse}
    return _united([*known.items(), *_counted(asking, ends, lookups=1).items()])


def _counted(crowd: Crowd, ends: Ends, *, lookups: int = 0, voids: int = 0) -> Crowd:
    """Count for all of a crowd; who is over a limit ends."""
    counted = [(Used(used.lookups + lookups, used.voids + voids, used.reverse), who) for used, who in crowd.items()]
    _put(ends, _PERMERROR, dict(_over(counted)))
    return {used: who for used, who in counted if not used.over}


def _over(counted: list[tuple[Used, Networks]]) -> Iterator[tuple[Used, Networks]]:
    return ((used, who) for used, who in counted if used.over)


def _united(parts: list[tuple[Used, Networks]]) -> Crowd:
    crowd: Crowd = {}
    for used, who in parts:
        crowd[used] = crowd[used] | who if used in crowd else who
    return crowd


def _put(ends: Ends, result: SpfResult, crowd: Crowd) -> None:
    for used, who in crowd.items():
        if who:
            ends.setdefault((result, used), []).append(who)
