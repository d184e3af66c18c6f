"""Bodies for every server: what is encoded decodes to the same octets, and what must not change does not."""

import email
import email.policy
from email.message import Message
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.message.headers import fields, has_long_line
from mailwright.message.mime import content_type, spans
from mailwright.message.reencode import Reencoded, needs_reencoding, quoted_printable, reencode

SUITES = Path(__file__).parents[3] / "shared" / "suites"
TEXT = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
GREETING = "Grüße aus der kleinen Stadt am Fluss und auch sonst\r\n".encode()
QP = b"Content-Transfer-Encoding: quoted-printable\r\n"
LONG = b"x" * 1200


def lines(*parts: bytes) -> bytes:
    return b"\r\n".join(parts)


def leaves(raw: bytes) -> list[bytes]:
    """What an independent parser reads: the decoded octets of every leaf."""
    return [
        _octets(part) for part in email.message_from_bytes(raw, policy=email.policy.compat32).walk() if not part.is_multipart()
    ]


def _octets(part: Message) -> bytes:
    octets = part.get_payload(decode=True)
    return octets if isinstance(octets, bytes) else b""


ENCODED = b"Gr=C3=BC=C3=9Fe aus der kleinen Stadt am Fluss und auch sonst\r\n"
MIXED = """MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b
Content-Transfer-Encoding: 8bit

preamble
--b \t

plain
--b
Content-Type: application/x-y

\xff\xfe
--b--
epilogue
"""
MIXED_AFTER = MIXED.replace("8bit", "7bit").replace("x-y\n\n\xff\xfe", "x-y\nContent-Transfer-Encoding: base64\n\n//4=")
INSIDE = """MIME-Version: 1.0
Content-Type: message/rfc822

Subject: inner

Gr\xfc\xdfe aus der kleinen Stadt
"""
INSIDE_AFTER = """MIME-Version: 1.0
Content-Type: message/rfc822

Subject: inner
Content-Transfer-Encoding: quoted-printable
MIME-Version: 1.0
Content-Type: text/plain; charset=unknown-8bit

Gr=FC=DFe aus der kleinen Stadt
"""


def octets(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode("latin-1")


EXACT = [
    (TEXT + b"\r\n" + GREETING, TEXT + QP + b"\r\n" + ENCODED, "mostly ASCII text: quoted-printable, RFC 2045 §6.7"),
    (
        TEXT + b"content-transfer-encoding:  8bit\r\nX: y\r\n\r\n" + GREETING,
        TEXT + QP + b"X: y\r\n\r\n" + ENCODED,
        "the encoding is replaced where it stands",
    ),
    (
        TEXT + "\r\nГруппа людей\r\n".encode(),
        TEXT + b"Content-Transfer-Encoding: base64\r\n\r\n0JPRgNGD0L/Qv9CwINC70Y7QtNC10LkNCg==\r\n",
        "text that is mostly beyond ASCII: base64",
    ),
    (
        b"Subject: x\r\n\r\n" + GREETING,
        b"Subject: x\r\n" + QP + TEXT + b"\r\n" + ENCODED,
        "a mail without MIME gets what its encoding needs, RFC 2045 §4",
    ),
    (
        octets(INSIDE.partition("\n\n")[2]),
        octets(INSIDE_AFTER.partition("\n\n")[2]),
        "and where it is not UTF-8, an honest charset, RFC 1428 §3",
    ),
    (
        octets(MIXED),
        octets(MIXED_AFTER),
        "only the part that needs it; the frame stays; the label of the whole follows, RFC 2045 §6.4",
    ),
    (octets(INSIDE), octets(INSIDE_AFTER), "a mail inside is walked, never encoded itself, RFC 2045 §6.4"),
]


@pytest.mark.parametrize(("raw", "expected", "because"), EXACT)
def test_what_is_encoded_and_what_stays(raw: bytes, expected: bytes, because: str) -> None:
    assert reencode(raw) == Reencoded(expected), because


SIGNED = octets("""MIME-Version: 1.0
Content-Type: multipart/signed; boundary="s"; protocol="application/pgp-signature"

--s
Content-Type: text/plain

GREETING
--s
Content-Type: application/pgp-signature

sig
--s--
""").replace(b"GREETING", GREETING.strip())

LEFT = [
    (TEXT + b"\r\nplain\r\n", False, [], "nothing to do"),
    (TEXT.rstrip(), False, [], "no body"),
    (SIGNED, True, ["eight-bit-left"], "a signed part is never changed, RFC 1847 §2.1"),
    (SIGNED.replace(GREETING.strip(), LONG), False, ["line-too-long"], "not even where no server takes it: then it is refused"),
    (
        b"Content-Type: multipart/mixed\r\n\r\n\xff\r\n",
        True,
        ["eight-bit-left"],
        "no boundary: a composite is never encoded itself",
    ),
    (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n\xff\r\n", True, ["eight-bit-left"], "a boundary that does not occur"),
    (b"Content-Type: message/partial\r\n\r\n\xff\r\n", True, ["eight-bit-left"], "RFC 2046 §5.2.2"),
    (
        TEXT + b"Content-Transfer-Encoding: x-uuencode\r\n\r\n\xff\r\n",
        True,
        ["eight-bit-left"],
        "an encoding that we cannot undo",
    ),
    (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n\xff\r\n--b\r\n\r\nx\r\n--b--\r\n",
        True,
        ["eight-bit-left"],
        "a preamble",
    ),
]


@pytest.mark.parametrize(("raw", "eightbit", "codes", "because"), LEFT)
def test_what_must_not_change_is_told(raw: bytes, eightbit: bool, codes: list[str], because: str) -> None:
    result = reencode(raw)
    assert result.content == raw, because
    assert (result.eightbit, [finding.code for finding in result.findings]) == (eightbit, codes), because


def nested(depth: int, inner: bytes) -> bytes:
    for number in range(depth):
        mark = b"b%d" % number
        inner = lines(b"Content-Type: multipart/mixed; boundary=" + mark, b"", b"--" + mark, inner, b"--" + mark + b"--")
    return inner + b"\r\n"


def test_bounds_hold() -> None:
    fine = reencode(nested(90, b"\r\n" + GREETING))
    assert fine.content.isascii()
    deep = reencode(nested(150, b"\r\n" + GREETING))
    assert [finding.code for finding in deep.findings] == ["mime-too-deep"]
    wide = reencode(b"Content-Type: multipart/mixed; boundary=b\r\n" + b"\r\n--b\r\n\r\n\xff" * 11_000)
    assert [finding.code for finding in wide.findings] == ["mime-too-deep"]


PARTS = [
    (b"--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n", [b"\r\none", b"\r\ntwo"], "two parts"),
    (b"--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n", [b"\r\none", b"\r\ntwo\r\n"], "no closing delimiter"),
    (b"pre\r\n--b\r\n\r\none\r\n--b--\r\n--b\r\n\r\nnot\r\n", [b"\r\none"], "nothing after the closing delimiter"),
    (b"--b\r\n--b\r\nX: y\r\n--b--", [b"X: y"], "an empty part"),
    (b"--bb\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--", [b"\r\ntwo"], "a boundary that begins like ours is another"),
    (b"x--b\r\n\r\none\r\n", [], "a delimiter begins its line"),
    (b"--b \t\r\n\r\none\r\n--b-- \r\n", [b"\r\none"], "blanks after a delimiter"),
    (b"", [], "nothing"),
]


@pytest.mark.parametrize(("body", "parts", "because"), PARTS)
def test_parts_are_found_as_the_rfc_says(body: bytes, parts: list[bytes], because: str) -> None:
    assert [body[start:end] for start, end in spans(body, b"b")] == parts, because


TYPES = [
    (b'multipart/mixed; boundary="a b"', (b"multipart", b"mixed", b"a b"), "quoted"),
    (b"Multipart/Mixed;\r\n\tBOUNDARY=a=b_c'", (b"multipart", b"mixed", b"a=b_c'"), "folded, any case"),
    (b'multipart/mixed; name="; boundary=no"; boundary=yes', (b"multipart", b"mixed", b"yes"), "not from inside another value"),
    (b'multipart/mixed; boundary="a\\"b"', (b"multipart", b"mixed", b'a"b'), "an escaped quote"),
    (b"multipart/mixed; boundary=" + b"x" * 300, (b"multipart", b"mixed", b""), "too long to be one"),
    (b"text", (b"application", b"octet-stream", b""), "no sub-type"),
    (b"", (b"application", b"octet-stream", b""), "nothing"),
]


@pytest.mark.parametrize(("value", "expected", "because"), TYPES)
def test_content_types(value: bytes, expected: tuple[bytes, bytes, bytes], because: str) -> None:
    assert content_type(fields(b"Content-Type: " + value + b"\r\n")) == expected, because


BODIES = st.lists(
    st.sampled_from(
        [b"word ", b"\t", b"=", b".", b"\r\n", b"\xc3\xa4", b"\xff", b" ", LONG, b"From ", b"--b", b"x" * 73, b"x" * 76]
    )
).map(b"".join)


@given(BODIES)
def test_encoded_text_decodes_to_the_same_octets_for_another_parser(body: bytes) -> None:
    raw = b"Content-Type: text/plain\r\n\r\n" + body + b"\r\n"
    result = reencode(raw)
    assert result.content.isascii()
    assert not has_long_line(result.content)
    assert not needs_reencoding(result.content)
    if result.content != raw:
        assert leaves(result.content) == [body + b"\r\n"]


@given(BODIES, BODIES)
def test_parts_decode_to_the_same_octets_for_another_parser(one: bytes, two: bytes) -> None:
    if b"--b" in one + two:
        return
    raw = lines(
        b"Content-Type: multipart/mixed; boundary=b", b"", b"--b", b"Content-Type: text/plain", b"", one, b"--b",
        b"Content-Type: image/png", b"", two, b"--b--", b"",
    )  # fmt: skip
    result = reencode(raw)
    assert result.content.isascii()
    assert leaves(result.content) == leaves(raw) == [one, two]


@given(st.binary() | BODIES)
def test_lines_of_quoted_printable_have_76_octets_at_most(data: bytes) -> None:
    encoded = quoted_printable(data.replace(b"\r", b"").replace(b"\n", b"\r\n"))
    assert max(map(len, encoded.split(b"\r\n"))) <= 76
    assert encoded.count(b"\r\n") == encoded.count(b"\n")


PIECES = st.sampled_from(
    [b"--b\r\n", b"--b--\r\n", b"--s\r\n", b"\r\n", b"\xff", b"text\r\n", b"\r", b"\n", b"=\r\n", b"YWJj\r\n", b"\x00"]
    + [b"Content-Type: multipart/%s\r\n" % kind for kind in (b"mixed; boundary=b", b"signed; boundary=s", b"digest")]
    + [b"Content-Transfer-Encoding: %s\r\n" % label for label in (b"base64", b"quoted-printable", b"8bit")]
    + [b"Content-Type: message/rfc822\r\n"]
)


@given(st.lists(PIECES).map(b"".join) | st.binary())
def test_malformed_mime_never_raises(raw: bytes) -> None:
    result = reencode(raw)
    assert result.eightbit or b"\r\n\r\n" not in result.content or result.content.partition(b"\r\n\r\n")[2].isascii()
    assert reencode(result.content).content == result.content, "a second walk finds nothing more to do"


@pytest.mark.skipif(not SUITES.exists(), reason="the outside suites are not here (../shared/suites)")
def test_real_mails_keep_their_text() -> None:
    mails = sorted((SUITES / "bounces").rglob("*.eml"))
    changed = 0
    for path in mails:
        raw = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        result = reencode(raw)
        if result.content != raw:
            changed += 1
            assert leaves(result.content) == leaves(raw), path.name
    assert changed > 0
