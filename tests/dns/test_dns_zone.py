"""Zones as texts: each row is a question, what comes back, and because of what."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.dns import Cause, Failed, Found, Missing, Mx, Question, Record, RecordType, Soa, Tlsa, Txt, Zone
from mailwright.values import Malformed

WORLD = """
    $TTL 1h
    example.com        IN SOA  ns1.example.com hostmaster.example.com ( 2026010101 ; serial
                               3600 600
                               86400 300 )
                       IN NS   ns1.example.com
                   300 IN MX   20 mx2.example.com
                    60 IN MX   10 MX1.Example.COM.
                       IN TXT  "v=spf1 " "mx -all"
                       IN TXT  "other; text"
    mx1.example.com    A       192.0.2.1
                       AAAA    2001:DB8:0::1
    _25._tcp.mx1.example.com TLSA 3 1 1 ( 8CB0 FC6C
                                          527506A0 )
    www.example.com    120 CNAME   example.com
    far.example.com    CNAME   www.example.com
    lost.example.com   CNAME   nowhere.example.net
    round.example.com  CNAME   again.example.com
    again.example.com  CNAME   round.example.com
    a.b.c.example.com  A       192.0.2.9
    *.wild.example.com TXT     "any"
    *.wild.example.com MX      10 mx1.example.com
    host.wild.example.com A    192.0.2.3
    *.alias.example.com CNAME  mx1.example.com
    null.example.com   MX      0 .
    dark.example.com   FAILS
    half.example.com   A       192.0.2.4
    half.example.com   FAILS   servfail
    shy.example.com    TXT     FAILS refused
    bare.example.com   TXT     NONE
    octets.example.com TXT     "\\255\\"\\\\ \\195\\188"
    1.2.0.192.in-addr.arpa PTR MX1.example.com
    empty.example.com  TXT     ""
    word.example.com   TXT     v=spf1
"""

A_MX1 = ("192.0.2.1",)

FOUND = [
    # name, type, records, ttl, chain, because
    ("example.com", "TXT", ("v=spf1 mx -all", "other; text"), 3600, (), "pieces are joined with nothing between"),
    ("EXAMPLE.com.", "TXT", ("v=spf1 mx -all", "other; text"), 3600, (), "letter case and final dot do not count"),
    ("example.com", "MX", (Mx(20, "mx2.example.com"), Mx(10, "mx1.example.com")), 60, (), "a set has its shortest TTL"),
    ("example.com", "NS", ("ns1.example.com",), 3600, (), "an indented line keeps the owner"),
    ("mx1.example.com", "AAAA", ("2001:db8::1",), 3600, (), "addresses are written one way"),
    ("www.example.com", "MX", (Mx(20, "mx2.example.com"), Mx(10, "mx1.example.com")), 60, ("example.com",), "one alias"),
    ("www.example.com", "TXT", ("v=spf1 mx -all", "other; text"), 120, ("example.com",), "the alias lives shorter"),
    ("far.example.com", "NS", ("ns1.example.com",), 120, ("www.example.com", "example.com"), "two aliases, in order"),
    ("www.example.com", "CNAME", ("example.com",), 120, (), "asked for itself an alias is not followed"),
    ("x.wild.example.com", "TXT", ("any",), 3600, (), "wildcard, RFC 4592"),
    ("x.y.wild.example.com", "TXT", ("any",), 3600, (), "a wildcard stands for several labels, RFC 4592 §2.2.1"),
    ("*.wild.example.com", "TXT", ("any",), 3600, (), "the wildcard itself can be asked"),
    ("q.alias.example.com", "A", A_MX1, 3600, ("mx1.example.com",), "a wildcard may be an alias"),
    ("null.example.com", "MX", (Mx(0, ""),), 3600, (), "null MX, RFC 7505"),
    ("half.example.com", "A", ("192.0.2.4",), 3600, (), "what is listed answers"),
    ("1.2.0.192.in-addr.arpa", "PTR", ("mx1.example.com",), 3600, (), "names in records are canonical"),
    ("octets.example.com", "TXT", ('\udcff"\\ ü',), 3600, (), "octets survive, UTF-8 is readable"),
    ("empty.example.com", "TXT", ("",), 3600, (), "an empty text is a text"),
    ("word.example.com", "TXT", ("v=spf1",), 3600, (), "one word needs no quotes"),
]

NOT_FOUND = [
    ("example.com", "AAAA", Missing(True, 300), "the name exists"),
    ("com", "A", Missing(True, 300), "an empty node above a name exists, RFC 4592 §2.2.2"),
    ("b.c.example.com", "A", Missing(True, 300), "so does one between"),
    ("x.b.c.example.com", "A", Missing(False, 300), "but not beside it"),
    ("nobody.example.com", "A", Missing(False, 300), "NXDOMAIN"),
    ("host.wild.example.com", "TXT", Missing(True, 300), "a name that exists hides the wildcard"),
    ("x.host.wild.example.com", "TXT", Missing(False, 300), "and so does it for names below, RFC 4592 §2.2.1"),
    ("x.wild.example.com", "A", Missing(True, 300), "the wildcard has no such record"),
    ("lost.example.com", "A", Missing(False, 300, chain=("nowhere.example.net",)), "an alias to nowhere"),
    ("bare.example.com", "TXT", Missing(True, 300), "NONE: it exists, without"),
    ("bare.example.com", "A", Missing(True, 300), "NONE: it exists"),
    ("a..example.com", "A", Missing(False, 300), "a name that cannot be does not exist"),
    (f"{'a' * 64}.wild.example.com", "TXT", Missing(False, 300), "not even by a wildcard"),
    ("dark.example.com", "TXT", Cause.TIMEOUT, "FAILS: nothing answers"),
    ("half.example.com", "TXT", Cause.SERVFAIL, "FAILS: what is not listed"),
    ("shy.example.com", "TXT", Cause.REFUSED, "one type fails"),
    ("shy.example.com", "A", Missing(True, 300), "the others do not"),
    ("round.example.com", "A", Cause.SERVFAIL, "a loop of aliases is never 'there is none'"),
]


def found(zone: Zone, name: str, type: RecordType) -> Found:
    answer = zone.answer(Question(name, type))
    assert isinstance(answer, Found)
    return answer


@pytest.mark.parametrize("name,type,records,ttl,chain,because", FOUND, ids=[row[-1] for row in FOUND])
def test_found(name: str, type: RecordType, records: tuple[Any, ...], ttl: int, chain: tuple[str, ...], because: str) -> None:
    answer = found(Zone.parse(WORLD), name, type)
    assert (answer.texts if type == "TXT" else answer.records, answer.ttl, answer.chain) == (records, ttl, chain)


@pytest.mark.parametrize("name,type,expected,because", NOT_FOUND, ids=[row[-1] for row in NOT_FOUND])
def test_not_found(name: str, type: RecordType, expected: Missing | Cause, because: str) -> None:
    answer = Zone.parse(WORLD).answer(Question(name, type))
    assert (answer.cause if isinstance(answer, Failed) else answer) == expected


def test_rare_records() -> None:
    zone = Zone.parse(WORLD)
    assert found(zone, "example.com", "SOA").records == (
        Soa("ns1.example.com", "hostmaster.example.com", 2026010101, 3600, 600, 86400, 300),
    )
    assert found(zone, "_25._tcp.mx1.example.com", "TLSA").records == (Tlsa(3, 1, 1, bytes.fromhex("8cb0fc6c527506a0")),)
    caa = found(Zone.parse('c.example CAA 0 issue "ca.example"'), "c.example", "CAA")
    assert str(caa.records[0]) == '0 issue "ca.example"'


def test_origin_makes_names_relative() -> None:
    zone = Zone.parse("$ORIGIN example.com.\n@ MX 10 mx\nmx A 192.0.2.1\nother.example. CNAME @\n")
    assert found(zone, "example.com", "MX").exchangers == (Mx(10, "mx.example.com"),)
    assert found(zone, "mx.example.com", "A").names == ("192.0.2.1",)
    assert found(zone, "other.example", "CNAME").names == ("example.com",)


def test_a_key_as_opendkim_genkey_writes_it() -> None:
    text = """mail._domainkey.example.com. IN TXT ( "v=DKIM1; h=sha256; k=rsa; "
        "p=MIIB"
        "IjAN" )  ; ----- DKIM key mail for example.com"""
    answer = found(Zone.parse(text), "mail._domainkey.example.com", "TXT")
    assert answer.texts == ("v=DKIM1; h=sha256; k=rsa; p=MIIBIjAN",)


MALFORMED = [
    ("a.example A 192.0.2.1\nb.example HINFO x", "Line 2:", "Known are", "an unknown type"),
    ("a.example TXT v=spf1 -all", "Line 1:", "quotes", "blanks without quotes would be lost"),
    ("a.example TXT v=DMARC1;p=none", "Line 1:", "quotes", "a semicolon without quotes begins a comment"),
    ('a.example TXT "open', "Line 1:", "Close the quotes", "an open quote"),
    ("\n\na.example A 192.0.2.256", "Line 3:", "192.0.2.1", "no address"),
    ("a.example AAAA fe80::1%eth0", "Line 1:", "%", "an interface"),
    ("a.example MX mx.example", "Line 1:", "10 mx", "no preference"),
    ("a.example MX 70000 mx.example", "Line 1:", "65535", "too large a preference"),
    ("a.example", "Line 1:", "type", "a name alone"),
    ("a.example TXT", "Line 1:", "data", "no data"),
    ("a..example A 192.0.2.1", "Line 1:", "single dots", "an empty label"),
    (f"{'a' * 64}.example A 192.0.2.1", "Line 1:", "63", "a long label"),
    ("@ A 192.0.2.1", "Line 1:", "$ORIGIN", "an @ without an origin"),
    ('a.example TXT ( "x"\nb.example A 192.0.2.1', "Line 1:", ")", "an open parenthesis"),
    ("a.example A 192.0.2.1 )", "Line 1:", "(", "a stray parenthesis"),
    ('a.example TXT "\\999"', "Line 1:", "255", "no octet"),
    ("a.example FAILS loudly", "Line 1:", "servfail", "an unknown cause"),
    ("$INCLUDE other", "Line 1:", "$ORIGIN", "an unknown directive"),
    ("a.example TLSA 3 1 1 xyz", "Line 1:", "0-9", "no hexadecimal"),
]


@pytest.mark.parametrize("text,where,remedy,because", MALFORMED, ids=[row[-1] for row in MALFORMED])
def test_malformed_says_where_and_what_to_do(text: str, where: str, remedy: str, because: str) -> None:
    with pytest.raises(Malformed) as caught:
        Zone.parse(text)
    assert str(caught.value).startswith(where)
    assert remedy in caught.value.remedy


class TestOf:
    ZONE = Zone.of(
        {
            "Example.COM": {"TXT": ["v=spf1 -all", ["v=", b"x"]], "MX": [(10, "mx.example.com"), [5, "MX2.example.com."]]},
            "one.example": {"TXT": "v=spf1 -all", "MX": (0, "."), "A": "192.0.2.1"},
            "long.example": {"TXT": ["x" * 400]},
            "there.example": {},
            "none.example": {"TXT": []},
            "null.example": {"MX": "0 ."},
        },
        failing={"dark.example": "*", "one.example": ["PTR", "NS"], "odd.example": {"TXT": "servfail"}, "one.two": "MX"},
    )

    @pytest.mark.parametrize(
        "name,type,expected",
        [
            ("example.com", "TXT", (Txt("v=spf1 -all", (b"v=spf1 -all",)), Txt("v=x", (b"v=", b"x")))),
            ("example.com", "MX", (Mx(10, "mx.example.com"), Mx(5, "mx2.example.com"))),
            ("one.example", "MX", (Mx(0, ""),)),
            ("null.example", "MX", (Mx(0, ""),)),
            ("one.example", "A", ("192.0.2.1",)),
            ("long.example", "TXT", (Txt("x" * 400, (b"x" * 255, b"x" * 145)),)),
        ],
    )
    def test_records(self, name: str, type: RecordType, expected: tuple[Record, ...]) -> None:
        assert found(self.ZONE, name, type).records == expected

    @pytest.mark.parametrize(
        "name,type,expected",
        [
            ("there.example", "A", Missing(True, 300)),
            ("none.example", "TXT", Missing(True, 300)),
            ("dark.example", "A", Cause.TIMEOUT),
            ("one.example", "NS", Cause.TIMEOUT),
            ("one.two", "MX", Cause.TIMEOUT),
            ("one.two", "A", Missing(True, 300)),
            ("odd.example", "TXT", Cause.SERVFAIL),
        ],
    )
    def test_no_records(self, name: str, type: RecordType, expected: Missing | Cause) -> None:
        answer = self.ZONE.answer(Question(name, type))
        assert (answer.cause if isinstance(answer, Failed) else answer) == expected

    @pytest.mark.parametrize(
        "records",
        [
            {"a": {"A": "x"}},
            {"a": {"A": "::1"}},
            {"a": {"MX": 5}},
            {"a": {"MX": [5]}},
            {"a": {"NS": "b c"}},
            {"a": {"X": "y"}},
            {"a": {"TXT": "\ud800"}},
        ],
    )
    def test_malformed(self, records: dict[str, dict[str, object]]) -> None:
        with pytest.raises(Malformed):
            Zone.of(records)

    def test_authenticated(self) -> None:
        zone = Zone.of({"a.example": {"A": "192.0.2.1"}}, authenticated=True)
        assert found(zone, "a.example", "A").authenticated
        assert zone.answer(Question("a.example", "MX")) == Missing(True, 300, authenticated=True)


def test_the_text_of_a_zone_reads_back() -> None:
    zone = Zone.parse(WORLD)
    assert Zone.parse(zone.text()) == zone
    odd = Zone.of({'a "b"; (c)\\.example': {"CNAME": [("ü $@.example",)], "TXT": [["\udcff\n", '"']]}})
    assert Zone.parse(odd.text()) == odd


@given(st.text(max_size=200) | st.text('ab. \n\t"\\();@$*123AMXTFAILSNONE', max_size=80))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        zone = Zone.parse(text)
    except Malformed:
        return
    assert Zone.parse(zone.text()) == zone


@given(st.text('ab.*"\\ü', max_size=300))
def test_any_name_has_an_answer(name: str) -> None:
    assert Zone.parse(WORLD).answer(Question(name, "TXT")) is not None
