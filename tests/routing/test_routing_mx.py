"""Where mail for a domain goes: zones as texts, one row per case."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.dns import Asking, Mx, Question, Zone
from mailwright.routing.mx import MAX_ADDRESSES, MAX_HOSTS, MailHosts, MxSite, NoRoute, Shuffle, mail_hosts, mx_site
from mailwright.values import Domain


def as_they_are(records: Sequence[Mx]) -> Sequence[Mx]:
    return records


def turned(records: Sequence[Mx]) -> Sequence[Mx]:
    return records[::-1]


def route(
    text: str, *, shuffle: Shuffle = as_they_are, our_hosts: tuple[str, ...] = (), ipv6_first: bool = False
) -> MailHosts | NoRoute:
    zone = Zone.parse(text)
    return zone.run(mail_hosts(Domain("d.example"), shuffle=shuffle, our_hosts=our_hosts, ipv6_first=ipv6_first))


HOSTS = """
    a.example A 192.0.2.1
    b.example A 192.0.2.2
    c.example A 192.0.2.3
    c.example A 192.0.2.4
    c.example AAAA 2001:db8::3
    six.example AAAA 2001:db8::6
    alias.example CNAME a.example
    text.example TXT "no address"
    dark.example FAILS
"""

FOUND = [
    # because, records, hosts with addresses, codes of notes
    ("by preference", "d.example MX 20 b.example\nd.example MX 10 a.example", "a=192.0.2.1 b=192.0.2.2", ""),
    ("implicit MX", "d.example A 192.0.2.9", "d=192.0.2.9", ""),
    ("implicit MX by IPv6 alone", "d.example AAAA 2001:db8::9", "d=2001:db8::9", ""),
    ("the domain is an alias", "d.example CNAME e.example\ne.example MX 10 a.example", "a=192.0.2.1", ""),
    ("an alias without MX", "d.example CNAME a.example", "d=192.0.2.1", "mx-is-alias"),
    ("several addresses, IPv4 first", "d.example MX 10 c.example", "c=192.0.2.3,192.0.2.4,2001:db8::3", ""),
    ("a host with IPv6 alone", "d.example MX 10 six.example", "six=2001:db8::6", ""),
    ("an alias as host is tolerated", "d.example MX 10 alias.example", "alias=192.0.2.1", "mx-is-alias"),
    (
        "an IP address as host is passed over",
        "d.example MX 10 192.0.2.7\nd.example MX 20 a.example",
        "a=192.0.2.1",
        "mx-names-no-host",
    ),
    (
        "nonsense as host is passed over",
        "d.example MX 10 a\\032b.example\nd.example MX 20 a.example",
        "a=192.0.2.1",
        "mx-names-no-host",
    ),
    (
        "a host without address is passed over",
        "d.example MX 10 text.example\nd.example MX 20 a.example",
        "a=192.0.2.1",
        "mx-without-address",
    ),
    (
        "a host that does not answer is passed over",
        "d.example MX 10 dark.example\nd.example MX 20 a.example",
        "a=192.0.2.1",
        "mx-without-address",
    ),
    (
        "a null MX beside others",
        "d.example MX 0 .\nd.example MX 10 a.example",
        "a=192.0.2.1",
        "null-mx-beside-others",
    ),
    ("a host named twice", "d.example MX 10 a.example\nd.example MX 20 a.example", "a=192.0.2.1", ""),
    ("names with underscores exist", "d.example MX 10 m_x.example\nm_x.example A 192.0.2.5", "m_x=192.0.2.5", ""),
]


@pytest.mark.parametrize("because,records,hosts,notes", FOUND, ids=[row[0] for row in FOUND])
def test_hosts(because: str, records: str, hosts: str, notes: str) -> None:
    found = route(HOSTS + records)
    assert isinstance(found, MailHosts)
    assert " ".join(f"{host.name.removesuffix('.example')}={','.join(host.addresses)}" for host in found.hosts) == hosts
    assert " ".join(finding.code for finding in found.notes) == notes


REFUSED = [
    # because, records, our hosts, reply, code of the finding
    ("no such domain", "", "", "550 5.1.2", "domain-missing"),
    ("an alias to nowhere", "d.example CNAME nowhere.example", "", "550 5.1.2", "domain-missing"),
    ("null MX, RFC 7505", "d.example MX 0 .", "", "556 5.1.10", "null-mx"),
    ("a name without MX and address", 'd.example TXT "x"', "", "550 5.4.4", "no-mail-host"),
    ("hosts without address", "d.example MX 10 text.example\nd.example MX 20 no.example", "", "550 5.4.4", "no-mail-host"),
    ("IP addresses alone", "d.example MX 10 192.0.2.7", "", "550 5.4.4", "no-mail-host"),
    ("the MX does not answer", "d.example MX FAILS", "", "451 4.4.3", "dns-no-answer"),
    ("SERVFAIL is not NXDOMAIN", "d.example FAILS servfail", "", "451 4.4.3", "dns-no-answer"),
    ("wrong signatures", "d.example MX FAILS bogus", "", "451 4.4.3", "dns-no-answer"),
    ("the address of the domain does not answer", "d.example MX NONE\nd.example A FAILS", "", "451 4.4.3", "dns-no-answer"),
    (
        "one host has no address, the other does not answer",
        "d.example MX 10 text.example\nd.example MX 20 dark.example",
        "",
        "451 4.4.3",
        "dns-no-answer",
    ),
    ("we are the only host", "d.example MX 10 a.example", "a.example", "554 5.4.6", "mail-loop"),
    ("we are the best host", "d.example MX 10 a.example\nd.example MX 20 b.example", "a.example", "554 5.4.6", "mail-loop"),
    ("others are as good as we", "d.example MX 10 a.example\nd.example MX 10 b.example", "b.example", "554 5.4.6", "mail-loop"),
    ("by our address", "d.example MX 10 a.example", "192.0.2.1", "554 5.4.6", "mail-loop"),
    ("implicit MX", "d.example A 192.0.2.1", "d.example", "554 5.4.6", "mail-loop"),
]


@pytest.mark.parametrize("because,records,ours,reply,code", REFUSED, ids=[row[0] for row in REFUSED])
def test_no_route(because: str, records: str, ours: str, reply: str, code: str) -> None:
    found = route(HOSTS + records, our_hosts=tuple(ours.split()))
    assert isinstance(found, NoRoute)
    assert str(found.reply).startswith(reply + " ")
    assert found.reason.code == code
    assert found.reason.why
    assert found.reason.do
    assert found.reason.evidence


OURS = [
    ("b.example", "a.example", "as a backup we try better hosts only"),
    ("192.0.2.2", "a.example", "also where only our address tells"),
    ("c.example", "a.example b.example", "the better two"),
    ("x.example", "a.example b.example c.example", "we are not among them"),
]


@pytest.mark.parametrize("ours,hosts,because", OURS, ids=[row[-1] for row in OURS])
def test_hosts_no_better_than_ourselves_are_dropped(ours: str, hosts: str, because: str) -> None:
    text = "d.example MX 10 a.example\nd.example MX 20 b.example\nd.example MX 30 c.example"
    found = route(HOSTS + text, our_hosts=(ours,))
    assert isinstance(found, MailHosts)
    assert " ".join(host.name for host in found.hosts) == hosts


def test_equal_preferences_are_shuffled_and_no_others() -> None:
    text = HOSTS + "".join(f"d.example MX {p} {h}.example\n" for p, h in ((10, "a"), (10, "b"), (5, "c"), (10, "six")))
    both = route(text), route(text, shuffle=turned)
    orders = [[host.name for host in found.hosts] for found in both if isinstance(found, MailHosts)]
    assert orders == [
        ["c.example", "a.example", "b.example", "six.example"],
        ["c.example", "six.example", "b.example", "a.example"],
    ]


def test_ipv6_first_where_asked() -> None:
    found = route(HOSTS + "d.example MX 10 c.example", ipv6_first=True)
    assert isinstance(found, MailHosts)
    assert found.hosts[0].addresses == ("2001:db8::3", "192.0.2.3", "192.0.2.4")


def test_hosts_and_addresses_are_bounded() -> None:
    hosts = "".join(f"d.example MX 10 h{n}.example\nh{n}.example A 192.0.2.1\n" for n in range(40))
    addresses = "".join(f"h0.example A 198.51.100.{n}\n" for n in range(40))
    found = route(hosts + addresses)
    assert isinstance(found, MailHosts)
    assert len(found.hosts) == MAX_HOSTS
    assert max(len(host.addresses) for host in found.hosts) == MAX_ADDRESSES


def test_it_takes_two_rounds() -> None:
    asking = mail_hosts(Domain("d.example"), shuffle=as_they_are)
    zone = Zone.parse(HOSTS + "d.example MX 10 a.example\nd.example MX 20 b.example")
    rounds = []

    def watched() -> Asking[object]:
        questions = next(asking)
        try:
            while True:
                rounds.append(questions)
                questions = asking.send((yield questions))
        except StopIteration as end:
            return end.value

    zone.run(watched())
    assert rounds == [
        (Question("d.example", "MX"),),
        tuple(Question(f"{host}.example", type) for host in "ab" for type in ("A", "AAAA")),
    ]


def site(records: str) -> str:
    found = Zone.parse(records).run(mx_site(Domain("d.example")))
    assert isinstance(found, MxSite)
    return found.site


class TestSite:
    def test_one_host_is_its_name(self) -> None:
        assert site("d.example MX 10 MX.Provider.example.") == "mx.provider.example"
        assert site("d.example A 192.0.2.1") == "d.example"

    def test_the_same_hosts_are_one_site_whatever_the_numbers(self) -> None:
        one = site("d.example MX 1 a.example\nd.example MX 5 b.example\nd.example MX 5 c.example")
        other = site("d.example MX 30 c.example\nd.example MX 20 b.example\nd.example MX 10 a.example")
        assert one == other
        assert one.startswith("a.example+")

    def test_other_hosts_are_another_site(self) -> None:
        ab = site("d.example MX 1 a.example\nd.example MX 5 b.example")
        assert ab != site("d.example MX 1 a.example\nd.example MX 5 c.example")
        assert ab != site("d.example MX 5 a.example\nd.example MX 1 b.example")

    def test_it_does_not_change_between_versions(self) -> None:
        assert site("d.example MX 1 a.example\nd.example MX 5 b.example") == "a.example+2a191a2b"

    def test_it_lives_as_long_as_the_records(self) -> None:
        found = Zone.parse("d.example 77 MX 1 a.example").run(mx_site(Domain("d.example")))
        assert isinstance(found, MxSite)
        assert found.ttl == 77


DATA = ["MX 0 .", "MX 5 a.example", "MX 5 b.example", "MX 9 1.2.3.4"]
DATA += ["A 192.0.2.1", "AAAA ::1", "CNAME a.example", "FAILS", "A FAILS"]
LINES = st.lists(
    st.tuples(
        st.sampled_from(["d.example", "a.example", "b.example", "*.example"]),
        st.sampled_from(DATA),
    ),
    max_size=8,
)


@given(LINES, st.sets(st.sampled_from(["a.example", "b.example", "192.0.2.1"])))
def test_every_zone_gives_hosts_with_addresses_or_a_reason(lines: list[tuple[str, str]], ours: set[str]) -> None:
    found = route("\n".join(map(" ".join, lines)), our_hosts=tuple(ours))
    if isinstance(found, MailHosts):
        assert found.hosts
        assert found.site
        assert all(host.addresses and host.name not in ours and ours.isdisjoint(host.addresses) for host in found.hosts)
    else:
        assert found.reply.permanent or found.reply.transient
        assert found.reason.do
