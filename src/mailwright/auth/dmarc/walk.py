"""The tree walk: which names are asked for a DMARC record, and what their answers say of who owns a domain (RFC 9989 §4.10)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from mailwright.auth.dmarc.record import DmarcRecord, read_dmarc
from mailwright.dns import Answer, Failed, Found, Question

LONG = 8  # labels: from here on the walk jumps, so that no walk asks more than 8 names (RFC 9989 §4.10 step 4)
AFTER_JUMP = 7  # labels that are left then
_PREFIX = "_dmarc."


@dataclass(frozen=True, slots=True)
class Walk:
    """What a walk from `start` found: records that have a policy, or tell a boundary by psd=, from the longest name on.

    `organizational` is "" and `unanswered` set where a question that mattered has no answer. `public_suffix` is the name
    whose record says psd=y, where it lies above `start`.
    """

    start: str
    records: tuple[tuple[str, DmarcRecord], ...]
    organizational: str
    public_suffix: str = ""
    unanswered: Question | None = None

    @property
    def policy(self) -> tuple[str, DmarcRecord] | None:
        """The record that applies and its name: of the start, the organizational domain or the PSD (RFC 9989 §4.10.1)."""
        for wanted in (self.start, self.organizational, self.public_suffix):
            for name, record in self.records:
                if name == wanted and record.usable:
                    return name, record
        return None


@lru_cache(maxsize=16384)
def steps(domain: str) -> tuple[Question, ...]:
    """The names that a walk may ask, from the longest on: at most 8 (RFC 9989 §4.10)."""
    labels = domain.split(".")
    left = labels[-AFTER_JUMP:] if len(labels) >= LONG else labels[1:]
    names = [domain, *[".".join(left[n:]) for n in range(len(left))]]
    return tuple([Question(_PREFIX + name, "TXT") for name in names])


def walk(start: str, answers: Mapping[Question, Answer]) -> Walk:
    """Walk from a domain with answers at hand; it ends at a record with psd=y or psd=n (RFC 9989 §4.10 steps 2, 6)."""
    found: list[tuple[str, DmarcRecord]] = []
    for question in steps(start):
        answer = answers[question]
        if isinstance(answer, Failed):
            return Walk(start, tuple(found), "", unanswered=question)
        record = the_one_record(answer) if isinstance(answer, Found) else None
        if record is None or not (record.usable or record.psd != "u"):
            continue
        found.append((question.name[len(_PREFIX) :], record))
        if record.psd != "u":
            break
    return _judged(start, tuple(found))


def the_one_record(answer: Found) -> DmarcRecord | None:
    """The DMARC record of a name; several are none (RFC 9989 §4.10 steps 2, 6), other TXT records do not count."""
    records = dmarc_records(answer)
    return records[0] if len(records) == 1 else None


def dmarc_records(answer: Found) -> list[DmarcRecord]:
    """Every DMARC record of a name."""
    return [record for text in answer.texts if (record := read_dmarc(text)) is not None]


def _judged(start: str, found: tuple[tuple[str, DmarcRecord], ...]) -> Walk:
    """The organizational domain (RFC 9989 §4.10.2): psd=n names it, psd=y above the start lies one label over it, else it
    is the shortest name with a record; without any, the start.
    """
    if not found:
        return Walk(start, (), start)
    name, record = found[-1]  # psd= ended the walk: only the last can have it
    if record.psd == "y" and name != start:
        below = ".".join(start.split(".")[-name.count(".") - 2 :])
        return Walk(start, found, below, public_suffix=name)
    return Walk(start, found, name)
