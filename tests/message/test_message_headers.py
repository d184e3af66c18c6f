"""The header reader: tables of well-formed and faulty blocks, and the promise that no byte is lost."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.message import Mailbox, author, headers
from mailwright.message.headers import MAX_FIELDS, MAX_HEAD, MAX_LINE, faults, fields, first, has_long_line, split

SUITES = Path(__file__).parents[3] / "shared" / "suites"

SPLITS = [
    (b"A: 1\r\n\r\nbody\r\n", b"A: 1\r\n", b"body\r\n", "the usual mail"),
    (b"A: 1\r\n", b"A: 1\r\n", b"", "a mail without a body, RFC 5322 §3.5"),
    (b"A: 1", b"A: 1", b"", "nor with a line end"),
    (b"\r\nbody", b"", b"body", "no header at all"),
    (b"", b"", b"", "nothing"),
    (b"A: 1\r\n\r\n\r\n\r\nx", b"A: 1\r\n", b"\r\n\r\nx", "only the first empty line parts"),
    (b"A: 1\n\nx\r\n", b"A: 1\n\nx\r\n", b"", "bare LF is no line end, RFC 5321 §2.3.8"),
]

FIELDS = [
    (b"From: a@b\r\nTo: c@d\r\n", [b"from", b"to"], "two fields"),
    (b"Subject: a\r\n b\r\n\tc\r\nTo: d\r\n", [b"subject", b"to"], "folding, RFC 5322 §2.2.3"),
    (b"X:\r\n", [b"x"], "an empty value"),
    (b"Subject : a\r\n", [b"subject"], "blank before the colon: others read it, so we do too"),
    (b"no colon\r\nTo: d\r\n", [b"", b"to"], "a line that is no field keeps its place"),
    (b" first\r\nTo: d\r\n", [b"", b"to"], "continuation first"),
    (b": x\r\n", [b""], "empty name"),
    ("Tö: x\r\n".encode(), [b""], "name beyond ASCII"),
    (b"A: 1\rB: 2\r\n", [b"a"], "a bare CR ends nothing"),
    (b"A: 1\nB: 2\r\n", [b"a"], "a bare LF ends nothing"),
]

FAULTS = [
    (b"From: a@b\r\nSubject: x\r\n y\r\n", [], "all is well"),
    (b"Subject: \xc3\xa4\r\n", [], "UTF-8 in a value is RFC 6532's, asked elsewhere"),
    (b"", [], "an empty block"),
    (b"no colon\r\n", ["header-no-colon"], "RFC 5322 §2.2"),
    (b": x\r\n", ["header-bad-name"], "empty name"),
    (b"a b: x\r\n", ["header-bad-name"], "a blank inside a name"),
    ("Tö: x\r\n".encode(), ["header-bad-name"], "name beyond ASCII"),
    (b"From : a@b\r\n", ["header-space-before-colon"], "RFC 5322 §4.5"),
    (b" x: y\r\n", ["header-continuation-first"], "nothing to continue"),
    (b"A: \x00\r\n", ["header-control-character"], "NUL"),
    (b"A: \x7f\r\n", ["header-control-character"], "DEL"),
    (b"A: 1\rB: 2\r\n", ["header-control-character"], "bare CR"),
    (b"A: 1\nB: 2\r\n", ["header-control-character"], "bare LF smuggles a field in"),
    (b"A: x\r\n \r\n y\r\n", ["header-blank-line"], "a line of blanks inside a field"),
    (b"A: " + b"x" * (MAX_LINE - 3) + b"\r\n", [], "998 octets are the most"),
    (b"A: " + b"x" * (MAX_LINE - 2) + b"\r\n", ["header-line-too-long"], "999 are one too many"),
    (b"A:\r\n" * (MAX_FIELDS + 1), ["header-too-large"], "too many fields"),
    (b"A: 1\r\n" + b" 34567\r\n" * (MAX_HEAD // 8), ["header-too-large"], "one endless field"),
    (
        b"x\r\n: y\r\nA : z\r\n",
        ["header-no-colon", "header-bad-name", "header-space-before-colon"],
        "all at once, not the first one",
    ),
]


@pytest.mark.parametrize(("raw", "head", "body", "because"), SPLITS)
def test_the_first_empty_line_parts_header_and_body(raw: bytes, head: bytes, body: bytes, because: str) -> None:
    assert split(raw) == (head, body), because


@pytest.mark.parametrize(("head", "names", "because"), FIELDS)
def test_fields_are_found_and_keep_every_byte(head: bytes, names: list[bytes], because: str) -> None:
    found = fields(head)
    assert [field.name for field in found] == names, because
    assert b"".join(field.raw for field in found) == head


@pytest.mark.parametrize(("head", "codes", "because"), FAULTS)
def test_each_fault_has_its_finding(head: bytes, codes: list[str], because: str) -> None:
    assert [finding.code for finding in faults(head, fields(head))] == codes, because


def test_values_are_read_folded_and_unfolded() -> None:
    field = first(fields(b"To: x\r\nSubject:  a\r\n\tb: c \r\n"), b"subject")
    assert field is not None
    assert field.value == b"  a\r\n\tb: c "
    assert field.text == b"a\tb: c"


def test_removing_fields_leaves_all_other_octets() -> None:
    head = b"A: 1\r\nBcc: x,\r\n y\r\nbCC: z\r\nB:  2 \r\n"
    assert headers.remove(head, {b"bcc"}) == b"A: 1\r\nB:  2 \r\n"
    assert [field.raw for field in headers.every(fields(head), b"bcc")] == [b"Bcc: x,\r\n y\r\n", b"bCC: z\r\n"]


LINES = st.lists(st.sampled_from([b"A: 1", b" fold", b"\tfold", b"\r", b"\n", b"\r\n", b":", b"x", b"\x00", b"\xff", b" :"])).map(
    b"".join
)


@given(LINES | st.binary())
def test_no_byte_is_lost_and_nothing_raises(raw: bytes) -> None:
    head, body = split(raw)
    assert raw in (head + b"\r\n" + body, head)
    found = fields(head)
    assert b"".join(field.raw for field in found) == head
    assert b"".join(field.raw for field in fields(raw)) == raw
    for finding in faults(head, found):
        assert finding.code.startswith("header-")
        assert finding.do


@given(st.lists(st.integers(990, 1003).map(lambda n: b"x" * n) | st.binary(max_size=30)), st.sampled_from([b"\r\n", b"\n"]))
def test_long_lines_are_found_as_a_count_of_each_line_finds_them(lines: list[bytes], end: bytes) -> None:
    content = b"".join(line.replace(b"\n", b"").replace(b"\r", b"") + b"\r\n" for line in lines)
    assert has_long_line(content) == any(len(line) > MAX_LINE for line in content.split(b"\r\n")), end


def test_the_reader_matches_each_octet_once() -> None:
    """Linear by construction: the matches follow on each other and each ends where the next begins."""
    hostile = [b"A: " + b"\r" * 50_000, b"A: 1\r\n " * 10_000 + b"\x00", b" \r\n" * 20_000, b":" * 50_000, b"\r\n" * 20_000]
    for head in hostile:
        assert sum(len(field.raw) for field in fields(head)) == len(head)
        assert faults(head, fields(head))


@pytest.mark.skipif(not SUITES.exists(), reason="the outside suites are not here (../shared/suites)")
def test_real_mails_are_read_whole() -> None:
    read = 0
    for path in sorted((SUITES / "bounces").rglob("*.eml")):
        raw = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        head, body = split(raw)
        found = fields(head)
        assert raw in (head + b"\r\n" + body, head), path.name
        assert b"".join(field.raw for field in found) == head, path.name
        if not isinstance(author(found), Mailbox):
            value = first(found, b"from")
            assert value is None or b"@" not in value.text, "only mailer daemons without a domain are refused"
        read += 1
    assert read > 200
