"""DMARC records: what counts of a text, and what its owner is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.auth import Policy, ReportAddress, read_dmarc
from mailwright.auth.dmarc.record import Flaw
from mailwright.values import Address

NO_RECORDS = [
    ("", "nothing"),
    ("v=DMARC2; p=none", "another version, RFC 9989 §4.7 v"),
    ("v=dmarc1; p=none", "the version has a case, §4.8 %s"),
    ("V=DMARC1; p=none", "so has the tag, RFC 6376 §3.2"),
    ("v=DMARC1x; p=none", "the version must match precisely, §4.7 v"),
    ("v=DMARC1 p=none", "a semicolon is missing after it"),
    ("v=DMARC1, p=none", "a comma in its place"),
    (" v=DMARC1; p=none", "it must come first, §4.8 dmarc-record"),
    ("p=none; v=DMARC1", "the same: another tag in front"),
    (";v=DMARC1; p=none", "the same: a semicolon in front"),
    ("v=DMARC1\r\n; p=none", "only blanks and tabs are white space, §4.8 dmarc-sep"),
    ("v DMARC1", "no equals sign"),
    ("v=spf1 -all", "a record of SPF"),
    ('"v=DMARC1; p=none"', "quotes that somebody published with it"),
]


@pytest.mark.parametrize("text, because", NO_RECORDS, ids=[row[1] for row in NO_RECORDS])
def test_no_record(text: str, because: str) -> None:
    assert read_dmarc(text) is None, because


POLICIES = [  # text; p of the domain itself, sub-domain, sub-domain that does not exist; usable
    ("v=DMARC1; p=reject", "reject reject reject", True, "p for all, RFC 9989 §4.7 p"),
    ("v=DMARC1;p=reject;", "reject reject reject", True, "no blanks, a semicolon at the end, §4.8"),
    ("v \t= DMARC1 \t; p = reject ", "reject reject reject", True, "white space around =, §4.8 equals"),
    ("v=DMARC1; rua=mailto:a@b.example; sp=none; p=reject", "reject none none", True, "any order after v, §4.7"),
    ("v=DMARC1; p=Reject; sp=NONE", "reject none none", True, "values have no case, RFC 5234 §2.3"),
    ("v=DMARC1; p=none; sp=quarantine; np=reject", "none quarantine reject", True, "each its own, §4.7 sp np"),
    ("v=DMARC1; p=none; np=reject", "none none reject", True, "np without sp, §4.7"),
    ("v=DMARC1; p=reject; sp=none", "reject none none", True, "np absent: sp, §4.7 np"),
    ("v=DMARC1; p=reject; t=y", "quarantine quarantine quarantine", True, "one step milder, §4.7 t"),
    ("v=DMARC1; p=reject; sp=quarantine; np=none; t=y", "quarantine none none", True, "each one step, none stays, §4.7 t"),
    ("v=DMARC1; p=reject; t=n", "reject reject reject", True, "the default, §4.7 t"),
    ("v=DMARC1; p=reject; t=x", "reject reject reject", True, "not valid: the default, §4.7"),
    ("v=DMARC1; p=reject; pct=0; ri=x; rf=afrf", "reject reject reject", True, "outdated tags change nothing, A.6"),
    ("v=DMARC1; p=reject; foo=bar; x_y=z; 1=2; =; ;", "reject reject reject", True, "what is unknown or no tag is ignored, §4.7"),
    ("v=DMARC1; p=reject; p=reject", "reject reject reject", True, "twice the same is no contradiction"),
    ("v=DMARC1; p=reject; p=none", "none none none", False, "twice and different is void, RFC 6376 §3.2"),
    ("v=DMARC1; P=reject", "none none none", False, "tag names have a case, RFC 6376 §3.2"),
    ("v=DMARC1", "none none none", False, "no p, no rua: no record, §4.10.1"),
    ("v=DMARC1; p=", "none none none", False, "an empty p"),
    ("v=DMARC1; p=rejct", "none none none", False, "a misspelt p"),
    ("v=DMARC1; p=reject; sp=nothing", "none none none", False, "an sp that is not valid voids p as well, §4.10.1"),
    ("v=DMARC1; p=reject; np=", "none none none", False, "so does np, §4.10.1"),
    ("v=DMARC1; rua=mailto:a@b.example", "none none none", True, "no p, but rua: as p=none, §4.10.1"),
    ("v=DMARC1; p=reject; sp=x; rua=mailto:a@b.example", "none none none", True, "the same for sp, §4.10.1"),
    ("v=DMARC1; p=x; rua=a@b.example", "none none none", False, "an rua that is no URI is none, §4.10.1"),
    ("v=DMARC1; p=x; rua=a@b.example,https://b.example/r", "none none none", True, "one valid URI is enough, §4.10.1"),
]


@pytest.mark.parametrize("text, policies, usable, because", POLICIES, ids=[row[3] for row in POLICIES])
def test_policies(text: str, policies: str, usable: bool, because: str) -> None:
    record = read_dmarc(text)
    assert record is not None
    asked = [record.policy(subdomain=False), record.policy(subdomain=True), record.policy(subdomain=True, exists=False)]
    assert " ".join(asked) == policies, because
    assert record.usable is usable, because


CHOICES = [
    ("", "r r u ('0',)", "the defaults, RFC 9989 §4.7"),
    ("adkim=s; aspf=S; psd=y; fo=1:d:s", "s s y ('1', 'd', 's')", "as published"),
    ("adkim=strict; aspf=; psd=yes; fo=2", "r r u ('0',)", "what is not valid gives way to the default, §4.7"),
    ("psd=n; fo=0 : D", "r r n ('0', 'd')", "white space and case"),
]


@pytest.mark.parametrize("tags, expect, because", CHOICES, ids=[row[2] for row in CHOICES])
def test_choices(tags: str, expect: str, because: str) -> None:
    record = read_dmarc(f"v=DMARC1; p=none; {tags}")
    assert record is not None
    assert f"{record.adkim} {record.aspf} {record.psd} {record.fo}" == expect, because


def mailto(text: str, limit: int | None = None, uri: str | None = None) -> ReportAddress:
    return ReportAddress(uri or f"mailto:{text}", Address.parse(text), limit)


REPORTS = [
    ("mailto:a@b.example", [mailto("a@b.example")], "one"),
    (
        "mailto:a@b.example , mailto:c@d.example",
        [mailto("a@b.example"), mailto("c@d.example")],
        "white space around commas, §4.8",
    ),
    ("MAILTO:a@b.example", [mailto("a@b.example", uri="MAILTO:a@b.example")], "a scheme has no case, RFC 3986 §3.1"),
    ("mailto:a%21x@b.example", [mailto("a!x@b.example", uri="mailto:a%21x@b.example")], "encoded marks, §4.8 dmarc-uri"),
    ("mailto:a@b.example?subject=x", [mailto("a@b.example", uri="mailto:a@b.example?subject=x")], "header fields, RFC 6068 §2"),
    ("mailto:a@b.example!10m", [mailto("a@b.example", 10 << 20, "mailto:a@b.example!10m")], "a size, RFC 7489 §6.4"),
    ("mailto:a@b.example!5", [mailto("a@b.example", 5, "mailto:a@b.example!5")], "a size in octets"),
    (
        "https://b.example/r",
        [ReportAddress("https://b.example/r")],
        "another scheme is a URI, but nobody must serve it, §4.7 rua",
    ),
    ("mailto:a@b.example!big", [], "no size"),
    ("mailto:a@b.example!1!2", [], "two marks"),
    ("mailto:a@b.example!9999999999999g", [], "a size beyond reason"),
    ("a@b.example", [], "no scheme"),
    ("mailto:", [], "nobody"),
    ("mailto:a", [], "no address"),
    ("mailto:a@b c.example", [], "a blank"),
    ("", [], "empty"),
    (",,", [], "commas alone"),
    ("1x:a", [], "a scheme begins with a letter, RFC 3986 §3.1"),
]


@pytest.mark.parametrize("value, expect, because", REPORTS, ids=[row[2] for row in REPORTS])
def test_report_addresses(value: str, expect: list[ReportAddress], because: str) -> None:
    record = read_dmarc(f"v=DMARC1; p=none; rua={value}; ruf={value}")
    assert record is not None
    assert list(record.rua) == expect, because
    assert list(record.ruf) == expect, because
    told = {fault.code for fault in record.faults}
    assert ("dmarc-report-address" in told) == any(one.address is None for one in expect or [ReportAddress("")]), because


FAULTS = [
    ("v=DMARC1; p=reject; rua=mailto:a@b.example", [], "nothing to say"),
    ("v=DMARC1; p=rejct", ["dmarc-policy-unreadable"], "as if there were no record"),
    ("v=DMARC1; x=1; adkim=s", ["dmarc-policy-unreadable", "dmarc-tag-unknown"], "what harms most is told first"),
    ("v=DMARC1; p=none; adkim=strict", ["dmarc-tag-invalid"], "a value that is not known"),
    ("v=DMARC1; p=none; pct=20; rf=afrf; ri=86400", ["dmarc-tag-outdated"] * 3, "outdated"),
    ("v=DMARC1; p=none; p=none", [], "twice the same"),
    ("v=DMARC1; p=none; t=y; t=n", ["dmarc-tag-repeated", "dmarc-tag-invalid"], "twice and different"),
    ("v=DMARC1; p=none; v=DMARC1", ["dmarc-tag-repeated"], "two records in one"),
    ("v=DMARC1; p=none; rua=a@b.example", ["dmarc-report-address"], "mailto: forgotten"),
    ("v=DMARC1; p=none; rua=mailto:a@b.example!10m", ["dmarc-report-size"], "a size"),
    ("v=DMARC1; p=none; mailto:a@b.example", ["dmarc-tag-malformed"], "a piece without name"),
]


@pytest.mark.parametrize("text, codes, because", FAULTS, ids=[row[2] for row in FAULTS])
def test_faults(text: str, codes: list[str], because: str) -> None:
    record = read_dmarc(text)
    assert record is not None
    assert [fault.code for fault in record.faults] == codes, because
    assert all(fault.what and fault.why and fault.do and fault.evidence == (text,) for fault in record.faults)


def test_every_tag_is_kept_as_published() -> None:
    text = "v=DMARC1; P=x; p = Reject ; pct=10; p=none; foo=b=a r"
    record = read_dmarc(text)
    assert record is not None
    assert record.text == text
    assert record.tags == (("v", "DMARC1"), ("P", "x"), ("p", "Reject"), ("pct", "10"), ("p", "none"), ("foo", "b=a r"))
    assert record.flaws[0] == Flaw("policy", "p", "")


def test_faults_of_a_flood_are_bounded() -> None:
    record = read_dmarc("v=DMARC1;" + "x=1;" * 10_000)
    assert record is not None
    assert len(record.faults) == 20


PIECES = st.sampled_from(
    [
        "p=none",
        "p=reject",
        "sp=quarantine",
        "np=reject",
        "t=y",
        "t=n",
        "psd=y",
        "adkim=s",
        "rua=mailto:a@b.c",
        "pct=1",
        "x=y",
        "=",
        "p",
    ]
)


@given(st.lists(PIECES, max_size=8), st.sampled_from([";", " ; ", ";;", "\t;"]))
def test_policies_keep_their_order(pieces: list[str], parted: str) -> None:
    """A test never makes a policy stricter, and a record that cannot be read asks for nothing."""
    order = [Policy.NONE, Policy.QUARANTINE, Policy.REJECT]
    plain = read_dmarc(parted.join(["v=DMARC1", *[piece for piece in pieces if not piece.startswith("t=")]]))
    tested = read_dmarc(parted.join(["v=DMARC1", *[piece for piece in pieces if not piece.startswith("t=")], "t=y"]))
    assert plain is not None
    assert tested is not None
    for subdomain, exists in ((False, True), (True, True), (True, False)):
        asked = order.index(plain.policy(subdomain=subdomain, exists=exists))
        assert order.index(tested.policy(subdomain=subdomain, exists=exists)) == max(0, asked - 1)
        assert plain.sound or asked == 0


@given(st.text())
def test_no_text_raises(text: str) -> None:
    for whole in (text, f"v=DMARC1;{text}", f"v=DMARC1; p=none; rua={text}; fo={text}"):
        record = read_dmarc(whole)
        if record is not None:
            assert record.text == whole
            assert all(fault.what.isprintable() for fault in record.faults)
