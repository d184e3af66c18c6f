"""Content as it goes out: what the receiver unstuffs is what was put in, and no bare CR or LF ever leaves."""

import smtplib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.smtp.stuffing import Stuffer

LINES = st.lists(st.sampled_from([b"", b".", b"..", b"a", b".a", b"a.", b"\xff"]), max_size=12)

LEAVES = [
    (b"", b".\r\n", "an empty mail"),
    (b"a\r\n", b"a\r\n.\r\n", "the usual mail"),
    (b"a", b"a\r\n.\r\n", "a last line without its end gets one"),
    (b".\r\n", b"..\r\n.\r\n", "a lone dot"),
    (
        b".\r\nMAIL FROM:<x@example.com>\r\n",
        b"..\r\nMAIL FROM:<x@example.com>\r\n.\r\n",
        "what would end the mail early does not",
    ),
    (b"a\r\n.\r\n.\r\n.b", b"a\r\n..\r\n..\r\n..b\r\n.\r\n", "dots in a row"),
]

# SMTP smuggling: every sequence that some server takes for the end of data.
REFUSED = [
    b"a\n.\nb",
    b"a\n.\r\nb",
    b"a\r\n.\nb",
    b"a\r.\rb",
    b"a\r.\r\nb",
    b"a\r\n.\rb",
    b"a\n.\rb",
    b"a\r.\nb",
    b"a\r\r\n.\r\r\nb",
]
REFUSED += [b"\n", b"\r", b"a\r", b"\ra", b"a\n", b"\r\n\n", b"\r\r\n"]


def stuffed(chunks: list[bytes]) -> bytes | None:
    stuffer = Stuffer()
    wire = b"".join(map(stuffer.feed, chunks))
    end = stuffer.end()
    return None if stuffer.broken else wire + end


def unstuffed(wire: bytes) -> bytes:
    """RFC 5321 §4.5.2, word for word."""
    assert wire.endswith(b"\r\n.\r\n") or wire == b".\r\n"
    lines = wire.removesuffix(b".\r\n").split(b"\r\n")
    assert b"." not in lines
    return b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines)


@pytest.mark.parametrize("content, wire, because", LEAVES)
@pytest.mark.parametrize("step", [1, 2, 3, 1000])
def test_content_leaves_transparent(content: bytes, wire: bytes, because: str, step: int) -> None:
    assert stuffed([content[at : at + step] for at in range(0, len(content), step)]) == wire, because


@pytest.mark.parametrize("content", REFUSED)
@pytest.mark.parametrize("step", [1, 2, 1000])
def test_bare_line_ends_never_leave(content: bytes, step: int) -> None:
    assert stuffed([content[at : at + step] for at in range(0, len(content), step)]) is None


@given(LINES, st.lists(st.integers(0, 5), min_size=1))
def test_the_receiver_gets_the_same_bytes_in_any_split(lines: list[bytes], steps: list[int]) -> None:
    content = b"".join(line + b"\r\n" for line in lines)
    chunks, at = [], 0
    for n in range(2 * len(content) + 2):
        chunks.append(content[at : at + steps[n % len(steps)]])
        at += steps[n % len(steps)]
    chunks.append(content[at:])
    wire = stuffed(chunks)
    assert wire is not None
    assert unstuffed(wire) == content


@given(LINES)
def test_it_is_what_the_standard_library_sends(lines: list[bytes]) -> None:
    content = b"".join(line + b"\r\n" for line in lines)
    assert stuffed([content]) == smtplib._quote_periods(content) + b".\r\n"  # type: ignore[attr-defined]


@given(st.lists(st.sampled_from([b"\r", b"\n", b".", b"a", b"\r\n"]), max_size=12))
def test_bare_line_ends_are_seen_wherever_they_stand(parts: list[bytes]) -> None:
    content = b"".join(parts)
    bare = content.replace(b"\r\n", b"")
    for chunks in ([content], parts, [content[at : at + 1] for at in range(len(content))]):
        assert (stuffed(chunks) is None) == (b"\r" in bare or b"\n" in bare)
