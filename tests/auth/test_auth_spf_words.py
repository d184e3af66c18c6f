"""What an SPF verdict tells: the publisher's explanation, the way to the decision, the reason in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.auth import SpfResult, SpfVerdict, check_spf, read_spf
from mailwright.auth.spf.survey import survey_spf
from mailwright.dns import Zone

WORLD = """
    why.example TXT "%{i} may not send for %{d}."
    two.example TXT "one"
    two.example TXT "two"
    faulty.example TXT "100%"
    octets.example TXT "caf\\195\\169"
    lines.example TXT "a\\013\\010b"
    parts.example TXT "Sorry, " "no."
    from.example TXT "%{l} says %{S}"
    helo.example TXT "%{h} / %{H}"
    all.example TXT "%{c} %{r} %{t} %{v} %{o}"
    dark.example FAILS
    alias.example CNAME why.example
"""


def check(zone: str, *, ip: str = "192.0.2.1", mail_from: str = "user@d.example", helo: str = "h.example") -> SpfVerdict:
    asking = check_spf(ip=ip, helo=helo, mail_from=mail_from, receiver="mx.receiver.example", now=1_700_000_000.9)
    return Zone.parse(f"{WORLD}\n{zone}").run(asking)


EXPLAINED = [
    # the record of d.example, the explanation, because
    ("-all exp=why.example", "192.0.2.1 may not send for d.example.", "RFC 7208 §6.2"),
    ("exp=why.example -ip4:192.0.2.0/24", "192.0.2.1 may not send for d.example.", "wherever exp stands, §6"),
    ("-all", "", "no exp, no explanation"),
    ("~all exp=why.example", "", "only a fail is explained"),
    ("-all exp=%{d1}.gone.example", "", "no such name"),
    ("-all exp=two.example", "", "more than one record"),
    ("-all exp=faulty.example", "", "a syntax error in it"),
    ("-all exp=octets.example", "", "not ASCII"),
    ("-all exp=lines.example", "", "a line end, which may not go into a reply"),
    ("-all exp=dark.example", "", "no answer"),
    ("-all exp=a..example", "", "a malformed name"),
    ("-all exp=alias.example", "192.0.2.1 may not send for d.example.", "an alias"),
    ("-all exp=parts.example", "Sorry, no.", "pieces are joined without blanks"),
    ("-all exp=all.example", "192.0.2.1 mx.receiver.example 1700000000 in-addr d.example", "c, r and t, §7.2"),
    ("-all exp=%{o}x.why.example.", "", "the name is expanded"),
    ("exp=two.example redirect=r.example", "192.0.2.1 may not send for r.example.", "the redirect's own, §6.2"),
    ("exp=why.example redirect=s.example", "", "never that of the record before it"),
    ("-include:i.example exp=parts.example", "Sorry, no.", "never that of an include"),
    ("-include:i.example", "", "never that of an include, where there is no other either"),
    ("include:r.example -all exp=parts.example", "Sorry, no.", "nor one of an include that does not match"),
]
OTHERS = """
    r.example TXT "v=spf1 -all exp=why.example"
    s.example TXT "v=spf1 -all"
    i.example TXT "v=spf1 +all exp=why.example"
"""


@pytest.mark.parametrize("terms,explanation,because", EXPLAINED, ids=[f"{row[-1]}: {row[0]}" for row in EXPLAINED])
def test_an_explanation(terms: str, explanation: str, because: str) -> None:
    assert check(f'{OTHERS}\nd.example TXT "v=spf1 {terms}"').explanation == explanation, because


CLIENTS = [
    ("Macro Error@d.example", "h.example", "from.example", "Macro Error says Macro%20Error%40d.example", "a blank"),
    ("~jack&jill=up-a_b3.c@d.example", "h.example", "from.example",
     "~jack&jill=up-a_b3.c says ~jack%26jill%3Dup-a_b3.c%40d.example", "all but RFC 3986 unreserved is escaped, §7.3"),
    ("a\r\n250 ok@d.example", "h.example", "from.example", "", "a client cannot put lines into our reply"),
    ("a\x1b[2J@d.example", "h.example", "from.example", "", "nor control characters"),
    ("caf\u00e9@d.example", "h.example", "from.example", "", "nor what is not ASCII"),
    ("a@d.example", "a b", "helo.example", "a b / a%20b", "whatever the HELO was"),
    ("a@d.example", "\u00fc", "helo.example", "", "ASCII only"),
    ("user@D.Example", "h.example", "why.example", "192.0.2.1 may not send for D.Example.", "in the sender's spelling"),
]  # fmt: skip


@pytest.mark.parametrize("mail_from,helo,exp,explanation,because", CLIENTS, ids=[row[-1] for row in CLIENTS])
def test_what_the_client_says_is_safe(mail_from: str, helo: str, exp: str, explanation: str, because: str) -> None:
    assert check(f'd.example TXT "v=spf1 -all exp={exp}"', mail_from=mail_from, helo=helo).explanation == explanation


def test_an_ipv6_client_is_explained_in_both_forms() -> None:
    zone = 'six.example TXT "%{c} is queried as %{ir}.%{v}.arpa"\nd.example TXT "v=spf1 -all exp=six.example"'
    verdict = check(zone, ip="CAFE:BABE::1")
    assert verdict.ip == "cafe:babe::1"
    assert verdict.explanation == f"cafe:babe::1 is queried as 1{'.0' * 23}.E.B.A.B.E.F.A.C.ip6.arpa"


WAYS = [
    # the records of d, a, b ...; result, path, term, because
    (["ip4:192.0.2.1"], "pass", "d", "ip4:192.0.2.1", "the first record"),
    (
        ["include:a.example -all", "include:b.example", "ip4:192.0.2.0/24"],
        "pass",
        "d a b",
        "ip4:192.0.2.0/24",
        "an include in one",
    ),
    (["include:a.example -all", "-all"], "fail", "d", "-all", "an include that did not match is not on the way"),
    (["redirect=a.example", "~all"], "softfail", "d a", "~all", "a redirect"),
    (["redirect=a.example", "ip4:192.0.2.9"], "neutral", "d a", "", "the default of the last record"),
    (["include:a.example -all", "moo"], "permerror", "d a", "", "the record with the fault"),
    (["include:z.example -all"], "permerror", "d", "include:z.example", "the term that leads nowhere"),
    (["include:dark.example -all"], "temperror", "d dark", "", "who did not answer"),
    (["include:a.example -all", "a:n1.x a:n2.x a:n3.x"], "permerror", "d a", "a:n3.x", "the term that passed a limit"),
]


@pytest.mark.parametrize("records,result,path,term,because", WAYS, ids=[row[-1] for row in WAYS])
def test_the_way_to_the_decision(records: list[str], result: str, path: str, term: str, because: str) -> None:
    verdict = check("\n".join(f'{name}.example TXT "v=spf1 {terms}"' for name, terms in zip("dab", records, strict=False)))
    assert (verdict.result, " ".join(verdict.path).replace(".example", ""), verdict.term) == (result, path, term)
    assert all(any(domain in line for line in verdict.reason.evidence) for domain in verdict.path)


def test_the_tree_has_all_records_that_were_visited() -> None:
    verdict = check(
        'd.example TXT "v=spf1 include:a.example include:b.example -all"\n'
        'a.example TXT "v=spf1 ?all"\nb.example TXT "v=spf1 ~all"'
    )
    assert [(one.domain, one.result, one.via.text if one.via else "") for one in verdict.tree.inner] == [
        ("a.example", "neutral", "include:a.example"),
        ("b.example", "softfail", "include:b.example"),
    ]
    assert verdict.tree.record
    assert verdict.tree.record.text == "v=spf1 include:a.example include:b.example -all"


CODES = [
    ('d.example TXT "v=spf1 +all"', "spf-pass", "note"),
    ('d.example TXT "v=spf1 -all"', "spf-fail", "error"),
    ('d.example TXT "v=spf1 ~all"', "spf-softfail", "warning"),
    ('d.example TXT "v=spf1 ?all"', "spf-neutral", "warning"),
    ('d.example TXT "v=spf1"', "spf-neutral", "warning"),
    ("", "spf-no-record", "warning"),
    ("d.example FAILS", "spf-no-answer", "warning"),
    ('d.example TXT "v=spf1 a:dark.example"', "spf-no-answer", "warning"),
    ('d.example TXT "v=spf1 moo cow -all"', "spf-syntax", "error"),
    ('d.example TXT "v=spf1 -all"\nd.example TXT "v=spf1 +all"', "spf-several-records", "error"),
    ('d.example TXT "v=spf1 redirect=d.example"', "spf-too-many-lookups", "error"),
    ('d.example TXT "v=spf1 a:n1.x a:n2.x a:n3.x"', "spf-too-many-voids", "error"),
    (
        'd.example TXT "v=spf1 mx"\n' + "\n".join(f"d.example MX {n} why.example" for n in range(11)),
        "spf-too-many-hosts",
        "error",
    ),
    ('d.example TXT "v=spf1 include:why.example"', "spf-include-without-record", "error"),
    ('d.example TXT "v=spf1 redirect=why.example"', "spf-include-without-record", "error"),
]


@pytest.mark.parametrize("zone,code,level", CODES, ids=[f"{row[1]} {n}" for n, row in enumerate(CODES)])
def test_a_reason_in_words(zone: str, code: str, level: str) -> None:
    reason = check(zone).reason
    assert (reason.code, reason.level) == (code, level)
    assert reason.what.endswith(".")
    assert reason.why
    assert reason.reference.startswith("RFC 7208 §")
    assert bool(reason.do) == (code != "spf-pass")


def test_the_faults_of_a_record_are_evidence() -> None:
    reason = check('d.example TXT "v=spf1 ip:192.0.2.1 a/33 -all"').reason
    assert reason.what == "The SPF record of d.example has 2 faults in it."
    assert reason.evidence[1:] == (
        """at 7: "ip:192.0.2.1": There is no mechanism 'ip'.""",
        """at 20: "a/33": /33 is no prefix length for these addresses.""",
    )
    assert "Write ip4: or ip6: for an address." in reason.do


def test_records_are_shown_safely() -> None:
    line = check('d.example TXT "v=spf1 \\007\\027\\034\\200 -all"').reason.evidence[0]
    assert line.isascii()
    assert line.isprintable()


TERM = st.one_of(
    st.text(max_size=12).map(lambda text: text.replace(" ", "")),
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["", "-", "~", "?", "+"]),
        st.sampled_from(
            ["all", "a", "mx", "ptr", "a:", "mx:", "include:", "exists:", "ptr:", "ip4:", "ip6:", "redirect=", "exp="]
        ),
        st.sampled_from(
            ["", "b.example", "%{d}", "%{p}.b.example", "%{l1r-}.%{o}", "192.0.2.0/24", "2001:db8::/32", "..", "%{h}", "%{S}"]
        ),
    ),
)
RECORD = st.lists(TERM, max_size=6).map(lambda terms: " ".join(["v=spf1", *terms]))
NAME = st.sampled_from(["d.example", "b.example", "1.2.0.192.in-addr.arpa"])
WORLDS = st.dictionaries(
    NAME,
    st.fixed_dictionaries(
        {},
        optional={
            "TXT": st.lists(st.one_of(RECORD, st.text(max_size=20)), max_size=2),
            "A": st.just(["192.0.2.1"]),
            "MX": st.just([(1, "b.example")]),
            "PTR": st.just(["b.example"]),
        },
    ),
)


@given(WORLDS, st.sets(NAME), st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_nothing_breaks_a_check(
    world: dict[str, dict[str, object]], silent: set[str], ip: str, helo: str, mail_from: str
) -> None:
    try:
        zone = Zone.of(world, failing=dict.fromkeys(silent, "*"))
    except ValueError:  # text that no TXT record can have
        return
    for address in (ip, "192.0.2.1", "2001:db8::1"):
        for sender in (mail_from, f"{mail_from}@d.example", ""):
            verdict = zone.run(check_spf(ip=address, helo=helo, mail_from=sender))
            assert verdict.result in list(SpfResult)
            assert verdict.explanation.isascii()
            assert verdict.lookups <= 12
            assert verdict.void_lookups <= 3
            reason = verdict.reason
            assert all(line.isprintable() for line in (reason.what, *reason.evidence))
            assert isinstance(verdict.path, tuple)
    assert zone.run(survey_spf("d.example")).findings is not None


@given(st.text())
def test_nothing_breaks_the_reader(text: str) -> None:
    assert read_spf(text).text == text
