"""What was asked and answered, kept as evidence; and answers in which some records are replaced.

Both work on the asking, not on the driver: so they serve a zone, a recording and the live resolver alike.
"""

from dataclasses import dataclass, field
from typing import TypeVar

from mailwright.dns.answer import Answer, Cause, Failed, Found, Missing
from mailwright.dns.asking import AnswerFunction, Asking, ask, run, together
from mailwright.dns.question import Question
from mailwright.dns.records import record_text
from mailwright.dns.zone import MAX_CHAIN, Alias, Zone, after
from mailwright.dns.zonetext import RecordSet

T = TypeVar("T")


@dataclass(slots=True)
class Recorder:
    """Keeps every question with its answer, in the order of asking; later it answers as it was answered then."""

    kept: dict[Question, Answer] = field(default_factory=dict)

    def watch(self, asking: Asking[T]) -> Asking[T]:
        """The same asking, with all that passes written down: `await resolver.run(recorder.watch(asking))`."""
        answers: tuple[Answer, ...] | None = None
        try:
            while True:
                questions = asking.send(answers)  # type: ignore[arg-type]  # None starts a generator
                answers = yield questions
                self.kept.update(zip(questions, answers, strict=True))
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            asking.close()

    def answer(self, question: Question) -> Answer:
        """The answer that was given then; Failed for what was not asked, for nothing is known of it."""
        return self.kept.get(question) or Failed(Cause.TIMEOUT, f"{question} was not asked when this was recorded")

    def run(self, asking: Asking[T]) -> T:
        """Replay: drive an asking with the answers that were kept."""
        return run(asking, self.answer)

    def zone(self) -> Zone:
        """The recording as a zone, so that it can be written as text, changed and read again."""
        sets: dict[tuple[str, str], RecordSet] = {}
        failing: dict[tuple[str, str], Cause] = {}
        for question, answer in self.kept.items():
            match answer:
                case Found(records, ttl, _, chain):
                    sets[_linked(question, chain, ttl, sets), question.type] = RecordSet(records, ttl)
                case Missing(name_exists, ttl, _, chain):
                    owner = _linked(question, chain, ttl, sets)
                    if name_exists:
                        sets[owner, question.type] = RecordSet((), ttl)
                case Failed(cause):
                    failing[question] = cause
        return Zone(sets, failing)

    def evidence(self) -> tuple[str, ...]:
        """One line for each answer, for people."""
        return tuple([_line(question, answer) for question, answer in self.kept.items()])


def overlay(answer: AnswerFunction, zone: Zone) -> AnswerFunction:
    """An answer function in which the record sets of `zone` replace those that `answer` knows ("what if I published this?")."""
    return lambda question: run(_through(zone, question), answer)


def overlaid(asking: Asking[T], zone: Zone) -> Asking[T]:
    """The same for any driver: `await resolver.run(overlaid(asking, zone))`."""
    answers: tuple[Answer, ...] | None = None
    try:
        while True:
            questions = asking.send(answers)  # type: ignore[arg-type]  # None starts a generator
            answers = yield from together(*[_through(zone, question) for question in questions])
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        asking.close()


def _linked(question: Question, chain: tuple[str, ...], ttl: int, sets: dict[tuple[str, str], RecordSet]) -> str:
    """Write an answer's aliases down; the name that owns its records."""
    owner = question.name
    for target in chain:
        sets[owner, "CNAME"] = RecordSet((target,), ttl)
        owner = target
    return owner


def _through(zone: Zone, question: Question) -> Asking[Answer]:
    """Follow the aliases by turns: at each name the zone answers where it says something, else the world below it."""
    name, type = question
    links: list[Alias] = []
    while len(links) <= MAX_CHAIN:
        if zone.holds(name, type):
            step = zone.step(name, type)
        else:
            step = yield from _below(zone, Question(name, type))
        if not isinstance(step, Alias):
            return after(links, step)
        links.append(step)
        name = step.target
    return Failed(Cause.SERVFAIL, f"the aliases of {question.name} go round in a loop, or are more than {MAX_CHAIN}")


def _below(zone: Zone, question: Question) -> Asking[Answer | Alias]:
    """What the world below says; the first alias of it where the zone holds a name further on."""
    answer = yield from ask(question)
    if isinstance(answer, Failed):
        return answer
    if any(zone.holds(target, question.type) for target in answer.chain):
        return Alias(answer.chain[0], answer.ttl)
    if isinstance(answer, Missing) and not answer.name_exists and not answer.chain and zone.exists(question.name):
        return zone.step(question.name, question.type)  # the zone makes the name exist, or has a wildcard for it
    return answer


def _line(question: Question, answer: Answer) -> str:
    match answer:
        case Found(records, _, _, chain):
            way = f"{question} -> {' -> '.join(chain)}" if chain else str(question)
            return f"{way}: " + ", ".join(map(record_text, records))
        case Missing(name_exists):
            return f"{question}: " + ("no such record" if name_exists else "no such name")
        case Failed(cause, detail):
            return f"{question}: no answer ({detail or cause})"
