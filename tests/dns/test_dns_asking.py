"""Askings in lockstep, recordings and overlays."""

from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.dns import (
    Answer,
    Asking,
    Cause,
    Failed,
    Found,
    Missing,
    Question,
    Recorder,
    RecordType,
    Zone,
    ask,
    overlaid,
    overlay,
    run,
    together,
)

T = TypeVar("T")

ZONE = Zone.parse("""
    a.example A 192.0.2.1
    a.example TXT "old"
    w.example CNAME a.example
    dark.example FAILS servfail
""")


def chain(*rounds: list[str]) -> Asking[list[tuple[Answer, ...]]]:
    """Asks each round in turn and tells all answers."""
    seen: list[tuple[Answer, ...]] = []
    for names in rounds:
        seen.append((yield tuple(Question(name, "A") for name in names)))  # noqa: PERF401 - a yield
    return seen


def rounds_of(asking: Asking[T]) -> tuple[T, list[tuple[Question, ...]]]:
    asked: list[tuple[Question, ...]] = []

    def wrapped() -> Asking[T]:
        try:
            questions = next(asking)
            while True:
                asked.append(questions)
                questions = asking.send((yield questions))
        except StopIteration as end:
            result: T = end.value
            return result

    return ZONE.run(wrapped()), asked


def test_together_takes_as_many_rounds_as_the_longest_and_asks_once() -> None:
    longest = chain(["A.example."], ["x.example", "a.example"])
    (one, two, three), asked = rounds_of(together(chain(["a.example"]), longest, chain()))
    assert [[question.name for question in wanted] for wanted in asked] == [["a.example"], ["x.example", "a.example"]]
    assert one == [(ZONE.answer(Question("a.example", "A")),)]
    assert two[1] == (Missing(False, 300), ZONE.answer(Question("a.example", "A")))
    assert three == []


def test_together_of_nothing() -> None:
    assert ZONE.run(together()) == ()


def test_an_exception_closes_the_others() -> None:
    closed = []

    def patient() -> Asking[None]:
        try:
            yield (Question("a.example", "A"),)
            yield (Question("a.example", "A"),)
        finally:
            closed.append(True)

    def faulty() -> Asking[None]:
        yield (Question("a.example", "A"),)
        raise LookupError

    with pytest.raises(LookupError):
        ZONE.run(together(patient(), faulty()))
    assert closed == [True]


def turns(chains: list[list[list[str]]]) -> list[int]:
    """How many of them have a round of each number."""
    return [sum(len(rounds) > number for rounds in chains) for number in range(max(map(len, chains), default=0))]


NAMES = st.sampled_from(["a.example", "w.example", "x.example", "dark.example", "A.EXAMPLE"])
CHAINS = st.lists(st.lists(st.lists(NAMES, max_size=3), max_size=4), max_size=5)


@given(CHAINS)
def test_together_answers_as_each_alone_would_be(chains: list[list[list[str]]]) -> None:
    results, asked = rounds_of(together(*[chain(*rounds) for rounds in chains]))
    assert list(results) == [ZONE.run(chain(*rounds)) for rounds in chains]
    assert len(asked) == max(map(len, chains), default=0)
    assert all(len(set(questions)) == len(questions) for questions, turn in zip(asked, turns(chains), strict=True) if turn > 1)


class TestRecorder:
    def test_replays_what_was_answered(self) -> None:
        recorder = Recorder()
        first = ZONE.run(recorder.watch(chain(["a.example", "dark.example"], ["w.example", "x.example"])))
        assert recorder.run(chain(["a.example", "dark.example"], ["w.example", "x.example"])) == first

    def test_what_was_not_asked_is_a_failure(self) -> None:
        answer = Recorder().answer(Question("a.example", "A"))
        assert isinstance(answer, Failed)
        assert "was not asked" in answer.detail

    def test_evidence_is_readable(self) -> None:
        recorder = Recorder()
        ZONE.run(recorder.watch(chain(["a.example", "dark.example", "w.example", "x.example"])))
        assert recorder.evidence() == (
            "a.example A: 192.0.2.1",
            "dark.example A: no answer (the zone says that this does not answer)",
            "w.example A -> a.example: 192.0.2.1",
            "x.example A: no such name",
        )

    def test_becomes_a_zone_and_its_text(self) -> None:
        recorder = Recorder()
        asking = [["a.example", "dark.example", "w.example", "x.example", "example"]]
        first = ZONE.run(recorder.watch(chain(*asking)))
        again = Zone.parse(recorder.zone().text()).run(chain(*asking))
        assert [getattr(answer, "records", type(answer)) for answer in again[0]] == [
            getattr(answer, "records", type(answer)) for answer in first[0]
        ]


OVERLAYS = [
    # what is published, question, expected, because
    ('a.example TXT "new"', ("a.example", "TXT"), ("new",), "a set is replaced"),
    ('a.example TXT "new"', ("a.example", "A"), ("192.0.2.1",), "other types stay"),
    ('a.example TXT "new"', ("w.example", "TXT"), ("new",), "also at the end of an alias of the world"),
    ("a.example TXT NONE", ("a.example", "TXT"), Missing(True, 300), "a set is taken away"),
    ('new.example TXT "new"', ("new.example", "A"), Missing(True, 300), "a new name exists"),
    ('_d.x.example TXT "new"', ("x.example", "A"), Missing(True, 300), "and so do those above it"),
    ("n.example CNAME w.example", ("n.example", "A"), ("192.0.2.1",), "a new alias goes on in the world"),
    ("w.example CNAME b.example\nb.example A 192.0.2.7", ("w.example", "A"), ("192.0.2.7",), "an alias is replaced"),
    ("*.example A 192.0.2.8", ("q.example", "A"), ("192.0.2.8",), "a new wildcard"),
    ("*.example A 192.0.2.8", ("a.example", "A"), ("192.0.2.1",), "a name that exists hides it"),
    ("a.example CNAME w.example", ("a.example", "MX"), Cause.SERVFAIL, "a loop across both"),
    ("dark.example A 192.0.2.5", ("dark.example", "A"), ("192.0.2.5",), "what fails can be replaced"),
    ("dark.example A 192.0.2.5", ("dark.example", "TXT"), Cause.SERVFAIL, "the rest of it still fails"),
    ("a.example A FAILS", ("w.example", "A"), Cause.TIMEOUT, "a failure can be tried out"),
]


@pytest.mark.parametrize("published,question,expected,because", OVERLAYS, ids=[row[-1] for row in OVERLAYS])
def test_overlay(published: str, question: tuple[str, RecordType], expected: object, because: str) -> None:
    zone, asked = Zone.parse(published), Question(*question)
    for answer in (overlay(ZONE.answer, zone)(asked), run(overlaid(ask(asked), zone), ZONE.answer)):
        match answer:
            case Found():
                assert (answer.texts or answer.names) == expected
            case Failed(cause):
                assert cause == expected
            case Missing():
                assert answer == expected
