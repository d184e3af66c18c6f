"""The report as an independent parser reads it, and when there is none."""

import email
import email.policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.explain.dsn import Desk, Failure, Original, delivery_report, may_report
from mailwright.message.headers import faults, fields, has_long_line, split
from mailwright.values import Address
from mailwright.values.finding import error

NOW = 1_795_313_109_000
DESK = Desk("mx.host.example", NOW, "<05cg7x2k4m9pq@mx.host.example>")
HEAD = (
    b"Received: x\r\nFrom: a@acme.example\r\nTo: jane@b.example\r\nSubject: Payslip\r\nDate: x\r\n"
    b"Message-ID: <m@acme.example>\r\n"
)
ORIGINAL = Original(HEAD, NOW - 60_000, "Payslip für März", "<m@acme.example>")
UNKNOWN = error(
    "reply-recipient-unknown", "The recipient's server knows no such mailbox.", why="It is misspelt.", do="Correct it."
)
JANE = Failure(Address.parse("jane@b.example"), "5.1.1", UNKNOWN, "550 5.1.1 user unknown", "mx.b.example", NOW)
TO = Address.parse("app@acme.example")


def report(original: Original = ORIGINAL, *failures: Failure) -> EmailMessage:
    raw = delivery_report(original, failures or (JANE,), to=TO, desk=DESK)
    head, _ = split(raw)
    assert faults(head, fields(head)) == []
    assert raw.isascii()
    assert not has_long_line(raw)
    assert raw.count(b"\r\n") == raw.count(b"\n") == raw.count(b"\r")
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    assert not parsed.defects
    return parsed


def parts(mail: EmailMessage) -> list[EmailMessage]:
    return [part for part in mail.iter_parts() if isinstance(part, EmailMessage)]


def test_the_head_is_that_of_a_report() -> None:
    mail = report()
    assert mail.get_content_type() == "multipart/report"
    assert mail.get_param("report-type") == "delivery-status"
    assert mail["Auto-Submitted"] == "auto-replied"
    assert mail["To"] == "app@acme.example"
    assert mail["From"] == "Mail delivery <mailer-daemon@mx.host.example>"
    assert mail["Subject"] == "Not delivered to jane@b.example"
    assert mail["In-Reply-To"] == mail["References"] == "<m@acme.example>"
    assert mail["Message-ID"] == DESK.message_id
    assert mail["Date"] == "Sun, 22 Nov 2026 02:05:09 +0000"


def test_people_read_what_happened_first() -> None:
    words = parts(report())[0].get_content()
    for said in (
        "Payslip für März",
        "jane@b.example",
        "knows no such mailbox",
        "What to do: Correct it.",
        "mx.b.example said: 550 5.1.1",
    ):
        assert said in words


def test_programs_read_the_status() -> None:
    status = parts(report(ORIGINAL, JANE, Failure(Address.parse("joe@c.example"), "5.4.7", UNKNOWN)))[1]
    assert status.get_content_type() == "message/delivery-status"
    whole, jane, joe = status.iter_parts()
    assert whole["Reporting-MTA"] == "dns; mx.host.example"
    assert whole["Arrival-Date"] == "Sun, 22 Nov 2026 02:04:09 +0000"
    assert dict(jane.items()) == {
        "Final-Recipient": "rfc822; jane@b.example",
        "Action": "failed",
        "Status": "5.1.1",
        "Remote-MTA": "dns; mx.b.example",
        "Diagnostic-Code": "smtp; 550 5.1.1 user unknown",
        "Last-Attempt-Date": "Sun, 22 Nov 2026 02:05:09 +0000",
    }
    assert dict(joe.items()) == {"Final-Recipient": "rfc822; joe@c.example", "Action": "failed", "Status": "5.4.7"}


def test_the_original_header_goes_back_without_the_body() -> None:
    returned = parts(report())[2]
    assert returned.get_content_type() == "text/rfc822-headers"
    assert returned.get_content().strip().splitlines() == HEAD.decode().strip().splitlines()


def test_a_secret_mail_gives_nothing_away() -> None:
    mail = report(Original(HEAD + b"X-Token: t0ken\r\n", NOW, "Reset code 123456", "<m@acme.example>", secret=True))
    assert "Payslip" not in mail.as_string()
    assert "123456" not in mail.as_string()
    assert "t0ken" not in mail.as_string()
    names = [line.partition(":")[0] for line in parts(mail)[2].get_content().strip().splitlines()]
    assert names == ["From", "To", "Date", "Message-ID"]


def test_international_addresses_and_headers() -> None:
    failure = Failure(Address.parse("jäne+x@bücher.example"), "5.6.7", UNKNOWN, "550 5.6.7 für später", "mx.b.example")
    mail = report(Original("From: ä@acme.example\r\n".encode(), NOW), failure)
    assert mail["Subject"] == "Not delivered to 1 recipient"
    _, group = parts(mail)[1].iter_parts()
    assert group["Final-Recipient"] == r"utf-8; j\x{E4}ne\x{2B}x@xn--bcher-kva.example"  # RFC 6533 §3
    assert parts(mail)[2].get_content_type() == "message/global-headers"


def test_long_replies_are_folded_and_bounded() -> None:
    failure = Failure(
        Address.parse("jane@b.example"), "5.0.0", UNKNOWN, "550 " + "very long " * 500 + "\r\nBcc: x@y.example", "mx.b.example"
    )
    _, group = parts(report(ORIGINAL, failure))[1].iter_parts()
    assert "Bcc" not in group
    assert len(group["Diagnostic-Code"]) < 1000


def octets(part: int, original: Original = ORIGINAL, failure: Failure = JANE, to: Address = TO) -> bytes:
    """One part as it goes on the wire, with its own header; 0 is the header of the report."""
    raw = delivery_report(original, (failure,), to=to, desk=DESK)
    return raw.split(b"\r\n--=_05cg7x2k4m9pqmxhostexample")[part].removeprefix(b"\r\n")


def group(failure: Failure) -> bytes:
    """The fields of the one recipient."""
    return octets(2, failure=failure).split(b"\r\n\r\n")[2].removesuffix(b"\r\n") + b"\r\n"


def field(name: bytes, block: bytes) -> str:
    return "|".join(one.text.decode() for one in fields(block) if one.name == name)


LONG = "a" * 64 + "@" + ".".join(["b" * 60] * 2) + ".example"
WORD = "=?utf-8?q?x=20y?=@b.example"


@pytest.mark.parametrize(
    ("recipient", "told", "because"),
    [
        ("jane@b.example", "rfc822; jane@b.example", "an address"),
        ('"jane doe"@b.example', 'rfc822; "jane doe"@b.example', "a quoted one"),
        (WORD, f"rfc822; {WORD}", "no encoded word is read in an address, RFC 2047 §5"),
        (LONG, f"rfc822; {LONG}", "and none is written where it is long"),
        ("jäne@b.example", r"utf-8; j\x{E4}ne@b.example", "RFC 6533 §3"),
        ('"jä b"@b.example', r'utf-8; "j\x{E4}\x{20}b"@b.example', "a blank is no QCHAR, RFC 6533 §3"),
        ("ä=b\\c@b.example", r"utf-8; \x{E4}\x{3D}b\x{5C}c@b.example", "nor are these"),
    ],
)
def test_the_recipient_is_told_as_it_is(recipient: str, told: str, because: str) -> None:
    local, _, domain = recipient.rpartition("@")
    address = Address(local, Address.parse(f"x@{domain}").domain)
    assert field(b"final-recipient", group(Failure(address, "5.1.1", UNKNOWN))) == told, because


@pytest.mark.parametrize(
    ("reply", "told", "because"),
    [
        ("550 5.1.1 user unknown", "smtp; 550 5.1.1 user unknown", "a reply"),
        (f"550 see https://b.example/{'y' * 100}", f"smtp; 550 see https://b.example/{'y' * 100}", "a long link is not broken"),
        ("550 =?utf-8?q?x?= y", "smtp; 550 =?utf-8?q?x?= y", "no encoded words"),
        ("550 " + "word " * 99 + "end", "smtp; 550 " + "word " * 99 + "end", "folding changes nothing"),
        ("550 for später", "smtp; 550 for sp?ter", "ASCII"),
        ("550 x\r\nBcc: x@y.example", "smtp; 550 x  Bcc: x@y.example", "no field of its own"),
    ],
)
def test_the_servers_words_are_told_as_they_are(reply: str, told: str, because: str) -> None:
    lines = group(Failure(JANE.recipient, "5.0.0", UNKNOWN, reply))
    assert field(b"diagnostic-code", lines) == told, because
    assert [one.name for one in fields(lines)] == [b"final-recipient", b"action", b"status", b"diagnostic-code"], because


@pytest.mark.parametrize(
    ("message_id", "told", "because"),
    [
        ("<m@acme.example>", "<m@acme.example>", "a thread, RFC 5322 §3.6.4"),
        (f"<{'m' * 200}@acme.example>", f"<{'m' * 200}@acme.example>", "a long one"),
        ("<=?utf-8?q?m?=@acme.example>", "<=?utf-8?q?m?=@acme.example>", "no encoded word"),
        ("<m\r\nBcc: x@y.example>", "", "one that cannot be repeated"),
        ("<ä@acme.example>", "", "nor can this"),
        ("", "", "none"),
    ],
)
def test_the_thread_is_kept(message_id: str, told: str, because: str) -> None:
    head = octets(0, Original(HEAD, NOW, message_id=message_id))
    assert field(b"in-reply-to", head) == field(b"references", head) == told, because


@pytest.mark.parametrize("to", ["app@acme.example", "äpp@acme.example", WORD, LONG])
def test_the_reader_is_addressed_as_they_are(to: str) -> None:
    head = octets(0, to=Address.parse(to))
    assert faults(head, fields(head)) == []
    assert field(b"to", head) == to


@pytest.mark.parametrize(
    ("head", "because"),
    [
        (HEAD, "a header"),
        (b"X:  two  blanks \t\r\nx-lower:\r\n\tfolded\r\n  twice \r\nFrom x\r\n", "blanks, folding, and a line without a colon"),
        (b"X-Long: " + b"y" * 990 + b"\r\n", "998 octets"),
        (b"Subject: =?utf-8?q?M=C3=A4rz?=\r\n", "encoded words"),
        (b"Bcc: --=_05cg7x2k4m9pqmxhostexample--\r\n", "what looks like the boundary, in a line"),
    ],
)
def test_the_original_header_goes_back_octet_by_octet(head: bytes, because: str) -> None:
    assert octets(3, Original(head, NOW)) == b"Content-Type: text/rfc822-headers\r\n\r\n" + head, because


def test_the_same_report_has_the_same_octets() -> None:
    one, other = (delivery_report(ORIGINAL, (JANE,), to=TO, desk=DESK) for _ in range(2))
    assert one == other


@pytest.mark.parametrize(
    ("mail_from", "head", "may", "because"),
    [
        ("a@acme.example", HEAD, True, "a first mail"),
        ("", HEAD, False, "the null sender, RFC 5321 §4.5.5"),
        ("a@acme.example", b"Auto-Submitted: auto-replied\r\n", False, "an answer, RFC 3834 §2"),
        ("a@acme.example", b"Auto-Submitted: Auto-Replied; x=y\r\n", False, "with parameters"),
        ("a@acme.example", b"Auto-Submitted: auto-generated\r\n", True, "a first mail that an application wrote"),
        ("a@acme.example", b"Auto-Submitted: no\r\n", True, "RFC 3834 §5"),
        ("a@acme.example", b'Content-Type: multipart/report; report-type="delivery-status"; boundary=x\r\n', False, "a report"),
    ],
)
def test_when_a_report_is_written(mail_from: str, head: bytes, may: bool, because: str) -> None:
    assert may_report(mail_from, head) is may, because


@given(st.text(max_size=300), st.text(max_size=300), st.binary(max_size=300), st.booleans())
def test_nothing_that_others_wrote_breaks_the_report(reply: str, subject: str, head: bytes, secret: bool) -> None:
    failure = Failure(Address.parse("jane@b.example"), "5.0.0", UNKNOWN, reply, "mx.b.example", NOW)
    raw = delivery_report(Original(head, NOW, subject, subject, secret), (failure,), to=TO, desk=DESK)
    top, _ = split(raw)
    assert faults(top, fields(top)) == []
    assert [field.name for field in fields(top)].count(b"to") == 1
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    assert len(parts(parsed)) == 3
