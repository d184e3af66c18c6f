"""The reply reader: what it makes of good, odd and hostile bytes, in any split."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.smtp.replies import MAX_AT_ONCE, MAX_LINE, MAX_LINES, MAX_OCTETS, Fault, ReplyReader
from mailwright.values import Reply

READ = [
    (b"250 2.1.0 Ok\r\n", [Reply(250, "2.1.0", ("Ok",))], "the usual reply"),
    (b"250 Ok\r\n", [Reply(250, "", ("Ok",))], "no enhanced code"),
    (b"250\r\n", [Reply(250, "", ("",))], "a code alone (RFC 5321 §4.2)"),
    (b"250 \r\n", [Reply(250, "", ("",))], "empty text"),
    (b"250 2.0.0\r\n", [Reply(250, "2.0.0", ("",))], "an enhanced code alone"),
    (b"250 Ok\n", [Reply(250, "", ("Ok",))], "a bare LF ends a line"),
    (b"250 a\r\n354 b\r\n", [Reply(250, "", ("a",)), Reply(354, "", ("b",))], "two replies in one read"),
    (b"250-mx\r\n250-SIZE 10\r\n250 DSN\r\n", [Reply(250, "", ("mx", "SIZE 10", "DSN"))], "several lines"),
    (b"550-5.1.1 No such\r\n550 5.1.1 user\r\n", [Reply(550, "5.1.1", ("No such", "user"))], "the enhanced code on every line"),
    (
        b"550-5.1.1 No such\r\n550 user\r\n",
        [Reply(550, "5.1.1", ("No such", "user"))],
        "the enhanced code on the first line only",
    ),
    (b"550-5.1.1\r\n550 5.1.1\r\n", [Reply(550, "5.1.1", ("", ""))], "enhanced codes without text"),
    (b"550 4.1.1 No\r\n", [Reply(550, "", ("4.1.1 No",))], "the classes disagree (RFC 2034 §4): text, no code"),
    (b"250 2.1.0.5 is our version\r\n", [Reply(250, "", ("2.1.0.5 is our version",))], "a version number is no enhanced code"),
    (b"250 2.1 x\r\n", [Reply(250, "", ("2.1 x",))], "two parts are no enhanced code"),
    (b"220 gr\xfc\xdf\r\n", [Reply(220, "", ("gr\ufffd\ufffd",))], "not UTF-8: replaced"),
    ("220 grüß\r\n".encode(), [Reply(220, "", ("grüß",))], "UTF-8"),
    (b"220 a\x1b[2Jb\r\n", [Reply(220, "", ("a\ufffd[2Jb",))], "no escape sequence reaches a terminal"),
    (b"220 a\tb\r\n", [Reply(220, "", ("a b",))], "a tab is a blank"),
]

BROKEN = [
    (b"hello\r\n", "reply-malformed", "no code"),
    (b"\r\n", "reply-malformed", "an empty line"),
    (b"25\r\n", "reply-malformed", "two digits"),
    (b"2500 x\r\n", "reply-malformed", "four digits"),
    (b"250_x\r\n", "reply-malformed", "neither blank nor hyphen"),
    (b"150 x\r\n", "reply-malformed", "SMTP has no 1xx replies (RFC 5321 §4.2.1)"),
    (b"650 x\r\n", "reply-malformed", "no 6xx replies"),
    ("２５０ x\r\n".encode(), "reply-malformed", "digits of another script"),
    (b"250-a\r\n550 b\r\n", "reply-malformed", "the code changes within a reply"),
    (b"220 " + b"a" * (MAX_LINE + 1) + b"\r\n", "reply-too-long", "a line without measure"),
    (b"a" * (MAX_LINE + 1), "reply-too-long", "a line without end"),
    (b"250-a\r\n" * (MAX_LINES + 1), "reply-too-long", "lines without end"),
    ((b"250-" + b"a" * 1000 + b"\r\n") * (MAX_OCTETS // 1000 + 1), "reply-too-long", "octets without end"),
    (b"250 a\r\n" * (MAX_AT_ONCE + 2), "reply-too-long", "replies without end"),
]


@pytest.mark.parametrize("wire, replies, because", READ)
@pytest.mark.parametrize("step", [1, 3, 10_000])
def test_replies_are_read_in_any_split(wire: bytes, replies: list[Reply], because: str, step: int) -> None:
    reader = ReplyReader()
    heard = [one for at in range(0, len(wire), step) for one in reader.feed(wire[at : at + step])]
    assert heard == replies, because
    assert reader.empty


@pytest.mark.parametrize("wire, code, because", BROKEN)
def test_what_is_no_reply_is_a_fault_and_the_end(wire: bytes, code: str, because: str) -> None:
    reader = ReplyReader()
    last = reader.feed(wire)[-1]
    assert isinstance(last, Fault), because
    assert last.code == code, because
    assert reader.feed(b"250 Ok\r\n") == []
    assert reader.empty


def test_an_endless_line_in_single_octets_is_bounded() -> None:
    reader = ReplyReader()
    heard = [one for _ in range(MAX_LINE + 10) for one in reader.feed(b"2")]
    assert [type(one) for one in heard] == [Fault]


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_arbitrary_bytes_never_raise(chunks: list[bytes]) -> None:
    reader = ReplyReader()
    for chunk in chunks:
        for one in reader.feed(chunk):
            assert isinstance(one, Reply | Fault)


@given(
    st.lists(st.tuples(st.integers(200, 599), st.lists(st.text("abc 2.10", max_size=20), min_size=1, max_size=4)), max_size=6),
    st.lists(st.integers(1, 7), min_size=1),
)
def test_a_split_changes_nothing(replies: list[tuple[int, list[str]]], steps: list[int]) -> None:
    wire = b"".join(Reply(code, "", tuple(text)).encode() for code, text in replies)
    reader, at, heard = ReplyReader(), 0, []
    for n in range(len(wire)):
        heard += reader.feed(wire[at : at + steps[n % len(steps)]])
        at += steps[n % len(steps)]
    assert heard == ReplyReader().feed(wire)
    assert len(heard) == len(replies)
