"""Canonical forms: the RFC's examples, a table of odd bodies, and the naive reference on anything, in any split."""

import base64
import hashlib
import mmap
import sys
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailwright.auth import BodyHasher, Form, hash_body
from mailwright.auth.dkim.canonical import CHUNK, chunks_of, relaxed_fields, split_head
from tests.auth import naive_dkim

FOLDED = b"A:  X\r\nB : Y\t\r\n\tZ  \r\n"  # RFC 6376 §3.4.5
BODY = b" C \r\nD \t E\r\n\r\n\r\n"

BODIES = [  # body, simple, relaxed, because
    (BODY, b" C \r\nD \t E\r\n", b" C\r\nD E\r\n", "RFC 6376 §3.4.5"),
    (b"", b"\r\n", b"", "an empty body is CRLF in simple (§3.4.3), nothing in relaxed (§3.4.4)"),
    (b"\r\n", b"\r\n", b"", "one empty line is an empty body"),
    (b"\r\n\r\n\r\n", b"\r\n", b"", "any number of them too"),
    (b" \t\r\n\r\n", b" \t\r\n", b"", "a line of blanks is empty once relaxed"),
    (b" ", b" \r\n", b"", "blanks without a line end are ignored at the end of the line"),
    (b"a", b"a\r\n", b"a\r\n", "a body without a final CRLF gets one"),
    (b"a ", b"a \r\n", b"a\r\n", "and loses the blanks at its end"),
    (b"a\r\n \t ", b"a\r\n \t \r\n", b"a\r\n", "a last line of blanks is an empty line"),
    (b"a\r\n\r\nb\r\n\r\n", b"a\r\n\r\nb\r\n", b"a\r\n\r\nb\r\n", "only the empty lines at the end go"),
    (b"a\r", b"a\r\r\n", b"a\r\r\n", "a bare CR is text"),
    (b"a \r", b"a \r\r\n", b"a \r\r\n", "and keeps the blank before it"),
    (b"a\n\n", b"a\n\n\r\n", b"a\n\n\r\n", "a bare LF ends no line"),
    (b"a\r\n\n\r\n", b"a\r\n\n\r\n", b"a\r\n\n\r\n", "nor do CR and LF the wrong way round"),
    (b"a\r\n\r\r\n", b"a\r\n\r\r\n", b"a\r\n\r\r\n", "a CR before CRLF is a line of one CR"),
    (b"\tx\t\ty \t \r\n", b"\tx\t\ty \t \r\n", b" x y\r\n", "tabs are blanks"),
    (b"x\x0b\x0c\xa0 y\r\n", b"x\x0b\x0c\xa0 y\r\n", b"x\x0b\x0c\xa0 y\r\n", "VT, FF and NBSP are not"),
]

odd_text = st.lists(st.sampled_from([b" ", b"\t", b"\r", b"\n", b"\r\n", b"a", b"  ", b"\r\n\r\n", b"\0", b"\xff"])).map(b"".join)


@pytest.mark.parametrize("body, simple, relaxed, because", BODIES)
def test_a_body_has_the_form_that_the_rfc_says(body: bytes, simple: bytes, relaxed: bytes, because: str) -> None:
    assert hash_body([body], Form.SIMPLE) == hashlib.sha256(simple).digest(), because
    assert hash_body([body], Form.RELAXED) == hashlib.sha256(relaxed).digest(), because
    assert (naive_dkim.simple_body(body), naive_dkim.relaxed_body(body)) == (simple, relaxed), because


def test_the_hashes_that_the_rfc_prints() -> None:
    assert base64.b64encode(hash_body([], Form.SIMPLE)) == b"frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY="  # §3.4.3
    assert base64.b64encode(hash_body([], Form.RELAXED)) == b"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="  # §3.4.4


@given(st.lists(odd_text))
@example([b"a \r", b"\n"])
@example([b" ", b"\r", b"\n", b"\r\n", b" a"])
def test_any_split_gives_the_hash_of_the_naive_form(pieces: list[bytes]) -> None:
    body = b"".join(pieces)
    assert hash_body(pieces, Form.SIMPLE) == hashlib.sha256(naive_dkim.simple_body(body)).digest()
    assert hash_body(pieces, Form.RELAXED) == hashlib.sha256(naive_dkim.relaxed_body(body)).digest()


@given(st.lists(odd_text), st.integers(0, 40), st.sampled_from(Form))
def test_a_limit_covers_the_first_octets_of_the_canonical_form(pieces: list[bytes], limit: int, form: Form) -> None:
    hasher = BodyHasher(form, limit)
    for piece in pieces:
        hasher.update(piece)
    body = b"".join(pieces)
    canonical = naive_dkim.simple_body(body) if form is Form.SIMPLE else naive_dkim.relaxed_body(body)
    assert hasher.digest() == hashlib.sha256(canonical[:limit]).digest()
    assert hasher.length == len(canonical)


@pytest.mark.parametrize(
    "unit, because",
    [
        (b" ", "blanks alone"),
        (b" \t", "tabs among them"),
        (b"\r\n", "empty lines alone: held back, dropped, or emitted when text follows"),
        (b" \r\n", "lines of one blank"),
        (b"a  ", "short runs everywhere"),
        (b"a" + b" " * 100 + b"\r\n", "long runs"),
        (b"\r", "bare CR"),
        (b"\n\r", "both, the wrong way round"),
    ],
)
@pytest.mark.parametrize("end", [b"", b"end"])
def test_more_than_a_chunk_of_the_same(unit: bytes, end: bytes, because: str) -> None:
    body = unit * (3 * CHUNK // len(unit) + 5) + end
    assert hash_body([body], Form.SIMPLE) == hashlib.sha256(naive_dkim.simple_body(body)).digest(), because
    assert hash_body([body], Form.RELAXED) == hashlib.sha256(b"".join(relaxed_lines(body))).digest(), because


def relaxed_lines(body: bytes) -> Iterator[bytes]:
    """As the naive form, but not quadratic in runs of blanks."""
    lines = [b" ".join(word for word in line.replace(b"\t", b" ").split(b" ") if word) for line in body.split(b"\r\n")]
    led = [
        b" " + line if raw[:1] in {b" ", b"\t"} and line else line for raw, line in zip(body.split(b"\r\n"), lines, strict=True)
    ]
    while led and not led[-1]:
        led.pop()
    return (line + b"\r\n" for line in led)


@given(st.text("  a\t\n").map(lambda text: text.replace("\n", "\r\n").encode()), st.integers(1, 300))
@example(b"a ", 200)
@example(b" \r\n a", 129)
def test_runs_of_any_length(text: bytes, times: int) -> None:
    body = text.replace(b" ", b" " * times)
    assert hash_body([body]) == hashlib.sha256(b"".join(relaxed_lines(body))).digest()


@pytest.mark.parametrize("unit", [b" ", b"\t", b" a", b"a  ", b"   a", b" \r\n", b"\r\n", b"\r", b"x"])
def test_work_grows_with_the_size_and_no_faster(unit: bytes) -> None:
    """Counted in function calls, as sys.setprofile sees them: a body of 16 times the size takes 16 times as many at most."""
    body = unit * (16 * CHUNK // len(unit))
    assert calls(body) <= 17 * calls(body[:CHUNK]) + 20


def calls(body: bytes) -> int:
    """How many calls, of Python and of C, one hash takes; each C call reads a bounded chunk a bounded number of times."""
    seen = 0

    def count(_frame: object, event: str, _what: object) -> None:
        nonlocal seen
        seen += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        hash_body([body])
    finally:
        sys.setprofile(None)
    return seen


def test_buffers_of_every_kind() -> None:
    body = b"one  two\r\n" * 20_000
    expected = hash_body([body])
    assert hash_body([memoryview(body)]) == expected
    assert hash_body([bytearray(body)]) == expected
    with tempfile.TemporaryFile() as file:
        file.write(body)
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            assert hash_body([mapped]) == expected
            assert b"".join(chunks_of(mapped)) == body


FIELDS = [  # header block, fields, because
    (FOLDED, [(b"a", b"X"), (b"b", b"Y Z")], "RFC 6376 §3.4.5"),
    (b"SUBJect: AbC\r\n", [(b"subject", b"AbC")], "the name alone loses its case"),
    (b"Subject: a\r\n \r\n b\r\n", [(b"subject", b"a b")], "a fold of blanks alone"),
    (b"Subject:\r\n\tx \t\r\n", [(b"subject", b"x")], "nothing on the first line"),
    (b"Subject:\r\n", [(b"subject", b"")], "an empty value"),
    (b"Subject: \t\r\nTo:x\r\n", [(b"subject", b""), (b"to", b"x")], "a value of blanks"),
    (b"Subject: x ", [(b"subject", b"x")], "no CRLF at the end"),
    (b"Subject: a:b: c\r\n", [(b"subject", b"a:b: c")], "later colons are text"),
    (b"no field\r\nTo: x\r\n", [(b"to", b"x")], "a line without a colon is no field"),
    (b"Subject: a\x0b\x0c b\r\n", [(b"subject", b"a\x0b\x0c b")], "VT and FF are not WSP"),
]


@pytest.mark.parametrize("head, fields, because", FIELDS)
def test_a_header_block_relaxed(head: bytes, fields: list[tuple[bytes, bytes]], because: str) -> None:
    assert list(relaxed_fields(head)) == fields, because


@given(st.lists(st.text("aB: \t", min_size=1).map(lambda text: "X:" + text)), st.booleans())
def test_relaxed_fields_are_the_naive_ones(values: list[str], folded: bool) -> None:
    raw = [value.replace(" ", "\r\n ", 1).encode() if folded else value.encode() for value in values]
    head = b"".join(field + b"\r\n" for field in raw)
    assert [name + b":" + value for name, value in relaxed_fields(head)] == [naive_dkim.relaxed_field(field) for field in raw]


@pytest.mark.parametrize(
    "mail, head, body, because",
    [
        (b"A: b\r\n\r\nbody", b"A: b\r\n", b"body", "the empty line parts them"),
        (b"\r\nA: b\r\n\r\nbody", b"", b"A: b\r\n\r\nbody", "a mail that begins with it has no header"),
        (b"A: b\r\n", b"A: b\r\n", b"", "without it there is no body"),
        (b"A: b\r\n\r\n", b"A: b\r\n", b"", "nor when nothing follows"),
        (b"", b"", b"", "nothing at all"),
    ],
)
def test_where_the_header_ends_in_any_split(mail: bytes, head: bytes, body: bytes, because: str) -> None:
    for cut in range(len(mail) + 1):
        rest = iter([mail[:cut], mail[cut:]])
        found, start = split_head(rest)
        assert (found, start + b"".join(rest)) == (head, body), because
