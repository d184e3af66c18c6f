"""Public suffixes: the rules of the list on a list of our own, the real list, and the vectors of its makers."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.app.knowledge import public_suffixes
from mailwright.domains import PublicSuffixes
from mailwright.values import Domain, Malformed

VECTORS = Path(__file__).resolve().parents[2].parent / "shared" / "suites" / "psl" / "tests.txt"

LIST = """
// ===BEGIN ICANN DOMAINS===
com
co.uk
uk
*.ck
!www.ck
公司.cn
cn
// ===BEGIN PRIVATE DOMAINS===
github.io
io
"""

ROWS = [
    ("com", "com", None, "a suffix itself"),
    ("example.com", "com", "example.com", "one label below"),
    ("a.b.example.com", "com", "example.com", "more labels below"),
    ("example.co.uk", "co.uk", "example.co.uk", "the longest rule counts"),
    ("example.uk", "uk", "example.uk", "the shorter rule counts where the longer does not match"),
    ("ck", "ck", None, "the parent of a wildcard"),
    ("test.ck", "test.ck", None, "a wildcard makes every label below a suffix"),
    ("a.test.ck", "test.ck", "a.test.ck", "below a wildcard"),
    ("www.ck", "ck", "www.ck", "an exception to a wildcard"),
    ("a.www.ck", "ck", "www.ck", "below an exception"),
    ("example.unlisted", "unlisted", "example.unlisted", "a top-level domain that is not on the list"),
    ("unlisted", "unlisted", None, "the same, alone"),
    ("me.github.io", "github.io", "me.github.io", "suffixes of companies count: their customers are strangers to each other"),
    ("食狮.公司.cn", "公司.cn", "食狮.公司.cn", "U-labels"),
    ("xn--85x722f.xn--55qx5d.cn", "xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn", "A-labels"),
]


@pytest.mark.parametrize("domain, suffix, registrable, because", ROWS, ids=[row[3] for row in ROWS])
def test_rules(domain: str, suffix: str, registrable: str | None, because: str) -> None:
    suffixes = PublicSuffixes(LIST.splitlines())
    assert suffixes.public_suffix(Domain.parse(domain)) == Domain.parse(suffix), because
    assert suffixes.registrable(Domain.parse(domain)) == (Domain.parse(registrable) if registrable else None), because


def test_the_list_of_the_package_is_read() -> None:
    suffixes = public_suffixes()
    assert suffixes.registrable(Domain("mail.example.co.uk")) == Domain("example.co.uk")
    assert suffixes.registrable(Domain("github.io")) is None


@given(st.lists(st.sampled_from(["a", "www", "ck", "com", "co", "uk", "io", "github"]), min_size=1, max_size=6))
def test_what_is_registrable_lies_one_label_below_its_suffix(labels: list[str]) -> None:
    suffixes = PublicSuffixes(LIST.splitlines())
    domain = Domain(".".join(labels))
    suffix, registrable = suffixes.public_suffix(domain), suffixes.registrable(domain)
    assert domain.within(suffix)
    if registrable is None:
        assert suffix == domain
    else:
        assert domain.within(registrable)
        assert registrable.name.partition(".")[2] == suffix.name


def vectors() -> list[tuple[str, str]]:
    if not VECTORS.exists():
        return []
    lines = [line.split() for line in VECTORS.read_text("utf-8").splitlines() if line and not line.startswith("//")]
    return [(domain, expected) for domain, expected in lines]


def registrable_of(text: str) -> str:
    """What a person's text comes to, as the vectors write it: names that are none are refused at the door."""
    try:
        found = public_suffixes().registrable(Domain.parse(text))
    except Malformed:
        return "null"
    return found.name if found else "null"


def test_vectors() -> None:
    cases = vectors()
    if not cases:
        pytest.skip("the public suffix vectors (../shared/suites/psl/tests.txt) are not here; the rows above hold the same rules")
    wrong = [
        (domain, expected, registrable_of(domain))
        for domain, expected in cases
        if registrable_of("" if domain == "null" else domain) != ("null" if expected == "null" else Domain.parse(expected).name)
    ]
    assert wrong == []
    assert len(cases) >= 70
