"""Line ends and stuffed dots: the quick ways beside the plain ones."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.smtp.line_ends import bare, dotted

PIECES = st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"\0", b"\t", b"a", b"\x0b", b"\x0c", b"\x85", b"\xe2\x80\xa8", b"\x1c"])
)


@pytest.mark.parametrize(
    ("octets", "expected", "because"),
    [
        (b"", False, "there is nothing"),
        (b"a\r\nb\r\n", False, "each is CR LF"),
        (b"a\nb", True, "an LF alone"),
        (b"a\rb", True, "a CR alone"),
        (b"a\r\r\n", True, "a CR before CR LF"),
        (b"a\r\n\n", True, "an LF after CR LF"),
        (b"a\r", True, "a CR at the end"),
        (b"a\n\r", True, "the wrong way round"),
        (b"a\x0b\x0c\x1c\x85\xe2\x80\xa8b", False, "line ends of Unicode are none in mail (RFC 5321 2.3.8)"),
    ],
)
def test_bare(octets: bytes, expected: bool, because: str) -> None:
    assert bare(octets) is expected, because


@given(PIECES)
def test_bare_is_what_a_regular_expression_sees(pieces: list[bytes]) -> None:
    octets = b"".join(pieces)
    assert bare(octets) == (re.search(rb"\r(?!\n)|(?<!\r)\n", octets) is not None)


@given(PIECES)
def test_the_search_between_the_dots_finds_what_a_search_finds(pieces: list[bytes]) -> None:
    octets = b"".join(pieces)
    assert dotted(octets) == octets.find(b"\r\n.")
