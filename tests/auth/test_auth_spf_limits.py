"""SPF's limits: what counts, in which order, what is asked ahead of it, and how much a hostile record can cost."""

import itertools
import sys
from collections.abc import Callable
from types import FrameType

import pytest

from mailwright.auth import SpfVerdict, check_spf
from mailwright.dns import Answer, Question, Zone, run

ANY = "*.x.example A 192.0.2.99\n*.x.example AAAA 2001:db8::99\n*.x.example MX 1 m.x.example\n"


def check(zone: str | Zone, ip: str = "192.0.2.1", mail_from: str = "user@d.example") -> SpfVerdict:
    zone = Zone.parse(ANY + zone) if isinstance(zone, str) else zone
    return zone.run(check_spf(ip=ip, helo="h.x.example", mail_from=mail_from))


def chain(links: int, last: str = "-all") -> str:
    """d.example includes i1, that includes i2, and so on."""
    names = ["d.example", *[f"i{n}.example" for n in range(1, links + 1)]]
    lines = [f'{name} TXT "v=spf1 include:{following}"' for name, following in itertools.pairwise(names)]
    return "\n".join([*lines, f'{names[-1]} TXT "v=spf1 {last}"'])


LOOKUPS = [
    # the zone, result, lookups, because
    ('d.example TXT "v=spf1 ip4:192.0.2.2 ip6:::1 all"', "pass", 0, "ip4, ip6 and all are free, RFC 7208 §4.6.4"),
    (('d.example TXT "v=spf1 a:1.x.example mx:2.x.example exists:none.example ptr include:e.example -all"\n'
     'e.example TXT "v=spf1 redirect=f.example"\nf.example TXT "v=spf1 ?all"'), "fail", 6, "each that asks counts one"),
    (f'd.example TXT "v=spf1 {"a:1.x.example " * 10}-all"', "fail", 10, "ten are allowed, the same one counts each time"),
    (f'd.example TXT "v=spf1 {"a:1.x.example " * 11}-all"', "permerror", 11, "eleven are not"),
    (f'd.example TXT "v=spf1 {"a:1.x.example " * 10}ip4:192.0.2.1 a:2.x.example -all"', "pass", 10, "one not reached is free"),
    (f'd.example TXT "v=spf1 {"a:1.x.example " * 10}-all a:1.x.example redirect=d.example"', "fail", 10, "nor behind all"),
    (chain(10), "neutral", 10, "ten includes deep"),
    (chain(11), "permerror", 11, "eleven deep"),
    ('d.example TXT "v=spf1 include:d.example -all"', "permerror", 11, "a circle ends at the limit"),
    ('d.example TXT "v=spf1 redirect=d.example"', "permerror", 11, "a circle of redirects too"),
    (f'd.example TXT "v=spf1 {"a:1.x.example " * 10}redirect=e.example"\ne.example TXT "v=spf1 -all"', "permerror", 11,
     "a redirect counts"),
    (f'd.example TXT "v=spf1 a:1.x.example include:e.example ip4:192.0.2.1 -all"\ne.example TXT "v=spf1{" a:1.x.example" * 8}"',
     "pass", 10, "one limit for all records, §4.1"),
    (f'd.example TXT "v=spf1 a:1.x.example include:e.example a:1.x.example -all"\ne.example TXT "v=spf1{" a:1.x.example" * 8}"',
     "permerror", 11, "and the eleventh is over it"),
    (f'd.example TXT "v=spf1 {"mx:1.x.example " * 10}-all"', "fail", 10, "the hosts of an mx are not counted besides"),
    ('d.example TXT "v=spf1 exists:%{p}.y.example exists:%{p}.x.example"\n1.2.0.192.in-addr.arpa PTR m.x.example',
     "pass", 3, "%{p} asks for PTR records, once"),
    ('d.example TXT "v=spf1 -all exp=%{p}.y.example"', "fail", 0, "an explanation does not count"),
]  # fmt: skip


@pytest.mark.parametrize("zone,result,lookups,because", LOOKUPS, ids=[row[-1] for row in LOOKUPS])
def test_lookups(zone: str, result: str, lookups: int, because: str) -> None:
    verdict = check(zone)
    assert (verdict.result, verdict.lookups) == (result, lookups)


def test_ten_lookups_with_a_validated_name_are_eleven() -> None:
    """ "The number of PTR resource records queried is included in the overall limit" (RFC 7208 §4.6.4)."""
    zone = f'd.example TXT "v=spf1 {"a:1.x.example " * 9}exists:%{{p}}.x.example"\n1.2.0.192.in-addr.arpa PTR m.x.example'
    assert check(zone).decided.outcome == "lookups"


VOIDS = [
    # terms of d.example, client, result, void lookups, because
    ("a:n1.example a:n2.example -all", "192.0.2.1", "fail", 2, "two are allowed, RFC 7208 §4.6.4"),
    ("a:n1.example a:n2.example a:n3.example -all", "192.0.2.1", "permerror", 3, "three are not"),
    ("a:n1.example a:n2.example a:n2.example -all", "192.0.2.1", "permerror", 3, "the same one again counts again"),
    ("a:n1.example a:n2.example ip4:192.0.2.1 a:n3.example", "192.0.2.1", "pass", 2, "one not reached does not count"),
    ("exists:n1.example mx:n2.example ptr:n3.example -all", "192.0.2.1", "permerror", 3, "of all kinds"),
    ("a:here.example a:here.example a:here.example -all", "2001:db8::1", "permerror", 3, "NODATA counts as NXDOMAIN does"),
    ("a:here.example a:here.example a:here.example -all", "192.0.2.1", "fail", 0, "and addresses of others do not"),
    ("mx:two.example mx:two.example -all", "192.0.2.1", "fail", 2, "a term counts once, however many hosts it has"),
    ("mx:two.example mx:two.example mx:two.example -all", "192.0.2.1", "permerror", 3, "but each term does"),
    ("mx:mixed.example mx:mixed.example mx:mixed.example -all", "192.0.2.99", "pass", 0, "hosts behind a match are not reached"),
    ("a:n1.example a:n2.example mx:late.example -all", "192.0.2.99", "permerror", 3, "a void before the match is"),
    ("a:a..b a:a..c a:a..d -all", "192.0.2.1", "fail", 0, "a malformed name is not asked for"),
    ("-all exp=n1.example", "192.0.2.1", "fail", 0, "an explanation does not count"),
    ("include:n1.example", "192.0.2.1", "permerror", 0, "an include without a record ends it anyway"),
    ("a:alias.example a:n1.example a:n2.example", "192.0.2.1", "permerror", 3, "an alias that leads nowhere"),
    ("a:n1.example a:n2.example a:dark.example", "192.0.2.1", "temperror", 2, "no answer is not nothing"),
]
HOSTS = """
    here.example A 192.0.2.98
    two.example MX 1 g1.example
    two.example MX 2 g2.example
    mixed.example MX 1 m.x.example
    mixed.example MX 2 g1.example
    late.example MX 1 g1.example
    late.example MX 2 m.x.example
    alias.example CNAME gone.example
    dark.example FAILS
"""


@pytest.mark.parametrize("terms,ip,result,voids,because", VOIDS, ids=[row[-1] for row in VOIDS])
def test_void_lookups(terms: str, ip: str, result: str, voids: int, because: str) -> None:
    verdict = check(f'{HOSTS}\nd.example TXT "v=spf1 {terms}"', ip=ip)
    assert (verdict.result, verdict.void_lookups) == (result, voids)


def rounds(zone: str, ip: str = "192.0.2.1") -> tuple[SpfVerdict, list[tuple[Question, ...]]]:
    """A check, with what was asked in each round."""
    world = Zone.parse(ANY + zone)
    asking = check_spf(ip=ip, helo="h.x.example", mail_from="user@d.example")
    asked = []
    try:
        questions = next(asking)
        while True:
            asked.append(questions)
            questions = asking.send(tuple([world.answer(question) for question in questions]))
    except StopIteration as end:
        verdict: SpfVerdict = end.value
        return verdict, asked


def names(questions: tuple[Question, ...]) -> str:
    return " ".join(map(str, questions))


def test_what_a_record_may_need_is_asked_at_once() -> None:
    zone = 'd.example TXT "v=spf1 a mx include:e.example include:f.example ~all"\n'
    zone += 'e.example TXT "v=spf1 ?all"\nf.example TXT "v=spf1 -all"\nd.example A 192.0.2.7\nd.example MX 1 d.example'
    verdict, asked = rounds(zone)
    assert verdict.result == "softfail"
    assert [names(one) for one in asked] == ["d.example TXT", "d.example A d.example MX e.example TXT f.example TXT"]


def test_nothing_is_asked_ahead_that_tells_who_writes() -> None:
    _, asked = rounds('d.example TXT "v=spf1 a:1.x.example exists:%{l}.x.example include:%{i}.x.example ptr -all"')
    assert [names(one) for one in asked] == ["d.example TXT", "1.x.example A", "user.x.example A"]


def test_nothing_is_asked_before_a_term_that_asks_is_reached() -> None:
    _, asked = rounds('d.example TXT "v=spf1 ip4:192.0.2.1 include:e.example -all"')
    assert [names(one) for one in asked] == ["d.example TXT"]


def test_no_more_is_asked_ahead_than_a_check_may_ask() -> None:
    terms = " ".join(f"a:{n}.x.example" for n in range(40))
    verdict, asked = rounds(f'd.example TXT "v=spf1 {terms} -all"')
    assert verdict.decided.outcome == "lookups"
    assert sum(map(len, asked)) == 11  # the record, and ten terms


@pytest.mark.parametrize(
    "ahead", ["a:dark.example", "include:dark.example", "mx:n1.example a:n2.example a:n3.example a:n4.example"]
)
def test_an_answer_that_evaluation_does_not_come_to_counts_for_nothing(ahead: str) -> None:
    verdict, asked = rounds(f'dark.example FAILS\nd.example TXT "v=spf1 a:1.x.example {ahead} -all"', ip="192.0.2.99")
    assert (verdict.result, verdict.lookups, verdict.void_lookups) == ("pass", 1, 0)
    assert len(asked[1]) > 1


def asked_of(zone: Zone) -> int:
    """How many questions a check asks."""
    count = 0

    def counted(question: Question) -> Answer:
        nonlocal count
        count += 1
        return zone.answer(question)

    run(check_spf(ip="192.0.2.1", helo="h.example", mail_from="user@d0.example"), counted)
    return count


def test_a_forest_of_includes_costs_no_more_than_the_limit() -> None:
    zone = Zone.of(
        {f"d{n}.example": {"TXT": "v=spf1 " + " ".join(f"include:d{n * 9 + m}.example" for m in range(1, 10))} for n in range(91)}
    )
    assert asked_of(zone) <= 21  # ten ahead, ten as they are reached, and the record


def test_ten_terms_of_ten_mail_servers_are_the_most_that_is_asked() -> None:
    record = "v=spf1 " + " ".join(f"mx:m{n}.example" for n in range(30))
    exchangers = "\n".join(f"m{n}.example MX {k} h{n}-{k}.y.example" for n in range(30) for k in range(10))
    assert asked_of(Zone.parse(f'd0.example TXT "{record}"\n*.y.example A 192.0.2.77\n{exchangers}')) == 111


GROWING: list[tuple[str, Callable[[int], dict[str, object]]]] = [
    ("networks", lambda size: {"d.example": "v=spf1 " + "ip4:198.51.100.7 " * size}),
    ("terms that do not ask", lambda size: {"d.example": "v=spf1 " + "ip6:::/0 " * size + "a:%{d}.x.example"}),
    ("macros", lambda size: {"d.example": "v=spf1 exists:" + "%{s}" * size}),
    ("faulty macros", lambda size: {"d.example": "v=spf1 exists:" + "%{l1r@}" * size}),
    ("parts", lambda size: {"d.example": "v=spf1 a:" + "a." * size + "%{d}"}),
    ("an explanation", lambda size: {"d.example": "v=spf1 -all exp=e.example", "e.example": "%{s}" * size}),
    ("modifiers", lambda size: {"d.example": "v=spf1 " + "x=%{d} " * size + "-all"}),
    ("includes", lambda size: {"d.example": "v=spf1 " + "include:e.example " * size, "e.example": "v=spf1 -all"}),
    ("deep and long", lambda size: {"d.example": "v=spf1 " + "ip4:198.51.100.7 " * size + "redirect=d.example"}),
]


@pytest.mark.parametrize("because,make", GROWING, ids=[row[0] for row in GROWING])
def test_work_grows_with_the_records_and_no_faster(because: str, make: Callable[[int], dict[str, object]]) -> None:
    one, four = calls(make(2_000)), calls(make(8_000))
    assert four <= 4.4 * one + 200


def calls(records: dict[str, object]) -> int:
    """How many functions, of Python and of C, a check and its words take."""
    zone = Zone.of({name: {"TXT": [text]} for name, text in records.items()})
    seen = 0

    def counted(_frame: FrameType, event: str, _what: object) -> None:
        nonlocal seen
        seen += event in {"call", "c_call"}

    sys.setprofile(counted)
    try:
        assert check(zone, mail_from="x" * 900 + "@d.example").reason.code
    finally:
        sys.setprofile(None)
    return seen


def test_a_record_of_100_kb_is_judged() -> None:
    networks = " ".join(f"ip4:198.51.{n >> 8}.{n & 255}" for n in range(6_000))
    zone = Zone.of({"d.example": {"TXT": [f"v=spf1 {networks} ip4:192.0.2.1 -all"]}})
    assert check(zone).term == "ip4:192.0.2.1"
    assert check(zone, ip="192.0.2.2").result == "fail"


def test_what_macros_stand_for_is_bounded() -> None:
    zone = Zone.of({"d.example": {"TXT": ["v=spf1 -all exp=e.example"]}, "e.example": {"TXT": ["%{s}" * 16_000]}})
    assert len(check(zone, mail_from="x" * 900 + "@d.example").explanation) == 2048
