"""Answers kept for as long as they live: bounded, the least used go first, an old one is never given out as fresh."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import get_args

from mailwright.dns import Answer, Failed, Found, Question, RecordType, Txt, canonical

MIN_TTL = 1  # seconds: mails of one burst share an answer, also one with a TTL of 0
MAX_TTL = 86_400  # seconds, one day: nobody expects a change of records to take longer
MAX_NEGATIVE_TTL = 3_600  # seconds, RFC 2308 §5: one to three hours have proved sensible
FAILURE_TTL = 5  # seconds: RFC 9520 §3.2 wants at least one; short, for somebody is mending it
_PAGE = 512  # octets of text that weigh as much as one entry


@dataclass(slots=True)
class _Kept:
    answer: Answer
    expires: float
    weight: int


class Cache:
    """Answers by question. `size` bounds the number of entries, long texts count several times; `clock` gives seconds."""

    def __init__(self, *, size: int, clock: Callable[[], float], min_ttl: int = MIN_TTL, max_ttl: int = MAX_TTL) -> None:
        self._size = size
        self._clock = clock
        self._min_ttl = min_ttl
        self._max_ttl = max_ttl
        self._kept: OrderedDict[Question, _Kept] = OrderedDict()
        self.weight = 0

    def __len__(self) -> int:
        return len(self._kept)

    def answer(self, question: Question) -> Answer | None:
        """The answer with the TTL that is left of it, None where none is kept or its time is up."""
        kept = self._kept.get(question)
        if kept is None:
            return None
        left = kept.expires - self._clock()
        if left <= 0:
            self._drop(question)
            return None
        self._kept.move_to_end(question)
        answer = kept.answer
        if not isinstance(answer, Failed) and answer.ttl > left:
            answer = kept.answer = replace(answer, ttl=int(left))  # once a second at most: the rest share it
        return answer

    def keep(self, question: Question, answer: Answer) -> Answer:
        """Keep an answer as long as it may live; returned with its TTL in bounds (RFC 2308 §5, RFC 9520 §3.2)."""
        self._drop(question)
        if isinstance(answer, Failed):
            ttl = FAILURE_TTL
        else:
            most = self._max_ttl if isinstance(answer, Found) else min(MAX_NEGATIVE_TTL, self._max_ttl)
            ttl = min(max(answer.ttl, self._min_ttl), most)
            answer = replace(answer, ttl=ttl)
        if ttl > 0:
            kept = self._kept[question] = _Kept(answer, self._clock() + ttl, _weight(answer))
            self.weight += kept.weight
        while self.weight > self._size:
            self._drop(next(iter(self._kept)))
        return answer

    def forget(self, name: str) -> None:
        """Drop all that is kept of a name: a person has just changed it and wants it read anew."""
        for type in get_args(RecordType):
            self._drop(Question(canonical(name), type))

    def _drop(self, question: Question) -> None:
        kept = self._kept.pop(question, None)
        if kept is not None:
            self.weight -= kept.weight


def _weight(answer: Answer) -> int:
    """How many entries an answer counts for."""
    if not isinstance(answer, Found):
        return 1
    octets = sum(len(record.text) if isinstance(record, Txt) else 64 for record in answer.records)
    return 1 + octets // _PAGE
