"""Who passes, by arithmetic with networks: as the evaluator says of each single address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.auth import SpfResult, check_spf, survey_spf
from mailwright.auth.spf.network import BITS4, read_client
from mailwright.dns import Zone
from mailwright.domains.spf.networks import Networks
from mailwright.domains.spf.reach import SpfReach, reach_of
from tests.domains.spf_worlds import IPS, wild_records, worlds


def result_for(reach: SpfReach, ip: str) -> SpfResult:
    client = read_client(ip)
    assert client
    results = reach.results4 if client.bits == BITS4 else reach.results6
    (result,) = [result for result, who in results.items() if client.number in who]
    return result


@given(worlds(wild_records))
def test_all_addresses_at_once_get_what_each_gets_alone(zone: Zone) -> None:
    reach = reach_of(zone.run(survey_spf("a.example")))
    for ip in IPS:
        verdict = zone.run(check_spf(ip=ip, helo="h.example", mail_from="x@a.example"))
        assert result_for(reach, ip) is verdict.result, (ip, zone.text())


ROWS = [
    # zone, passing IPv4, passing IPv6, terms that cannot be known, because
    ("ip4:8.8.0.0/16 -ip4:8.8.8.0/24 -all", ["8.8.0.0/16"], [], [], "the first match decides"),
    ("-ip4:8.8.128.0/17 ip4:8.8.0.0/16 -all", ["8.8.0.0/17"], [], [], "also where it forbids"),
    ("a mx/31 ?all", ["8.8.8.8", "9.9.9.8/31"], ["2a00::1"], [], "today's addresses, with their prefix length"),
    ("include:i.example ~all", ["1.1.1.1"], [], [], "a fail inside an include is no match"),
    ("exists:%{i}.x.example ip4:1.1.1.1 ptr -all", ["1.1.1.1"], [], ["exists:%{i}.x.example", "ptr"], "macros are said"),
    ("include:gone.example ip4:1.1.1.1", [], [], [], "what comes behind a dead include is lost"),
    ("ip4:1.1.1.1 include:gone.example", ["1.1.1.1"], [], [], "what comes before it is not"),
    ("a:v1.example a:v2.example ip4:1.1.1.1 a:v3.example ip4:2.2.2.2", ["1.1.1.1"], [], [], "the third void ends it"),
    ("redirect=i.example", ["1.1.1.1"], [], [], "a redirect"),
]
WORLD = """
a.example A 8.8.8.8
a.example AAAA 2a00::1
a.example MX 1 m.example
m.example A 9.9.9.9
m.example AAAA NONE
i.example TXT "v=spf1 -ip4:2.2.2.2 ip4:1.1.1.1 -all"
"""


@pytest.mark.parametrize("terms,four,six,unknown,because", ROWS, ids=[row[-1] for row in ROWS])
def test_who_passes(terms: str, four: list[str], six: list[str], unknown: list[str], because: str) -> None:
    reach = reach_of(Zone.parse(f'{WORLD}a.example TXT "v=spf1 {terms}"').run(survey_spf("a.example")))
    passing4, passing6 = reach.passing
    assert (list(passing4.texts), list(passing6.texts)) == (four, six)
    assert [use.term.text for use in reach.unknown] == unknown


sets = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2)), max_size=5).map(lambda blocks: Networks.of(BITS4, blocks))


@given(sets, sets)
def test_networks_are_sets(one: Networks, other: Networks) -> None:
    for number in range(170):
        assert (number in (one | other)) == (number in one or number in other)
        assert (number in (one - other)) == (number in one and number not in other)
        assert (number in (one & other)) == (number in one and number in other)
    assert (one | other).size + (one & other).size == one.size + other.size
    assert one - one == Networks(BITS4)
