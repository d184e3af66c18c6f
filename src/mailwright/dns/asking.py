"""Pure code asks: a generator yields questions, a driver sends it the answers."""

from collections.abc import Callable, Generator
from typing import Any, TypeAlias, TypeVar, overload

from mailwright.dns.answer import Answer
from mailwright.dns.question import Question

T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")

Asking: TypeAlias = Generator[tuple[Question, ...], tuple[Answer, ...], T]
AnswerFunction: TypeAlias = Callable[[Question], Answer]


def run(asking: Asking[T], answer: AnswerFunction) -> T:
    """Drive an asking to its end with a function that answers at once (a zone, a recording)."""
    try:
        questions = next(asking)
        while True:
            questions = asking.send(tuple([answer(question) for question in questions]))
    except StopIteration as end:
        result: T = end.value
        return result


def ask(question: Question) -> Asking[Answer]:
    """One question, its answer."""
    (answer,) = yield (question,)
    return answer


@overload
def together(one: Asking[T1], two: Asking[T2], /) -> Asking[tuple[T1, T2]]: ...
@overload
def together(one: Asking[T1], two: Asking[T2], three: Asking[T3], /) -> Asking[tuple[T1, T2, T3]]: ...
@overload
def together(one: Asking[T1], two: Asking[T2], three: Asking[T3], four: Asking[T4], /) -> Asking[tuple[T1, T2, T3, T4]]: ...
@overload
def together(*askings: Asking[T]) -> Asking[tuple[T, ...]]: ...
def together(*askings: Asking[Any]) -> Asking[tuple[Any, ...]]:
    """Step several askings in lockstep: as many rounds as the longest has, a question that several have in a round asked once.

    Results come in the order of the arguments. Where one raises, the others are closed and the exception goes on.
    """
    results: list[Any] = [None] * len(askings)
    try:
        waiting = _stepped(askings, dict.fromkeys(range(len(askings))), results)
        while waiting:
            if len(waiting) == 1:  # the longest goes on alone, as in most rounds
                ((number, questions),) = waiting.items()
                waiting = _stepped(askings, {number: (yield questions)}, results)
                continue
            questions = tuple(dict.fromkeys([question for wanted in waiting.values() for question in wanted]))
            known = dict(zip(questions, (yield questions), strict=True))
            told = {number: tuple([known[question] for question in wanted]) for number, wanted in waiting.items()}
            waiting = _stepped(askings, told, results)
        return tuple(results)
    finally:
        for asking in askings:
            asking.close()


def _stepped(askings: tuple[Asking[Any], ...], told: dict[int, Any], results: list[Any]) -> dict[int, tuple[Question, ...]]:
    """Send each asking what it was told; what they want next, by number. Ended ones leave their result."""
    waiting: dict[int, tuple[Question, ...]] = {}
    for number, answers in told.items():
        try:
            waiting[number] = askings[number].send(answers)
        except StopIteration as end:
            results[number] = end.value
    return waiting
