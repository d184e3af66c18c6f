"""The merger: what comes out, and that nobody loses by it. Worlds are random, and every merged record is evaluated."""

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from mailwright.auth import SpfResult, check_spf, read_spf, survey_spf
from mailwright.auth.spf.network import BITS6, read_client
from mailwright.dns import Record, Txt, Zone
from mailwright.dns.zonetext import RecordSet
from mailwright.domains.spf.advise import SpfAdvice, advise_spf, try_spf
from mailwright.domains.spf.merge import merge_records
from mailwright.domains.spf.strings import cut
from mailwright.domains.spf.wish import SpfWish, read_term, ticked
from mailwright.values import Domain, Malformed
from tests.auth.spf_suite import cases
from tests.domains.spf_worlds import FOUR, IPS, calm_worlds, kind_records, names, wild_records, worlds

A = Domain("a.example")

ROWS = [
    # records, add, drop, all, merged, because
    ([], "mx include:o.example", "", "", "v=spf1 mx include:o.example ~all", "a new record ends in ~all"),
    ([], "ip4:192.0.2.77/24", "", "-all", "v=spf1 ip4:192.0.2.0/24 -all", "a network is written by its first address"),
    (["v=spf1 mx -all"], "include:o.example", "", "", "v=spf1 mx include:o.example -all", "before all, behind the others"),
    (["V=SPF1  MX   -ALL"], "a", "", "", "V=SPF1 MX a -ALL", "terms as they are written, blanks single"),
    (["v=spf1 mx exp=x.%{d} -all"], "a", "", "", "v=spf1 mx a exp=x.%{d} -all", "before a modifier"),
    (["v=spf1 mx -all exp=x.%{d}"], "a", "", "", "v=spf1 mx a -all exp=x.%{d}", "a modifier behind all stays there"),
    (["v=spf1 mx redirect=r.example"], "a", "", "", "v=spf1 mx a redirect=r.example", "before a redirect"),
    (["v=spf1 redirect=r.example"], "", "redirect=r.example", "~all", "v=spf1 ~all", "all in place of a redirect, when ticked"),
    (["v=spf1 +mx ~all"], "mx", "", "", "v=spf1 +mx ~all", "it is there already, in other words"),
    (["v=spf1 a:A.example. ~all"], "a", "", "", "v=spf1 a:A.example. ~all", "a is a:a.example in a.example"),
    (["v=spf1 ip4:192.0.2.0/24 ~all"], "ip4:192.0.2.7", "", "", "v=spf1 ip4:192.0.2.0/24 ~all", "within a network that is there"),
    (["v=spf1 ip4:192.0.2.7 ~all"], "ip4:192.0.2.0/24", "", "", "v=spf1 ip4:192.0.2.0/24 ~all", "a network around one"),
    (["v=spf1 -ip4:192.0.2.7 a ~all"], "ip4:192.0.2.0/24", "", "", "v=spf1 ip4:192.0.2.0/24 -ip4:192.0.2.7 a ~all", "silenced"),
    (
        ["v=spf1 a -all include:o.example mx"],
        "include:o.example",
        "",
        "",
        "v=spf1 a include:o.example -all mx",
        "from behind all",
    ),
    (
        ["v=spf1 mx mx ~mx a/24 a -all"],
        "",
        "",
        "",
        "v=spf1 mx ~mx a/24 a -all",
        "the same twice; not what contradicts or differs",
    ),
    (["v=spf1 mx A:h.example -all"], "", "a:H.EXAMPLE", "", "v=spf1 mx -all", "dropped however it is written"),
    (["v=spf1 mx -all"], "", "", "~all", "v=spf1 mx ~all", "another end"),
    (["v=spf1 mx"], "", "", "", "v=spf1 mx", "no end is put where nobody asked"),
    (["v=spf1 mx -all", "v=spf1 a ~all"], "", "", "", "v=spf1 mx a ~all", "the milder end"),
    (["v=spf1 mx -all", "v=spf1 a +all"], "", "", "", "v=spf1 mx a +all", "however mild"),
    (
        ["v=spf1 exists:%{l1r-}.%{d} -all", "v=spf1 exists:%{l1r-}.%{d} a -all"],
        "",
        "",
        "",
        "v=spf1 exists:%{l1r-}.%{d} a -all",
        "macros",
    ),
    (["v=spf1 mx -all ip4:192.0.2.1", "v=spf1 a -all"], "", "", "", "v=spf1 mx a -all ip4:192.0.2.1", "what is dead stays dead"),
    (["v=spf1 mx x=1 -all", "v=spf1 x=1 y=2 -all"], "", "", "", "v=spf1 mx x=1 -all y=2", "unknown modifiers once"),
]


@pytest.mark.parametrize("records,add,drop,all,merged,because", ROWS, ids=[row[-1] for row in ROWS])
def test_what_comes_out(records: list[str], add: str, drop: str, all: str, merged: str, because: str) -> None:
    wish = SpfWish.read(add=add.split(), drop=drop.split(), all=all)
    merge = merge_records("a.example", records, wish)
    assert (merge.text, merge.stops) == (merged, ())
    assert merge_records("a.example", [merge.text], wish).text == merged


def test_an_end_beside_a_redirect_is_not_made() -> None:
    merge = merge_records("a.example", ["v=spf1 mx redirect=r.example"], SpfWish.read(all="-all"))
    assert merge.text == "v=spf1 mx redirect=r.example"
    assert [stop.code for stop in merge.stops] == ["spf-merge-redirect"]
    assert "include:r.example" in merge.stops[0].do


def test_what_is_not_there_cannot_be_dropped() -> None:
    merge = merge_records("a.example", ["v=spf1 mx -all"], SpfWish.read(drop=["a"]))
    assert [note.code for note in merge.notes] == ["spf-drop-absent"]


def test_the_form_makes_terms() -> None:
    wish = ticked(
        mx=True,
        a=True,
        hosts=["h.example"],
        networks=["192.0.2.1", "2001:db8::/32"],
        includes=["_spf.o.example"],
        all="?all",
    )
    text = "v=spf1 mx a a:h.example ip4:192.0.2.1 ip6:2001:db8::/32 include:_spf.o.example ?all"
    assert merge_records("a.example", [], wish).text == text


@pytest.mark.parametrize(
    "text",
    [
        "exists:o.example",
        "redirect=o.example",
        "-mx",
        "ptr",
        "all",
        "include:%{i}.example",
        "ip4:1.2.3",
        "mx a",
        "",
        "x",
        "ip4=1.1.1.1",
    ],
)
def test_what_is_not_offered(text: str) -> None:
    with pytest.raises(Malformed) as fault:
        read_term(text)
    assert fault.value.remedy


def advised(zone: Zone, wish: SpfWish) -> tuple[SpfAdvice, Zone | None]:
    """The advice, and the zone as it would be."""
    advice = zone.run(advise_spf(A, wish))
    if advice.replacement is None:
        return advice, None
    kept = {key: value for key, value in zone.sets.items() if key[0] != "a.example" or key[1] not in ("TXT", "CNAME")}
    texts = RecordSet((Txt.of(advice.replacement.pieces),), 300)
    return advice, Zone({**kept, ("a.example", "TXT"): texts}, zone.failing)


def result(zone: Zone, ip: str) -> SpfResult:
    return zone.run(check_spf(ip=ip, helo="h.example", mail_from="x@a.example")).result


adds = st.lists(
    st.one_of(
        names.map("include:{}".format),
        st.sampled_from(FOUR[:5]).map("ip4:{}".format),
        st.sampled_from(["mx", "a", "ip6:2a00::/12"]),
    ),
    max_size=2,
)


@settings(max_examples=60)
@given(st.one_of(worlds(wild_records), calm_worlds(), calm_worlds()), adds)
def test_who_passed_before_passes_after(zone: Zone, add: list[str]) -> None:
    advice, after = advised(zone, SpfWish.read(add=add))
    assert after or advice.stops or not (advice.review.facts.records or add) or not advice.review.facts.is_known
    if after is None or advice.replacement is None or advice.preview is None:
        return
    survey = after.run(survey_spf("a.example"))
    assert survey.lookups <= 10
    assert max(survey.voids4, survey.voids6) <= 2
    assert not survey.findings
    for ip in IPS:
        if result(zone, ip) is SpfResult.PASS:
            assert result(after, ip) is SpfResult.PASS, (ip, zone.text(), advice.replacement.text)
    assert read_spf(advice.replacement.text).text == advice.replacement.text
    again = after.run(advise_spf(A, SpfWish.read(add=add)))
    assert again.replacement == advice.replacement
    assert not again.is_changed


@settings(max_examples=60)
@given(calm_worlds(), names)
def test_the_preview_tells_who_gains_and_who_loses(zone: Zone, name: str) -> None:
    record = zone.run(advise_spf(A)).review.facts.records
    terms = [term.text for term in read_spf(record[0].text).terms] if record else []
    wish = SpfWish.read(add=[f"include:{name}"], drop=terms[:1])
    advice, after = advised(zone, wish)
    assume(after is not None and advice.preview is not None)
    assert after is not None and advice.preview is not None  # noqa: PT018
    dropped = {change.term for change in advice.merge.changes if change.done == "dropped"} if advice.merge else set()
    for ip in IPS:
        verdict = zone.run(check_spf(ip=ip, helo="h.example", mail_from="x@a.example"))
        before, then = verdict.result is SpfResult.PASS, result(after, ip) is SpfResult.PASS
        client = read_client(ip)
        assert client is not None
        family = client.bits == BITS6
        assert (client.number in advice.preview.gains[family]) == (then and not before)
        assert (client.number in advice.preview.losses[family]) == (before and not then)
        if before and not then:  # only who passed by a term that was ticked
            assert verdict.tree.term is not None
            assert verdict.tree.term.text in dropped


@settings(max_examples=60)
@given(calm_worlds(qualifiers=("",)), kind_records)
@example(
    Zone.of({"a.example": {"TXT": "v=spf1 ip4:8.8.8.8 -all"}, "b.example": {"TXT": "v=spf1 -all"}}), "v=spf1 redirect=b.example"
)
def test_of_several_records_each_ones_senders_pass(zone: Zone, second: str) -> None:
    first = zone.sets["a.example", "TXT"].records
    records = (*first, cut(second))
    _, after = advised(with_records(zone, *records), SpfWish())
    assume(after is not None)
    assert after is not None
    for ip in IPS:
        if any(result(with_records(zone, one), ip) is SpfResult.PASS for one in records):
            assert result(after, ip) is SpfResult.PASS


def with_records(zone: Zone, *records: Record) -> Zone:
    """The zone with these TXT records at a.example."""
    return Zone({**zone.sets, ("a.example", "TXT"): RecordSet(records, 300)}, zone.failing)


words = st.text(alphabet="abcdefghij:./-~ 0123456789", max_size=900)


@given(words)
def test_strings_join_to_the_record_and_no_cut_is_at_a_blank(text: str) -> None:
    record = cut(text)
    assert b"".join(record.pieces).decode() == text
    assert all(len(piece) <= 255 for piece in record.pieces)
    if "  " not in text and all(len(word) > 1 for word in text.split()):
        assert not any(
            left.endswith(b" ") or right.startswith(b" ") for left, right in zip(record.pieces, record.pieces[1:], strict=False)
        )


octets = st.lists(st.binary(max_size=30).map(lambda tail: b"v=spf1 " + tail), max_size=2)


@given(octets, st.text(max_size=30), st.sampled_from(["", "\ud800", "\udc80"]))
def test_any_records_and_any_text_have_an_advice(records: list[bytes], text: str, odd: str) -> None:
    zone = Zone({("a.example", "TXT"): RecordSet(tuple(Txt.of([one]) for one in records), 300)})
    for asking in (advise_spf(A, SpfWish.read(add=["mx"], drop=[text])), try_spf(A, f"v=spf1 {text}{odd}"), try_spf(A, text)):
        advice = zone.run(asking)
        assert all(finding.code.startswith("spf-") for finding in advice.review.findings)
        assert advice.replacement is None or not advice.stops


SUITE = {(case.mail_from or case.helo).rpartition("@")[2]: case for case in cases()}


@pytest.mark.skipif(not SUITE, reason="The suite of openspf is not here.")
def test_over_the_suite_the_doctor_agrees_with_the_evaluator() -> None:
    """Where the evaluator says permerror for some client, the doctor finds an error or a macro that it cannot follow."""
    blind = []
    for case in cases():
        name = (case.mail_from or case.helo).rpartition("@")[2]
        try:
            domain = Domain.parse(name)
        except Malformed:
            continue
        advice = case.zone.run(advise_spf(domain))
        verdict = case.zone.run(check_spf(ip=case.ip, helo=case.helo, mail_from=case.mail_from))
        has_macro = any(finding.code == "spf-macro-unfollowed" for finding in advice.review.findings)
        if verdict.result is SpfResult.PERMERROR and advice.review.is_sound and not has_macro:
            blind.append(case.name)
        if advice.replacement and not has_macro and verdict.result is SpfResult.PASS:
            assert advice.preview is not None
            assert not any(advice.preview.losses)
    assert blind == []
