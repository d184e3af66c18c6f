"""All that an SPF record leads to, whoever sends: every include and redirect with its record, its costs, and what is wrong.

It goes on past every error, so that all of them are told at once: a faulty record's good terms are followed, and of two
records at one name both are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mailwright.auth.spf.evaluate import selected
from mailwright.auth.spf.macros import expand_name
from mailwright.auth.spf.names import record_question
from mailwright.auth.spf.parse import is_spf, read_spf
from mailwright.auth.spf.record import SpfKind, SpfRecord, SpfTerm
from mailwright.auth.spf.state import MAX_HOSTS, MAX_LOOKUPS, MAX_VOIDS
from mailwright.auth.spf.visit import SpfOutcome, SpfVisit
from mailwright.auth.spf.words import reason_of
from mailwright.dns import Answer, Asking, Cause, Failed, Found, Missing, Question, RecordType, askable, canonical
from mailwright.values import Finding

MAX_RECORDS = 60  # looked at: six times what receivers read, so that a record that is far over still shows where
MAX_QUESTIONS = 500  # for addresses and mail servers; a hostile tree ends here
_LEADING = (SpfKind.INCLUDE, SpfKind.REDIRECT)
_ADDRESSES: tuple[RecordType, ...] = ("A", "AAAA")


@dataclass(frozen=True, slots=True)
class SpfUse:
    """One term that asks, in the record of `visit`. `target` is the name it asks for; "" where that depends on the mail.

    `trouble` is what it makes of the record: no record there, no answer, too many mail servers. Whether its lookup is void
    (RFC 7208 §4.6.4) depends on the client's family of addresses.
    """

    visit: SpfVisit
    term: SpfTerm
    target: str
    void4: bool = False
    void6: bool = False
    trouble: SpfOutcome | None = None


@dataclass(frozen=True, slots=True)
class SpfSurvey:
    """The tree of records. `complete` is False where it has more than MAX_RECORDS, which nobody reads to the end.

    `uses` are the terms that ask, the tree level by level; `answers` is all that the DNS said.
    """

    tree: SpfVisit
    complete: bool = True
    uses: tuple[SpfUse, ...] = ()
    answers: Mapping[Question, Answer] = field(default_factory=dict, repr=False)

    def answer(self, question: Question) -> Answer:
        """What was said; Failed for what there was no room to ask, for nothing is known of it."""
        return self.answers.get(question) or Failed(Cause.TIMEOUT, f"{question} was not asked: the tree is too large")

    @property
    def lookups(self) -> int:
        """What a sender costs whom no term matches before the last; %{p} asks once for PTR records (RFC 7208 §4.6.4)."""
        return lookups_of(self.tree) + any(use.term.macros is not None and "p" in use.term.macros.letters for use in self.uses)

    @property
    def voids4(self) -> int:
        """The void lookups that such an IPv4 client costs (RFC 7208 §4.6.4)."""
        return sum([use.void4 for use in self.uses])

    @property
    def voids6(self) -> int:
        """The same for an IPv6 client."""
        return sum([use.void6 for use in self.uses])

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What makes receivers treat the record as wrong, or as none; the limits first, then from the top of the tree."""
        lookups, voids = self.lookups, max(self.voids4, self.voids6)  # once, for a hostile tree has many findings
        ended = [_ended(self.tree, SpfOutcome.LOOKUPS)] if lookups > MAX_LOOKUPS else []
        ended += [_ended(self.tree, SpfOutcome.VOIDS)] if voids > MAX_VOIDS else []
        troubled: dict[int, list[SpfUse]] = {}
        for use in self.uses:
            if use.trouble:
                troubled.setdefault(id(use.visit), []).append(use)
        ended += self._wrong(self.tree, troubled)
        found = [reason_of(visit, ip="", sender=visit.domain, lookups=lookups, voids=voids) for visit in ended]
        return tuple(dict.fromkeys(found))

    def _wrong(self, visit: SpfVisit, troubled: Mapping[int, Sequence[SpfUse]]) -> Iterator[SpfVisit]:
        """What is wrong with a record, with its terms, and below; a missing one is told of the term that leads to it."""
        if visit.outcome not in (SpfOutcome.DEFAULT, SpfOutcome.LOOKUPS) and not (visit.via and _is_nothing(visit)):
            yield visit
        for use in troubled.get(id(visit), ()):
            if use.trouble:
                yield _ended(visit, use.trouble, use.term)
        for child in visit.inner:
            yield from self._wrong(child, troubled)


def survey_spf(domain: str) -> Asking[SpfSurvey]:
    """Read the record of a domain and all that it leads to, a level of the tree in a few rounds. Never raises.

    A target made of macros that depend on the mail is counted, and not followed.
    """
    question = record_question(domain.removesuffix("."))
    tree = SpfVisit(question.name if question else canonical(domain))
    return (yield from _Walk(tree).walked())


def lookups_of(visit: SpfVisit) -> int:
    """The lookups of a record and of those below it."""
    return sum([len(record.asking) for record in records_of(visit)]) + sum(map(lookups_of, visit.inner))


def records_of(visit: SpfVisit) -> tuple[SpfRecord, ...]:
    """The SPF records at a name: one, where all is well."""
    texts = visit.answer.texts if isinstance(visit.answer, Found) else ()
    return tuple([read_spf(text) for text in texts if is_spf(text)])


@dataclass(slots=True)
class _Walk:
    """A survey on its way."""

    tree: SpfVisit
    known: dict[Question, Answer] = field(default_factory=dict)
    uses: list[SpfUse] = field(default_factory=list)
    records: int = 0
    complete: bool = True

    def walked(self) -> Asking[SpfSurvey]:
        level = [(self.tree, frozenset[str]())]
        while level:
            room = MAX_RECORDS - self.records
            self.complete = self.complete and len(level) <= room
            level = level[:room]
            self.records += len(level)
            yield from self._ask([Question(visit.domain, "TXT") for visit, _ in level if "." in visit.domain], MAX_RECORDS)
            first = len(self.uses)
            level = [onward for visit, above in level for onward in self._opened(visit, above)]
            uses = self.uses[first:]
            yield from self._ask([question for use in uses for question in _questions(use)], MAX_QUESTIONS)
            yield from self._ask([question for use in uses for question in self._host_questions(use)], MAX_QUESTIONS)
        return SpfSurvey(self.tree, self.complete, tuple([self._judged(use) for use in self.uses]), self.known)

    def _ask(self, questions: Sequence[Question], room: int) -> Asking[None]:
        """Those that are new, as far as there is room."""
        wanted = [question for question in dict.fromkeys(questions) if question not in self.known]
        room = max(0, room - (0 if room == MAX_RECORDS else len(self.known)))
        self.complete = self.complete and len(wanted) <= room
        if wanted := wanted[:room]:
            self.known.update(zip(wanted, (yield tuple(wanted)), strict=True))

    def _opened(self, visit: SpfVisit, above: frozenset[str]) -> Iterator[tuple[SpfVisit, frozenset[str]]]:
        """Read what is there, note the terms that ask; the visits to go on with, each with the names above it."""
        visit.answer = self.known.get(Question(visit.domain, "TXT"))
        if visit.answer is None or not askable(visit.domain):
            visit.end(SpfOutcome.NO_DOMAIN)
            return
        record = selected(visit.answer)
        if isinstance(record, SpfRecord):
            visit.record = record
            visit.end(SpfOutcome.SYNTAX if record.faults else SpfOutcome.DEFAULT)
        else:
            visit.end(record)
        above |= {visit.domain}
        records = (
            (visit.record,) if visit.record else records_of(visit)
        )  # the terms themselves, for they are told apart by identity
        for term in [term for one in records for term in one.asking]:
            use = SpfUse(visit, term, self._target(visit, term))
            self.uses.append(use)
            if term.kind not in _LEADING or not use.target:
                continue
            child = SpfVisit(use.target, term)
            visit.inner += (child,)
            if child.domain in above:
                child.end(SpfOutcome.LOOKUPS)  # it goes round until the limit ends it
            else:
                yield child, above

    def _target(self, visit: SpfVisit, term: SpfTerm) -> str:
        """The name where it does not depend on the mail: %{d} and %{o} are known here (RFC 7208 §7.2)."""
        if term.name:
            return term.name
        if term.macros is None:
            return "" if term.kind is SpfKind.PTR else visit.domain
        if not term.macros.letters <= {"d", "o"}:
            return ""
        name = canonical(expand_name(term.macros, {"d": visit.domain, "o": self.tree.domain}))
        return name if askable(name) else ""

    def _host_questions(self, use: SpfUse) -> list[Question]:
        """For the mail servers that an mx leads to, as many as may be asked for (RFC 7208 §4.6.4)."""
        answer = self.known.get(Question(use.target, "MX")) if use.term.kind is SpfKind.MX else None
        exchangers = sorted(answer.exchangers, key=lambda mx: mx.preference) if isinstance(answer, Found) else []
        hosts = [mx.host for mx in exchangers[:MAX_HOSTS] if mx.host and askable(mx.host)]
        return [Question(host, type) for host in hosts for type in _ADDRESSES]

    def _judged(self, use: SpfUse) -> SpfUse:
        """A term with what the DNS said of it."""
        if use.term.kind in _LEADING:
            child = next((child for child in use.visit.inner if child.via is use.term), None)
            missing = child is not None and _is_nothing(child)
            no_record = SpfOutcome.REDIRECTED_NONE if use.term.kind is SpfKind.REDIRECT else SpfOutcome.INCLUDED_NONE
            return SpfUse(use.visit, use.term, use.target, trouble=no_record if missing else None)
        told = [(question.type, self.known.get(question)) for question in (*_questions(use), *self._host_questions(use))]
        trouble = SpfOutcome.NO_ANSWER if any(isinstance(answer, Failed) for _, answer in told) else None
        if any(type == "MX" and isinstance(answer, Found) and len(answer.records) > MAX_HOSTS for type, answer in told):
            trouble = SpfOutcome.HOSTS
        void = {type for type, answer in told if isinstance(answer, Missing)}
        void6 = bool(void if use.term.kind is SpfKind.EXISTS else void - {"A"})  # an A record for either family, RFC 7208 §5.7
        return SpfUse(use.visit, use.term, use.target, bool(void - {"AAAA"}), void6, trouble)


def _questions(use: SpfUse) -> list[Question]:
    """What a term asks of its target."""
    types: dict[SpfKind, tuple[RecordType, ...]] = {SpfKind.A: _ADDRESSES, SpfKind.MX: ("MX",), SpfKind.EXISTS: ("A",)}
    return [Question(use.target, type) for type in types.get(use.term.kind, ())] if use.target else []


def _is_nothing(visit: SpfVisit) -> bool:
    return visit.outcome is SpfOutcome.NO_RECORD or visit.outcome is SpfOutcome.NO_DOMAIN


def _ended(visit: SpfVisit, outcome: SpfOutcome, term: SpfTerm | None = None) -> SpfVisit:
    """The visit as evaluation would end it."""
    ended = SpfVisit(visit.domain, visit.via, record=visit.record, answer=visit.answer)
    ended.end(outcome, term)
    return ended
