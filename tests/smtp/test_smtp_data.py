"""The reader of incoming content: where it ends, what it hides, what it costs."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.smtp.chunks import Announced, ChunkReader
from mailwright.smtp.data import DataReader, Fault
from mailwright.smtp.server import Server
from mailwright.smtp.server_events import EndOfData, Limits, Setup
from mailwright.values import Domain

MIB = 1 << 20


def reader(*, size: int = MIB, fields: int = 1000, octets: int = 256 * 1024) -> DataReader:
    return DataReader(size=size, header_fields=fields, header_octets=octets)


def read(data: bytes, cuts: list[int] | None = None, **limits: int) -> tuple[bytes, DataReader]:
    """Feed `data` cut at the given places; what came after the end is in `rest`."""
    one, content = reader(**limits), b""
    edges = [0, *sorted({cut for cut in cuts or [] if cut < len(data)}), len(data)]
    for start, stop in pairwise(edges):
        if one.done:
            one.rest += data[start:]
            break
        content += one.feed(data[start:stop])
    return content, one


ENDS = [  # what is sent, what is kept, what comes after, why
    (b".\r\n", b"", b"", "an empty content is ended by a first line with a dot alone"),
    (b"a\r\n.\r\n", b"a\r\n", b"", "RFC 5321 §4.1.1.4: the CR LF before the dot ends the last line and is kept"),
    (b"a\r\n.\r\nNOOP\r\n", b"a\r\n", b"NOOP\r\n", "what was sent ahead is the next command"),
    (b"a\r\n.\r\n.\r\n", b"a\r\n", b".\r\n", "the first end is the end"),
    (b"..\r\n.\r\n", b".\r\n", b"", "RFC 5321 §4.5.2: one dot of a stuffed line goes"),
    (b".a\r\n.\r\n", b"a\r\n", b"", "RFC 5321 §4.5.2: also where the client forgot to stuff"),
    (b"..a\r\n...b\r\n.\r\n", b".a\r\n..b\r\n", b"", "each line loses one dot"),
    (b"a.\r\n.\r\n", b"a.\r\n", b"", "a dot within a line stays"),
    (b"\r\n..\r\n.\r\n", b"\r\n.\r\n", b"", "a stuffed dot alone is content"),
    (b"\r\n\r\n.\r\n", b"\r\n\r\n", b"", "empty lines are content"),
]


@pytest.mark.parametrize("data, content, rest, because", ENDS)
def test_ends(data: bytes, content: bytes, rest: bytes, because: str) -> None:
    for cuts in ([], list(range(len(data)))):
        got, one = read(data, cuts)
        assert (one.done, got, one.rest, one.fault, one.size) == (True, content, rest, None, len(content)), because


SMUGGLED = [  # ends that some server somewhere takes for the end of the content
    (b"\n.\n", Fault.BARE_LINE_END),
    (b"\n.\r\n", Fault.BARE_LINE_END),
    (b"\r\n.\n", Fault.BARE_LINE_END),
    (b"\r.\r", Fault.BARE_LINE_END),
    (b"\r.\r\n", Fault.BARE_LINE_END),
    (b"\r\n.\r", Fault.BARE_LINE_END),
    (b"\r.\n", Fault.BARE_LINE_END),
    (b"\n.\r", Fault.BARE_LINE_END),
    (b"\r\n\0.\r\n", Fault.NUL),
    (b"\r\n.\0\r\n", Fault.NUL),
    (b"\r\r\n.\r\r\n", Fault.BARE_LINE_END),
]


@pytest.mark.parametrize("end, fault", SMUGGLED, ids=repr)
def test_smuggling_ends_never_end(end: bytes, fault: Fault) -> None:
    """Only CR LF . CR LF ends a content (RFC 5321 §4.1.1.4); the rest is noted as hostile, in any split."""
    data = b"Subject: x\r\n\r\ntext" + end + b"MAIL FROM:<evil@b.example>\r\n.\r\nNOOP\r\n"
    for cuts in ([], list(range(len(data))), list(range(0, len(data), 3))):
        _, one = read(data, cuts)
        assert one.done
        assert one.fault is fault
        assert one.fault.hostile
        assert one.rest == b"NOOP\r\n"


FAULTS: list[tuple[bytes, dict[str, int], Fault | None, str]] = [
    (b"0123456789\r\n", {"size": 12}, None, "exactly the limit"),
    (b"0123456789a\r\n", {"size": 12}, Fault.TOO_BIG, "one more"),
    (b"..23456789a\r\n", {"size": 12}, None, "RFC 1870 §5: a stuffed dot does not count"),
    (b"A: 1\r\n b\r\n\tc\r\nB: 2\r\n\r\nC: 3\r\n", {"fields": 2}, None, "folded lines and the body are no fields"),
    (b"A: 1\r\nB: 2\r\nC: 3\r\n\r\n", {"fields": 2}, Fault.HEADER_FIELDS, "three fields"),
    (b"\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n", {"fields": 2}, None, "a content without header"),
    (b"A: 1\r\n\r\n" + b"x" * 500 + b"\r\n", {"octets": 20}, None, "the body does not count"),
    (b"A: " + b"1" * 20 + b"\r\n\r\n", {"octets": 20}, Fault.HEADER_OCTETS, "one long field"),
    (b"A: 1\r\n" * 9, {"octets": 20}, Fault.HEADER_OCTETS, "a header that never ends"),
]


@pytest.mark.parametrize("data, limits, fault, because", FAULTS)
def test_faults(data: bytes, limits: dict[str, int], fault: Fault | None, because: str) -> None:
    for cuts in ([], list(range(len(data)))):
        _, one = read(data + b".\r\n", cuts, **limits)
        assert (one.done, one.fault) == (True, fault), because


LINES = [
    (b"x" * 998 + b"\r\n", False, "RFC 5322 §2.1.1: 998 octets are allowed"),
    (b"x" * 999 + b"\r\n", True, "999 are not"),
    (b"." + b"." * 998 + b"\r\n", False, "RFC 5321 §4.5.3.1.6: the stuffed dot does not count"),
    (b"a\r\n" * 500 + b"x" * 998 + b"\r\n" + b"b\r\n", False, "a long one among short ones"),
    (b"a\r\n" * 500 + b"x" * 999 + b"\r\n" + b"b\r\n", True, "a too long one among short ones"),
    (b"x" * 5000 + b"\r\n", True, "far too long"),
]


@pytest.mark.parametrize("data, long_line, because", LINES)
def test_line_length(data: bytes, long_line: bool, because: str) -> None:
    for cuts in ([], list(range(len(data))), list(range(0, len(data), 7)), [998, 999, 1000, 1001], [1]):
        content, one = read(data + b".\r\n", cuts)
        assert one.long_line is long_line, because
        assert len(content) == one.size


def test_eight_bit_is_noted() -> None:
    assert read(b"gr\xc3\xbc\xc3\x9fe\r\n.\r\n")[1].eight_bit
    assert not read(b"gruesse\r\n.\r\n")[1].eight_bit


def test_a_hidden_end_is_found_in_what_is_too_big() -> None:
    """The mail is refused in any case; what follows it must not be believed either."""
    for cuts in ([], [20, 40, 60]):
        _, one = read(b"x" * 50 + b"\n.\r\nMAIL FROM:<evil@b.example>\r\n.\r\n", cuts, size=30)
        assert one.fault is Fault.BARE_LINE_END


def test_memory_stays_small_after_a_fault() -> None:
    """Content that is refused anyway is swallowed, not kept."""
    one = reader(size=1000)
    block = b"x" * 1000 + b"\r\n"
    kept = sum(len(one.feed(block)) for _ in range(100))
    assert kept <= 1000
    assert not one.flooded
    for _ in range(2000):
        one.feed(block)
    assert one.flooded


def by_the_book(data: bytes) -> tuple[bytes, bytes, bool, bool, bool]:
    """RFC 5321 §4.5.2 read line by line: content, rest, ended, bare CR or LF or NUL, long line."""
    lines = data.split(b"\r\n")
    content: list[bytes] = []
    for n, line in enumerate(lines[:-1]):
        if line == b".":
            kept = b"".join(part + b"\r\n" for part in content)
            whole = b"\0".join(content)
            bad = b"\r" in whole or b"\n" in whole or any(b"\0" in part for part in content)
            return kept, b"\r\n".join(lines[n + 1 :]), True, bad, any(len(part) > 998 for part in content)
        content.append(line.removeprefix(b"."))
    return b"", b"", False, False, False


PIECES = st.sampled_from([b"\r\n", b".", b"\r", b"\n", b"\0", b"a", b"Sub: x\r\n", b"\r\n.", b"..", b"\xff", b"x" * 600])
CLEAN = st.sampled_from([b"\r\n", b".", b"a", b"Sub: x\r\n", b"\r\n.", b"..", b"\xff", b"x" * 600, b"\r\n\r\n", b" ", b"\t"])


@given(pieces=st.lists(st.one_of(PIECES, CLEAN), max_size=30), cuts=st.lists(st.integers(1, 200), max_size=12))
def test_any_split_gives_what_the_book_says(pieces: list[bytes], cuts: list[int]) -> None:
    data = b"".join(pieces) + b"\r\n.\r\nQUIT\r\n"
    content, rest, _, bad, long_line = by_the_book(data)
    got, one = read(data, cuts)
    assert one.done
    assert one.rest == rest
    assert (one.fault is not None and one.fault.hostile) is bad
    if not bad:
        assert got == content
        assert one.long_line is long_line
        assert one.eight_bit is (not content.isascii())


@given(pieces=st.lists(CLEAN, max_size=40), cuts=st.lists(st.integers(1, 300), max_size=20), fields=st.integers(1, 6))
def test_header_limits_do_not_depend_on_the_split(pieces: list[bytes], cuts: list[int], fields: int) -> None:
    data = b"".join(pieces) + b"\r\n.\r\n"
    whole, split = read(data, [], fields=fields, octets=400)[1], read(data, cuts, fields=fields, octets=400)[1]
    assert (whole.fault is None) == (split.fault is None)


@given(
    lines=st.lists(st.sampled_from([b"", b".", b"..", b"text", b".text", "größe".encode(), b"x" * 1200]), max_size=12),
    cuts=st.lists(st.integers(0, 200), max_size=8),
    pieces=st.integers(1, 50),
)
def test_chunks_give_what_data_gives(lines: list[bytes], cuts: list[int], pieces: int) -> None:
    """The same mail by BDAT, cut anywhere into chunks and these anywhere into pieces, and by DATA with its dots doubled."""
    mail = b"".join(line + b"\r\n" for line in lines)
    expected, by_data = read((b"\r\n" + mail).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n")
    edges = [0, *sorted(cut for cut in cuts if cut < len(mail)), len(mail)]
    one, content = ChunkReader(size=MIB, header_fields=1000, header_octets=MIB), b""
    for start, stop in pairwise(edges):
        one.expect(Announced(stop - start, last=False))
        while not one.done:
            content += one.feed(mail[stop - one.left :][: min(pieces, one.left)])
    content += one.end()
    assert content == expected == mail
    assert (one.size, one.eight_bit, one.long_line, one.fault) == (by_data.size, by_data.eight_bit, by_data.long_line, None)


def test_many_tiny_chunks_are_read_in_linear_time() -> None:
    """What was sent ahead is not copied for each of them."""
    server = Server(Setup(Domain("mx.example"), Limits(), ask_recipient=False), trusted=True)
    server.receive(
        b"EHLO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<b@example.org>\r\n" + b"BDAT 1\r\nx" * 20_000 + b"BDAT 0 LAST\r\n"
    )
    began = time.process_time()
    event = server.next_event()
    assert isinstance(event, EndOfData)
    assert event.size == 20_002
    assert time.process_time() - began < 2
