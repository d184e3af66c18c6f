"""The whole tree of an SPF record: what it costs, where it is broken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.auth.spf.survey import MAX_RECORDS, lookups_of, survey_spf
from mailwright.dns import Answer, Question, Zone, run

ROWS = [
    # zone, domain, lookups, codes, because
    ('a.example TXT "v=spf1 ip4:192.0.2.1 -all"', 0, [], "networks cost nothing"),
    (
        'a.example TXT "v=spf1 a mx ptr exists:x.example -all"\na.example A 192.0.2.1\nx.example A 127.0.0.2',
        4,
        [],
        "each term that asks costs one, RFC 7208 §4.6.4",
    ),
    (
        'a.example TXT "v=spf1 include:b.example -all"\nb.example TXT "v=spf1 a mx ?all"',
        3,
        [],
        "an include costs one, and what is in it",
    ),
    (
        'a.example TXT "v=spf1 redirect=b.example"\nb.example TXT "v=spf1 mx -all"',
        2,
        [],
        "so does a redirect",
    ),
    ('a.example TXT "v=spf1 -all redirect=b.example"', 0, [], "a redirect beside all is ignored, RFC 7208 §6.1"),
    ('a.example TXT "v=spf1 -all a mx"', 0, [], "what stands after all is ignored, RFC 7208 §5.1"),
    (
        'a.example TXT "v=spf1 include:b.example include:b.example -all"\nb.example TXT "v=spf1 a -all"',
        4,
        [],
        "the same include twice costs twice",
    ),
    ('a.example TXT "v=spf1 include:%{i}.x.example -all"', 1, [], "macros depend on the mail: counted, not followed"),
    (
        'a.example TXT "v=spf1 include:b.%{d} -all"\nb.a.example TXT "v=spf1 include:c.%{o} -all"\nc.a.example TXT "v=spf1 -all"',
        2,
        [],
        "but %{d} and %{o} are known, RFC 7208 §7.2",
    ),
    ('a.example TXT "v=spf1 exists:%{p}.x.example exists:%{p}.y.example -all"', 3, [], "%{p} asks once for PTR records"),
    ("a.example A 192.0.2.1", 0, ["spf-no-record"], "no record"),
    ("a.example FAILS", 0, ["spf-no-answer"], "no answer is not no record"),
    ('a.example TXT "v=spf1 -all"\na.example TXT "v=spf1 a -all"', 1, ["spf-several-records"], "two records, both are counted"),
    (
        'a.example TXT "v=spf1 ip:192.0.2.1 include:b.example -all"',
        1,
        ["spf-syntax", "spf-include-without-record"],
        "a fault anywhere voids all, and what is wrong besides is told too",
    ),
    (
        (
            'a.example TXT "v=spf1 include:b.example -al"\na.example TXT "v=spf1 include:c.example -all"\n'
            'b.example TXT "v=spf1 include:d.example -all"\nc.example TXT "v=spf1 mx -all"\nc.example MX 0 a.example'
        ),
        4,
        ["spf-several-records", "spf-include-without-record"],
        "both records are followed past what is wrong with them",
    ),
    ('a.example TXT "v=spf1 include:b -all"', 0, ["spf-syntax"], "a single label is a fault already, RFC 7208 §7.1"),
    ("b.example A 192.0.2.1", 0, ["spf-no-record"], "the name does not even exist"),
    (
        'a.example TXT "v=spf1 mx:m.example -all"\n' + "\n".join(f"m.example MX {n} h.example" for n in range(11)),
        1,
        ["spf-too-many-hosts"],
        "more than 10 mail servers behind an mx, RFC 7208 §4.6.4",
    ),
    (
        'a.example TXT "v=spf1 a:h.example -all"\nh.example FAILS',
        1,
        ["spf-no-answer"],
        "a host that does not answer",
    ),
    (
        'a.example TXT "v=spf1 a:h.example a:i.example exists:j.example ~all"',
        3,
        ["spf-too-many-voids"],
        "three terms that lead nowhere, RFC 7208 §4.6.4",
    ),
    ('a.example TXT "v=spf1 include:b.example -all"', 1, ["spf-include-without-record"], "an include without a record"),
    (
        'a.example TXT "v=spf1 include:b.example -all"\nb.example TXT "v=spf1 include:c.example -all"\nc.example FAILS',
        2,
        ["spf-no-answer"],
        "an include that does not answer",
    ),
    (
        'a.example TXT "v=spf1 include:b.example -all"\nb.example TXT "v=spf1 include:a.example -all"',
        2,
        [],
        "a circle is walked once, and not for ever",
    ),
    (
        'a.example TXT "v=spf1 '
        + " ".join(f"a:h{n}.b.example" for n in range(11))
        + ' -all"\n*.b.example A 192.0.2.1\n*.b.example AAAA 2001:db8::1',
        11,
        ["spf-too-many-lookups"],
        "one too many",
    ),
]


@pytest.mark.parametrize("zone,lookups,codes,because", ROWS, ids=[row[-1] for row in ROWS])
def test_survey(zone: str, lookups: int, codes: list[str], because: str) -> None:
    survey = Zone.parse(zone).run(survey_spf("A.example."))
    assert survey.lookups == lookups
    assert [finding.code for finding in survey.findings] == codes


VOIDS = [
    # terms, for IPv4, for IPv6, because
    ("a:none.example", 1, 1, "no such name"),
    ("a:four.example", 0, 1, "no address of the family"),
    ("exists:four.example", 0, 0, "exists asks for A whoever sends, RFC 7208 §5.7"),
    ("mx:none.example", 1, 1, "no mail server, and the implicit MX does not count, RFC 7208 §5.4"),
    ("mx:mail.example", 1, 1, "a mail server without an address; a term counts once"),
    ("include:none.example", 0, 0, "an include without a record ends the check anyway"),
    ("ptr a:%{i}.example", 0, 0, "what depends on the mail is not known"),
    ("a:four.example a:four.example", 0, 2, "the same term twice counts twice"),
]
HOSTS = "four.example A 192.0.2.4\nmail.example MX 1 four.example\nmail.example MX 2 none.example\n"


@pytest.mark.parametrize("terms,voids4,voids6,because", VOIDS, ids=[row[-1] for row in VOIDS])
def test_what_leads_nowhere(terms: str, voids4: int, voids6: int, because: str) -> None:
    survey = Zone.parse(HOSTS + f'a.example TXT "v=spf1 {terms} -all"').run(survey_spf("a.example"))
    assert (survey.voids4, survey.voids6) == (voids4, voids6)


def test_a_forest_is_not_walked_to_its_end() -> None:
    wide = {
        f"{'x' * depth}{n}.example": {"TXT": "v=spf1 " + " ".join(f"include:{'x' * (depth + 1)}{m}.example" for m in range(9))}
        for depth in range(1, 4)
        for n in range(9)
    }
    asked: list[Question] = []
    zone = Zone.of(wide)

    def counted(question: Question) -> Answer:
        asked.append(question)
        return zone.answer(question)

    survey = run(survey_spf("x1.example"), counted)
    assert not survey.complete
    assert len([question for question in asked if question.type == "TXT"]) <= MAX_RECORDS
    assert survey.findings[0].code == "spf-too-many-lookups"


NAMES = st.sampled_from(["a.example", "b.example", "c.example"])
TERMS = st.lists(
    st.one_of(
        st.builds("include:{}".format, NAMES), st.builds("redirect={}".format, NAMES), st.sampled_from(["a", "mx", "x", "-all"])
    ),
    max_size=4,
)


@given(st.dictionaries(NAMES, TERMS), st.text(max_size=30))
def test_any_records_and_any_name_have_an_end(records: dict[str, list[str]], name: str) -> None:
    zone = Zone.of({owner: {"TXT": "v=spf1 " + " ".join(terms)} for owner, terms in records.items()})
    for asked in (name, "a.example"):
        survey = zone.run(survey_spf(asked))
        assert survey.lookups == lookups_of(survey.tree)
        assert all(finding.code.startswith("spf-") for finding in survey.findings)
