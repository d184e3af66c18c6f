"""Hand-in: what is removed, what is added, and that all other octets stay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.message.dress import MAX_RECEIVED, Asked, Dressed, Hop, Refused, date_text, dress, received
from mailwright.message.headers import fields, split
from mailwright.message.refusal import refusal

HOP = Hop(helo="app.acme.example", host="mx.host.example", protocol="ESMTPSA", id="05cg7x2k4m9pq")
NOW = 1_795_313_109_000  # Sun, 22 Nov 2026 02:05:09 UTC
ID = "<05cg7x2k4m9pq@acme.example>"
TRACE = (
    b"Received: from app.acme.example\r\n\tby mx.host.example with ESMTPSA id 05cg7x2k4m9pq;\r\n"
    b"\tSun, 22 Nov 2026 02:05:09 +0000\r\n"
)
FULL = b"From: a@acme.example\r\nDate: x\r\nMessage-ID: <m@x>\r\n"
ADDED = b"Date: Sun, 22 Nov 2026 02:05:09 +0000\r\nMessage-ID: <05cg7x2k4m9pq@acme.example>\r\n"


def dressed(head: bytes, hop: Hop = HOP) -> Dressed:
    result = dress(head, hop=hop, now_ms=NOW, message_id=ID)
    assert isinstance(result, Dressed), result
    return result


def refused(head: bytes) -> list[str]:
    result = dress(head, hop=HOP, now_ms=NOW, message_id=ID)
    assert isinstance(result, Refused), result
    return [finding.code for finding in result.findings]


KEPT = [
    (FULL, FULL, "a whole header stays as it is"),
    (b"From: a@acme.example\r\n", b"From: a@acme.example\r\n" + ADDED, "Date and Message-ID are added where missing"),
    (
        b"FROM:a@acme.example\r\nDATE: x\r\n",
        b"FROM:a@acme.example\r\nDATE: x\r\n" + ADDED.split(b"\r\n", 1)[1],
        "only what is missing",
    ),
    (
        FULL + b"Bcc: s@x.example,\r\n t@x.example\r\nTo: u@x.example\r\n",
        FULL + b"To: u@x.example\r\n",
        "Bcc goes with its folding",
    ),
    (b"bcc: x\r\n" + FULL + b"BCC: y\r\nResent-Bcc: z\r\n", FULL, "each Bcc, and that of a resent mail"),
    (b"Return-Path: <x@y.example>\r\n" + FULL, FULL, "Return-Path is the last server's to write, RFC 5321 §4.4"),
    (b"X-Mailwright-Tag: t\r\n" + FULL, FULL, "our own fields"),
    (FULL + b"Subject:  a \r\n\t b  \r\nX-Odd:\r\n", FULL + b"Subject:  a \r\n\t b  \r\nX-Odd:\r\n", "odd spacing stays"),
    (FULL + b"To: undisclosed-recipients:;\r\n", FULL + b"To: undisclosed-recipients:;\r\n", "the empty group, RFC 5322 §3.4"),
    (b"Received: x\r\n" + FULL, b"Received: x\r\n" + FULL, "older traces stay below ours"),
    (b"From: a@acme.example", b"From: a@acme.example\r\n" + ADDED, "no line end at all"),
]


@pytest.mark.parametrize(("head", "kept", "because"), KEPT)
def test_only_the_named_fields_change(head: bytes, kept: bytes, because: str) -> None:
    assert dressed(head).head == TRACE + kept, because


REFUSED = [
    (b"Subject: x\r\n", ["from-missing"], "nobody wrote it"),
    (b"From: a@b.example\r\nFrom: c@d.example\r\n", ["from-repeated"], "two authors in two fields"),
    (b"From: a@b.example\r\nbroken\r\n", ["header-no-colon"], "a line without colon"),
    (b"broken\r\nFrom: a@b.example, c@d.example\r\n", ["header-no-colon", "from-several"], "all objections at once"),
    (b"Received: x\r\n" * (MAX_RECEIVED + 1) + FULL, ["mail-loop"], "RFC 5321 §6.3"),
    (FULL + b"X-Mailwright-Tag: \r\n", ["asked-malformed"], "an empty tag"),
    (FULL + b"X-Mailwright-Tag: " + b"x" * 65 + b"\r\n", ["asked-malformed"], "a tag too long"),
    (FULL + b"X-Mailwright-Subsystem: a\xc2\xa0b\r\n", ["asked-malformed", "header-needs-smtputf8"], "not ASCII"),
    (
        FULL + b"X-Mailwright-Idempotency-Key: 1\r\nX-Mailwright-Idempotency-Key: 2\r\n",
        ["asked-malformed"],
        "two keys: which one?",
    ),
]


@pytest.mark.parametrize(("head", "codes", "because"), REFUSED)
def test_a_refusal_says_all_that_is_wrong(head: bytes, codes: list[str], because: str) -> None:
    assert refused(head) == codes, because


def test_a_hundred_received_fields_are_still_taken() -> None:
    assert dressed(b"Received: x\r\n" * MAX_RECEIVED + FULL).head.count(b"Received:") == MAX_RECEIVED + 1


def test_what_the_application_asks_for_is_read() -> None:
    head = (
        FULL + b"X-Mailwright-Subsystem: Password\r\nx-mailwright-idempotency-key: order 17\r\nX-Mailwright-Tag:\r\n spring\r\n"
    )
    result = dressed(head)
    assert result.asked == Asked(subsystem="password", idempotency_key="order 17", tag="spring")
    assert b"ailwright" not in result.head
    assert str(result.author.address) == "a@acme.example"


def test_fields_beyond_ascii_need_smtputf8() -> None:
    head = FULL + "Subject: Grüße\r\n".encode()
    assert refused(head) == ["header-needs-smtputf8"]
    result = dress(head, hop=HOP, now_ms=NOW, message_id=ID, smtputf8=True)
    assert isinstance(result, Dressed)
    assert result.smtputf8
    assert result.head.endswith("Subject: Grüße\r\n".encode())
    assert not dressed(FULL).smtputf8


def test_a_refusal_is_a_safe_reply() -> None:
    result = dress("From: ü <\x01\r\nbroken\r\n".encode(), hop=HOP, now_ms=NOW, message_id=ID)
    assert isinstance(result, Refused)
    reply = refusal(result.findings)
    assert (reply.code, reply.enhanced) == (554, "5.6.0")
    assert len(reply.text) == len(result.findings) > 2
    assert all(line.isascii() and len(line) < 510 for line in reply.encode().decode().splitlines())
    loop = dress(b"Received: x\r\n" * 101 + FULL, hop=HOP, now_ms=NOW, message_id=ID)
    assert isinstance(loop, Refused)
    assert str(refusal(loop.findings)).startswith("554 5.4.6 ")


def test_a_repeated_field_is_told_and_kept() -> None:
    result = dressed(FULL + b"Subject: one\r\nSubject: two\r\n")
    assert [finding.code for finding in result.findings] == ["header-repeated"]
    assert b"Subject: one\r\nSubject: two\r\n" in result.head


def test_message_id_and_subject_are_told() -> None:
    assert dressed(FULL).message_id == "<m@x>"
    assert (
        dressed(b"From: a@b.example\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\t=?utf-8?q?_an_alle?=\r\n").subject
        == "Grüße an alle"
    )
    assert dressed(b"From: a@b.example\r\n").message_id == ID


TRACES = [
    (
        Hop("h.example", "us.example", "ESMTPS", "i"),
        b"from h.example\r\n\tby us.example with ESMTPS id i;",
        "the address is hidden",
    ),
    (Hop("h.example", "us.example", "ESMTPS", "i", "192.0.2.1"), b"from h.example ([192.0.2.1])\r\n", "shown where asked"),
    (Hop("h.example", "us.example", "ESMTPS", "i", "2001:db8::1"), b"([IPv6:2001:db8::1])\r\n", "RFC 5321 §4.1.3"),
    (Hop("[10.0.0.7]", "us.example", "ESMTPS", "i"), b"from unknown\r\n", "an address as HELO is hidden too"),
    (Hop("", "us.example", "ESMTPS", "i"), b"from unknown\r\n", "no HELO"),
    (Hop("a\r\nBcc: x", "us.example", "ESMTPS", "i"), b"from unknown\r\n", "no smuggled field"),
    (Hop("a (b) <c>", "us.example", "ESMTPS", "i"), b"from unknown\r\n", "no comment, no blank"),
    (Hop("x" * 256, "us.example", "ESMTPS", "i"), b"from unknown\r\n", "too long for a domain"),
]


@pytest.mark.parametrize(("hop", "part", "because"), TRACES)
def test_the_trace_field_tells_the_hop(hop: Hop, part: bytes, because: str) -> None:
    trace = received(hop, NOW)
    assert part in trace, because
    assert len(fields(trace)) == 1
    assert max(map(len, trace.split(b"\r\n"))) <= 998


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (0, "Thu, 01 Jan 1970 00:00:00 +0000"),
        (951_782_400_000, "Tue, 29 Feb 2000 00:00:00 +0000"),
        (NOW + 999, "Sun, 22 Nov 2026 02:05:09 +0000"),
    ],
)
def test_dates_are_written_as_the_rfc_says(at: int, text: str) -> None:
    assert date_text(at) == text


LINE = st.sampled_from(
    [
        b"From: a@b.example",
        b"Bcc: c@d.example",
        b" fold",
        b"Subject: x",
        b"X-Mailwright-Tag: t",
        b"junk",
        b"Date: x",
        b"\x00",
        b":",
    ]
)


@given(st.lists(LINE).map(lambda lines: b"".join(line + b"\r\n" for line in lines)) | st.binary())
def test_nothing_raises_and_no_field_is_invented(raw: bytes) -> None:
    head, _ = split(raw)
    result = dress(head, hop=HOP, now_ms=NOW, message_id=ID)
    if isinstance(result, Refused):
        assert result.findings
        return
    ours = [
        f.raw
        for f in fields(head)
        if f.name not in (b"bcc", b"return-path", b"resent-bcc") and not f.name.startswith(b"x-mailwright-")
    ]
    kept = b"".join(ours)
    assert result.head.startswith(TRACE + kept)
    assert b"\r\nbcc" not in result.head.lower()
