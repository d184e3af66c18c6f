"""DMARC verdicts: one row a rule, each with its zone; and what must hold for every zone."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright import auth
from mailwright.auth import DmarcVerdict, Policy
from mailwright.dns import Answer, Failed, Question, Recorder, Zone
from mailwright.message import author_domain
from mailwright.message.headers import fields
from mailwright.values import Domain, Finding

REJECT = "v=DMARC1; p=reject"
RECORD = f'_dmarc.example.com TXT "{REJECT}"'
LONG = "a.b.c.d.e.f.g.h.i.j.k.example.com"


@dataclass
class Case:
    """One block of dmarc_cases.txt."""

    because: str = ""
    author: str = ""
    spf: str | None = None
    dkim: tuple[str, ...] = ()
    expect: str = ""
    zone: list[str] = field(default_factory=list)


def read_cases(text: str) -> list[Case]:
    cases = []
    for block in text.split("\n\n"):
        case = Case()
        for line in block.splitlines():
            key, _, value = line.partition(": ")
            match key:
                case "from":
                    case.author = value
                case "record":
                    name, _, record = value.partition(" ")
                    case.zone.append(f'_dmarc.{name} TXT "{record}"')
                case "zone":
                    case.zone.append(value)
                case "dkim":
                    case.dkim = tuple(value.split())
                case "because" | "spf" | "expect":
                    setattr(case, key, value)
                case _:
                    assert line.startswith("#"), line
        cases += [case] if case.expect else []
    return cases


CASES = read_cases((Path(__file__).parent / "dmarc_cases.txt").read_text("utf-8"))


def judged(zone: str, author: str, spf: str | None = None, dkim: tuple[str, ...] = ()) -> DmarcVerdict:
    return Zone.parse(zone).run(auth.evaluate_dmarc(author=author, spf_domain=spf, dkim_domains=dkim))


def told(verdict: DmarcVerdict) -> str:
    return " ".join(part or "-" for part in (verdict.result, verdict.policy, verdict.domain, verdict.organizational))


@pytest.mark.parametrize("case", CASES, ids=[case.because for case in CASES])
def test_verdict(case: Case) -> None:
    verdict = judged("\n".join(case.zone), case.author, case.spf, case.dkim)
    assert told(verdict) == case.expect, case.because
    assert verdict.reason.what
    assert verdict.reason.code.startswith("dmarc-")


def test_the_cases_are_read() -> None:
    assert len(CASES) > 100


ODD_AUTHORS = [
    ("Jane\r\n <u@example.com>", "fail", "a folded value"),
    ("", "permerror", "nothing"),
    ("a@example.com\r\nFrom: b@example.net", "permerror", "two From fields in one"),
    ("u\udcff@example.com", "permerror", "an octet that is no UTF-8"),
    ("u\ud800@example.com", "permerror", "half a character"),
    ("u@example.com\x00", "permerror", "a control character"),
    ("x" * 3000 + " <u@example.com>", "permerror", "longer than any From"),
]


@pytest.mark.parametrize("author, result, because", ODD_AUTHORS, ids=[row[2] for row in ODD_AUTHORS])
def test_odd_author(author: str, result: str, because: str) -> None:
    assert judged(RECORD, author).result == result, because


@pytest.mark.parametrize("name", ["", " ", ".", "..", "a b.example.com", "x@example.com", "\udcff.example.com", "a" * 300])
def test_what_is_no_name_aligns_with_nothing(name: str) -> None:
    assert judged(RECORD, "u@example.com", name, (name,)).result == "fail"


ESP = ("esp.example",)
REASONS = [  # zone, author, spf, dkim: the finding, words of what, words of do
    (RECORD, "u@example.com", None, ("example.com",), "dmarc-pass", "DKIM passed for example.com", ""),
    (
        RECORD,
        "u@example.com",
        "b.esp.example",
        ESP,
        "dmarc-not-aligned",
        "SPF passed for b.esp.example, DKIM passed",
        "d=example.com",
    ),
    (
        '_dmarc.example.com TXT "v=DMARC1; p=reject; adkim=s"',
        "u@m.example.com",
        None,
        ESP,
        "dmarc-not-aligned",
        "",
        "d=m.example.com",
    ),
    (
        '_dmarc.example.com TXT "v=DMARC1; p=reject; aspf=s"',
        "u@m.example.com",
        None,
        ESP,
        "dmarc-not-aligned",
        "",
        "in m.example.com",
    ),
    (RECORD, "u@example.com", None, (), "dmarc-nothing-passed", "Neither SPF nor DKIM", "findings of SPF and DKIM"),
    ("", "u@example.com", None, ESP, "dmarc-no-record", "no DMARC record for example.com", "_dmarc.example.com"),
    (f'{RECORD} \n{RECORD[:-1]};"', "u@example.com", None, (), "dmarc-several-records", "2 DMARC records", "leaves one"),
    ('_dmarc.example.com TXT "v=DMARC1"', "u@example.com", None, (), "dmarc-policy-unreadable", "no valid p", "p=none"),
    (f'_dmarc.a TXT "v=DMARC1; p=rejct;{"x=y;" * 40}"', "a", None, (), "dmarc-policy-unreadable", "'rejct'", "p=reject"),
    ("", "a@b.c, d@e.f", None, (), "dmarc-no-author", "several authors", "one author"),
    ("_dmarc.a FAILS", "a", None, (), "dmarc-dns-no-answer", "_dmarc.a TXT", "try again"),
    ('_dmarc.a TXT "v=DMARC1; p=none; np=reject"\nb.a FAILS', "b.a", None, (), "dmarc-dns-no-answer", "b.a A", "try again"),
]


@pytest.mark.parametrize(
    "zone, author, spf, dkim, code, what, do", REASONS, ids=[f"{n}-{row[4]}" for n, row in enumerate(REASONS)]
)
def test_reason_says_what_happened_and_what_to_do(
    zone: str, author: str, spf: str | None, dkim: tuple[str, ...], code: str, what: str, do: str
) -> None:
    reason = judged(zone, author, spf, dkim).reason
    assert reason.code == code
    assert what in reason.what
    assert do in reason.do


def test_what_aligned_is_told() -> None:
    zone = Zone.parse(f'_dmarc.example.com TXT "{REJECT}; t=y"')
    asking = auth.evaluate_dmarc(
        author="example.com", spf_domain="A.example.com", dkim_domains=("esp.example", "example.com", "example.com")
    )
    verdict = zone.run(asking)
    assert verdict.aligned == ("spf=a.example.com", "dkim=example.com")
    assert verdict.passed == ("spf=a.example.com", "dkim=esp.example", "dkim=example.com")
    assert (verdict.record, verdict.testing, verdict.author) == (f"{REJECT}; t=y", True, "example.com")


UNDECIDED = [
    ("dkim=example.com", "temperror", "a check that would have aligned was not completed, §5.3.6"),
    ("spf=mail.example.com", "temperror", "the same by relaxed alignment"),
    ("dkim=esp.example", "fail", "it would not have aligned"),
    ("nonsense", "fail", "no identifier at all"),
]


@pytest.mark.parametrize("undecided, result, because", UNDECIDED, ids=[row[2] for row in UNDECIDED])
def test_a_check_without_result_leaves_the_verdict_open(undecided: str, result: str, because: str) -> None:
    zone = Zone.parse(RECORD)
    author = author_domain(fields(b"From: u@example.com\r\n"))
    assert zone.run(auth.judge_dmarc(author, dkim_domains=("esp.example",), undecided=(undecided,))).result == result, because
    assert zone.run(auth.judge_dmarc(author, dkim_domains=("example.com",), undecided=(undecided,))).result == "pass"


def test_two_from_fields_are_no_author() -> None:
    verdict = Zone.parse("").run(auth.judge_dmarc(author_domain(fields(b"From: a@example.com\r\nFrom: a@example.com\r\n"))))
    assert verdict.result == "permerror"
    assert "2 From fields" in verdict.reason.what


def asked(zone: Zone, *, author: str, spf: str | None = None, dkim: tuple[str, ...] = ()) -> list[list[str]]:
    """The names of the questions, round by round."""
    rounds: list[list[str]] = []
    asking = auth.evaluate_dmarc(author=author, spf_domain=spf, dkim_domains=dkim)
    try:
        questions = next(asking)
        while True:
            rounds.append([f"{question.name} {question.type}" for question in questions])
            answers: tuple[Answer, ...] = tuple([zone.answer(question) for question in questions])
            questions = asking.send(answers)
    except StopIteration:
        return rounds


def names(*domains: str) -> list[str]:
    return [f"_dmarc.{domain} TXT" for domain in domains]


class TestAsking:
    """What is asked, in which rounds: every question costs the owner's name servers, every round time."""

    def test_eight_names_at_most(self) -> None:
        walked = [LONG, *["g.h.i.j.k.example.com".split(".", n)[-1] for n in range(7)]]
        assert asked(Zone.parse(""), author=LONG) == [names(*walked)]
        assert names(*walked)[-1] == "_dmarc.com TXT"

    def test_a_stranger_is_not_asked_for(self) -> None:
        zone = Zone.parse(RECORD)
        assert asked(zone, author="example.com", dkim=("esp.example", "mail.esp.com")) == [names("example.com", "com")]

    def test_a_relative_is_asked_for_in_the_same_round_and_nothing_twice(self) -> None:
        zone = Zone.parse(RECORD)
        rounds = asked(zone, author="example.com", spf="a.example.com", dkim=("a.example.com", "example.com"))
        assert rounds == [names("example.com", "com", "a.example.com")]

    def test_existence_is_asked_only_where_it_matters(self) -> None:
        zone = Zone.parse('_dmarc.example.com TXT "v=DMARC1; p=reject; np=reject"')
        assert len(asked(zone, author="sub.example.com")) == 1
        zone = Zone.parse('_dmarc.example.com TXT "v=DMARC1; p=none; np=reject"')
        assert asked(zone, author="example.com") == [names("example.com", "com")]
        assert asked(zone, author="sub.example.com")[1] == [f"sub.example.com {type}" for type in ("A", "AAAA", "MX")]

    def test_a_relative_by_the_top_level_domain_alone_takes_a_second_round(self) -> None:
        zone = Zone.parse(f'_dmarc.test TXT "{REJECT}"')
        assert asked(zone, author="a.test", dkim=("x.b.test",)) == [names("a.test", "test"), names("x.b.test", "b.test")]

    def test_a_flood_of_identifiers_is_cut_off(self) -> None:
        zone = Zone.parse(RECORD)
        rounds = asked(zone, author="example.com", dkim=tuple(f"x{n}.example.com" for n in range(1000)))
        assert sum(map(len, rounds)) <= 2 + 20


LABELS = st.sampled_from(["a", "b", "mail", "bank", "example", "com"])
DOMAINS = st.lists(LABELS, min_size=1, max_size=10).map(".".join)
TAGS = st.sampled_from(
    ["p=none", "p=reject", "p=quarantine", "sp=none", "np=reject", "t=y", "psd=y", "psd=n", "adkim=s", "rua=mailto:a@b.c", "p=x"]
)
RECORDS = st.lists(TAGS, max_size=4, unique_by=lambda tag: tag[:2]).map(lambda tags: "; ".join(["v=DMARC1", *tags]))
ZONES = st.builds(
    lambda records, failing: Zone.of(
        {f"_dmarc.{name}": {"TXT": texts} for name, texts in records.items()}, failing={f"_dmarc.{name}": "*" for name in failing}
    ),
    st.dictionaries(DOMAINS, st.lists(RECORDS, min_size=1, max_size=2), max_size=5),
    st.lists(DOMAINS, max_size=1),
)


@given(ZONES, DOMAINS, st.none() | DOMAINS, st.lists(DOMAINS, max_size=3))
def test_every_verdict_is_whole(zone: Zone, author: str, spf: str | None, dkim: list[str]) -> None:
    recorder = Recorder()
    verdict = zone.run(recorder.watch(auth.evaluate_dmarc(author=author, spf_domain=spf, dkim_domains=dkim)))
    assert verdict.result in {"none", "pass", "fail", "temperror"}
    assert (verdict.policy != "") == (verdict.result in {"pass", "fail"})
    assert bool(verdict.aligned) == (verdict.result == "pass")
    assert set(verdict.aligned) <= set(verdict.passed)
    assert verdict.reason.code.startswith("dmarc-")
    if verdict.domain:
        assert Domain(author).within(Domain(verdict.domain))
    if verdict.organizational:
        assert Domain(author).within(Domain(verdict.organizational))
    if isinstance(zone.answer(Question(f"_dmarc.{author}", "TXT")), Failed):
        assert verdict.result == "temperror"
    assert len([question for question in recorder.kept if question.type == "TXT"]) <= 8 * (2 + len(dkim))


@given(ZONES, DOMAINS, DOMAINS)
def test_relaxed_alignment_is_symmetric(zone: Zone, one: str, other: str) -> None:
    """Where both have a record of their own with relaxed alignment, each aligns with the other, or neither does."""

    def aligns(author: str, identifier: str) -> str | None:
        verdict = zone.run(auth.evaluate_dmarc(author=author, dkim_domains=(identifier,)))
        record = auth.read_dmarc(verdict.record)
        return verdict.result if record is not None and record.adkim == "r" else None

    results = {aligns(one, other), aligns(other, one)}
    if results <= {"pass", "fail"}:
        assert len(results) == 1


@given(DOMAINS)
def test_no_walk_asks_more_than_eight_names(domain: str) -> None:
    (questions,) = asked(Zone.parse(""), author=domain)
    assert len(questions) <= 8
    assert questions[0] == f"_dmarc.{domain} TXT"
    assert questions[-1] == f"_dmarc.{domain.rpartition('.')[2]} TXT"


@given(st.text(), st.none() | st.text(), st.lists(st.text(), max_size=3))
def test_no_text_raises(author: str, spf: str | None, dkim: list[str]) -> None:
    zone = Zone.parse(RECORD)
    assert zone.run(auth.evaluate_dmarc(author=author, spf_domain=spf, dkim_domains=dkim)).reason.what
    assert zone.run(auth.evaluate_dmarc(author="u@example.com", spf_domain=spf, dkim_domains=dkim)).result in {"pass", "fail"}


@given(st.text(max_size=300), st.binary(max_size=300))
def test_no_record_raises(text: str, octets: bytes) -> None:
    for start in ("v=DMARC1;", "v=DMARC1; p=reject; rua="):
        zone = Zone.of({"_dmarc.example.com": {"TXT": [[start.encode() + octets]]}})
        assert zone.run(auth.evaluate_dmarc(author="example.com")).reason.what
        record = auth.read_dmarc(start + text)
        assert record is not None
        assert all(isinstance(fault, Finding) for fault in record.faults)
        assert all(record.policy(subdomain=sub, exists=exists) in Policy for sub in (True, False) for exists in (True, False))


def calls_of(author: str, dkim: list[str], record: str) -> int:
    """Function calls of an evaluation, as sys.setprofile sees them."""
    zone = Zone.of({"_dmarc.example.com": {"TXT": [record]}})
    seen = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal seen
        seen += 1

    sys.setprofile(count)
    try:
        zone.run(auth.evaluate_dmarc(author=author, dkim_domains=dkim))
    finally:
        sys.setprofile(None)
    return seen


GROWTH = [
    ("identifiers", lambda n: ("example.com", [f"x{i}.esp{n}.example" for i in range(n)], REJECT)),
    ("tags", lambda n: ("example.com", [], REJECT + ";x=1" * n)),
    ("report addresses", lambda n: ("example.com", [], REJECT + "; rua=" + f"mailto:a@b{n}.example," * n)),
    ("octets of From", lambda n: ("(" * n + "u@example.com", [], REJECT)),
]


@pytest.mark.parametrize("what, made", GROWTH, ids=[row[0] for row in GROWTH])
def test_work_grows_no_faster_than_the_input(what: str, made: Callable[[int], tuple[str, list[str], str]]) -> None:
    few, many = calls_of(*made(400)), calls_of(*made(6400))
    assert many <= 16 * few * 1.1, what
