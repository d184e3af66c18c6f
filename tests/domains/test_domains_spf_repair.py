"""Records that cannot be read, and what was meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.auth import read_spf
from mailwright.domains.spf.repair import meant_as_spf, repaired
from tests.domains.spf_worlds import wild_records

ROWS = [
    # written, meant, mistakes, because
    ("v=spf1 mx -all", "v=spf1 mx -all", [], "nothing is wrong"),
    ("v=spf1; mx -all", "v=spf1 mx -all", ["version"], "a semicolon behind the version"),
    ("spf1 mx -all", "v=spf1 mx -all", ["version"], "the beginning was left out"),
    ("v=spf2 mx -all", "v=spf1 mx -all", ["version"], "there is no version 2 of this"),
    (" v=spf1 mx -all", "v=spf1 mx -all", ["version"], "a blank in front"),
    ('"v=spf1 mx -all"', "v=spf1 mx -all", ["version"], "quotes that became part of the record"),
    ("v=spf1include:i.example -all", "v=spf1 include:i.example -all", ["version"], "no blank behind the version"),
    (
        "v=spf1 ipv4:1.2.3.4 ip:1.2.3.5 ipv6:2a00::1 -all",
        "v=spf1 ip4:1.2.3.4 ip4:1.2.3.5 ip6:2a00::1 -all",
        ["mechanism"] * 3,
        "ip",
    ),
    ("v=spf1 ip:2a00::1 -all", "v=spf1 ip6:2a00::1 -all", ["mechanism"], "the address tells which"),
    ("v=spf1 1.2.3.4 2a00::1 -all", "v=spf1 ip4:1.2.3.4 ip6:2a00::1 -all", ["mechanism"] * 2, "an address alone"),
    (
        "v=spf1 include=i.example a=h.example -all",
        "v=spf1 include:i.example a:h.example -all",
        ["modifier"] * 2,
        "not an error, ignored",
    ),
    ("v=spf1 redirect:i.example", "v=spf1 redirect=i.example", ["modifier"], "the other way round"),
    ("v=spf1 ip4:2a00::/32 ip6:1.2.3.4 -all", "v=spf1 ip6:2a00::/32 ip4:1.2.3.4 -all", ["address"] * 2, "mixed up"),
    ("v=spf1 ip4:1.2.3.0/024 -all", "v=spf1 ip4:1.2.3.0/24 -all", ["address"], "a leading zero"),
    ("v=spf1 ip4: 1.2.3.4 -all", "v=spf1 ip4:1.2.3.4 -all", ["space-inside"], "a blank inside"),
    ("v=spf1 mx, a; -all;", "v=spf1 mx a -all", ["separator"] * 3, "OVH and others take semicolons away, people add them"),
    ("v=spf1 ip4:1.2.3.4,ip4:5.6.7.8 -all", "v=spf1 ip4:1.2.3.4 ip4:5.6.7.8 -all", ["separator"], "commas for blanks"),
    ("v=spf1 mx ; -all", "v=spf1 mx -all", ["separator"], "a semicolon alone"),
    ("v=spf1 mx \u2013all", "v=spf1 mx -all", ["character"], "a typographic dash"),
    ("v=spf1 include:i.exa\u200bmple -all", "v=spf1 include:i.example -all", ["character"], "a character of no width"),
    ("v=spf1\u00a0mx -all", "v=spf1 mx -all", ["character"], "a blank that is none"),
    ("v=spf1 include:i.example-all", "v=spf1 include:i.example -all", ["space-missing"], "no blank before all"),
    ("v=spf1 mx~all", "v=spf1 mx ~all", ["space-missing"], "no blank before all"),
    ("v=spf1 exists:%{i}.x.example exp=e.%{d} -all", "v=spf1 exists:%{i}.x.example exp=e.%{d} -all", [], "macros stay"),
    ("v=spf1 exists:%{l1r-,}.x.example -all", "v=spf1 exists:%{l1r-,}.x.example -all", [], "a comma that belongs there"),
    ("v=spf1 ip4:1.2.3.400 foo:bar -all", "v=spf1 ip4:1.2.3.400 foo:bar -all", [], "nobody can know what was meant"),
]


@pytest.mark.parametrize("written,meant,mistakes,because", ROWS, ids=[f"{row[-1]}-{n}" for n, row in enumerate(ROWS)])
def test_what_was_meant(written: str, meant: str, mistakes: list[str], because: str) -> None:
    text, repairs = repaired(written)
    assert text == meant
    assert [repair.mistake for repair in repairs] == mistakes
    assert repaired(text) == (text, ())


@pytest.mark.parametrize(
    "text,meant",
    [
        ("v=spf1; mx", True), ("V=SPF2 mx", True), ("spf1 a", True), (" v=spf1 a", True), ("v=spf1", False), ("v=spf10 a", False),
        ("spf2.0/pra a", False), ("v=DMARC1; p=none", False), ("spf record of us", False), ("", False),
    ],
)  # fmt: skip
def test_what_was_meant_to_be_a_record(text: str, meant: bool) -> None:
    assert meant_as_spf(text) is meant


@given(wild_records)
def test_good_records_stay_as_they_are(text: str) -> None:
    assert not read_spf(text).faults
    assert repaired(text) == (text, ())


@given(st.text(max_size=40))
def test_any_text_is_repaired_once(text: str) -> None:
    once, _ = repaired("v=spf1 " + text)
    assert repaired(once)[0] == once
