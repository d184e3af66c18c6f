"""Fields that claim to be ours go, others stay as they are (RFC 8601 §5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.auth.results.forged import remove_forged
from mailwright.message import headers

OURS = "mx.ours.example"
GOES = [  # what stands in the header, because
    ("Authentication-Results: mx.ours.example; dkim=pass header.d=shop.example", "our name"),
    ("Authentication-Results: MX.Ours.EXAMPLE; dkim=pass", "§2.5: names of servers have no letter case"),
    ("AUTHENTICATION-results:mx.ours.example;dkim=pass", "nor have names of fields"),
    (
        "Authentication-Results : mx.ours.example; dkim=pass",
        "a blank before the colon: some read it as the field (RFC 5322 §4.5)",
    ),
    ("Authentication-Results:\r\n mx.ours.example\r\n\t; dkim=pass", "folded"),
    ("Authentication-Results: (x) mx.ours.example (y) ; dkim=pass", "comments around the name"),
    ("Authentication-Results: (a (b) c; d) mx.ours.example; dkim=pass", "nested comments"),
    ("Authentication-Results: (a (b) mx.ours.example; c) b.example; dkim=pass", "or what a reader that nests none sees"),
    ('Authentication-Results: "mx.ours.example"; dkim=pass', "§2.2: the name may be quoted"),
    ('Authentication-Results: "mx.ours\\.example"; dkim=pass', "with a quoted pair in it"),
    ("Authentication-Results: mx.ours.example. ; dkim=pass", "with a final full stop"),
    ("Authentication-Results: mx . ours (x) . example; dkim=pass", "with blanks around its full stops (RFC 5322 §4.4)"),
    ("Authentication-Results: mx.ours.example 1; dkim=pass", "with a version"),
    ("Authentication-Results: mx.ours.example", "without a result"),
    ("Authentication-Results: mx.ours.example dkim=pass", "without a semicolon"),
    ("Authentication-Results: ; mx.ours.example; (", "malformed: our name anywhere"),
    ("Authentication-Results: (mx.ours.example; dkim=pass", "a comment that does not end"),
    ("Authentication-Results: b.example) mx.ours.example; dkim=pass", "or does not begin"),
    ('Authentication-Results: "b.example; mx.ours.example; dkim=pass', "a quote that does not end"),
    ("Authentication-Results: mx.ou\0rs.example; dkim=pass", "a control character, that some drop"),
    ("Authentication-Results: =?utf-8?q?mx.ours.example?=; dkim=pass", "an encoded word (RFC 2047)"),
    ("Authentication-Results: x@mx.ours.example; dkim=pass", "an address in place of a name"),
    ("Authentication-Results: b.example 2; dkim=pass", "§5: a version that nobody here knows"),
    ("Subject: x\nAuthentication-Results: mx.ours.example; dkim=pass", "hidden behind a bare line feed"),
    ("Subject: x\rAuthentication-Results: mx.ours.example; dkim=pass", "or a bare carriage return"),
    ("Subject: x\n authentication-results : mx.ours.example; dkim=pass", "in another spelling"),
]
STAYS = [
    ("Authentication-Results: mx.theirs.example; dkim=pass", "another's"),
    ("Authentication-Results: mx.theirs.example; spf=pass smtp.rcptto=mx.ours.example", "that only speaks of us"),
    ("Authentication-Results: mx.theirs.example (for; mx.ours.example); spf=pass", "or names us in a comment"),
    ("Authentication-Results: xmx.ours.example; dkim=pass", "a name that ends like ours"),
    ("Authentication-Results: mx.ours.example.au; dkim=pass", "or begins like ours"),
    ("Authentication-Results: ours.example; dkim=pass", "or is the domain above"),
    ("Authentication-Results: mx.theirs.example 1; dkim=pass", "version 1 is the one there is"),
    ("ARC-Authentication-Results: i=1; mx.ours.example; dkim=pass", "sealed by ourselves: ARC tells whether it is true"),
    ("X-Authentication-Results: mx.ours.example; dkim=pass", "a field that no reader takes for it"),
    ("Subject: Authentication-Results: mx.ours.example; dkim=pass", "text"),
    ("Subject: x\r\n Authentication-Results: mx.ours.example; dkim=pass", "the same, in a fold"),
]


@pytest.mark.parametrize("field, because", GOES, ids=[row[1] for row in GOES])
def test_goes(field: str, because: str) -> None:
    head = f"Received: a\r\n{field}\r\nFrom: b@b.example\r\n".encode()
    assert remove_forged(head, OURS) == b"Received: a\r\nFrom: b@b.example\r\n", because


@pytest.mark.parametrize("field, because", STAYS, ids=[row[1] for row in STAYS])
def test_stays(field: str, because: str) -> None:
    head = f"Received: a\r\n{field}\r\nFrom: b@b.example\r\n".encode()
    assert remove_forged(head, OURS) == head, because


@pytest.mark.parametrize("line", [b" dkim=pass header.d=bank.example\r\n", b"\t;\r\n ; dkim=pass\r\n", b" x", b" \r\n"])
def test_a_line_that_would_continue_our_field_goes(line: bytes) -> None:
    rest = b"From: b@b.example\r\n" if line.endswith(b"\r\n") else b""
    assert remove_forged(line + rest, OURS) == rest


@pytest.mark.parametrize("ours", ["mx.grün.example", "mx.xn--grn-ioa.example", "MX.GRÜN.example."])
@pytest.mark.parametrize("theirs", ["mx.grün.example", "mx.xn--grn-ioa.example", "MX.XN--GRN-IOA.example", "mx.GRÜN.example"])
def test_international_names_have_two_spellings(ours: str, theirs: str) -> None:
    assert remove_forged(f"Authentication-Results: {theirs}; dkim=pass\r\n".encode(), ours) == b""


def test_all_of_them_go_and_every_other_octet_stays() -> None:
    ours, other = b"Authentication-Results: mx.ours.example; a=b\r\n", b"Subject:  x \r\n\tno colon\xff\r\nodd line\r\n"
    assert remove_forged(ours * 3 + other + ours, OURS) == other


@given(st.binary(max_size=200), st.text(max_size=30))
def test_any_header_block(head: bytes, ours: str) -> None:
    kept = remove_forged(b"Authentication-Results: " + head, ours)
    assert all(field in headers.fields(b"Authentication-Results: " + head) for field in headers.fields(kept))
    assert remove_forged(kept, ours) == kept


CASES = st.lists(st.booleans(), min_size=len(OURS), max_size=len(OURS))
GAPS = st.sampled_from(["", " ", "\t", "\r\n ", "(x)", " (x (y) \\) z) ", "(;)", '("mx")'])


@given(CASES, GAPS, GAPS, st.booleans())
def test_no_spelling_of_our_name_hides_it(upper: list[bool], before: str, behind: str, quotes: bool) -> None:
    name = "".join(char.upper() if up else char for char, up in zip(OURS, upper, strict=True))
    name = f'"{name}"' if quotes else name
    assert remove_forged(f"Authentication-Results:{before}{name}{behind}; dkim=pass\r\n".encode(), OURS) == b""


@pytest.mark.parametrize(
    "text", [b"(" * 100_000, b'"' * 100_001, b". " * 50_000, b" " * 100_000 + b".", b"\\" * 100_000, b"(x)" * 30_000]
)
def test_long_odd_fields_are_read_in_one_go(text: bytes) -> None:
    assert remove_forged(b"Authentication-Results: " + text + b"\r\n", OURS)
