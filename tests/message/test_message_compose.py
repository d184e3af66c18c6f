"""A mail from its parts, read back by two readers that are not ours."""

import email
import email.policy
import re
from dataclasses import replace
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.message import fields, split
from mailwright.message.author import Mailbox, read_author
from mailwright.message.compose import Attachment, Letter, compose
from mailwright.values import Address, Malformed

NOW = 1_760_000_000_000
ID = "<059za07bw040c@mail.example>"
AUTHOR = Mailbox(Address.parse("anna@acme.example"), "Anna")
LETTER = Letter(AUTHOR, to=[Mailbox(Address.parse("bob@example.net"))], subject="Hello", text="Hi\n")
PDF = Attachment("Rechnung März.pdf", b"%PDF-1.7\n\x00\xff", "application/pdf")
LOGO = Attachment("logo.png", b"\x89PNG", "image/png", "logo@acme")
INVITE = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n"


def written(letter: Letter) -> bytes:
    return compose(letter, now_ms=NOW, message_id=ID)


def read(letter: Letter) -> EmailMessage:
    found = email.message_from_bytes(written(letter), policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    assert not found.defects
    return found


def shape(part: EmailMessage) -> str:
    """The MIME tree in one line."""
    inner = [shape(one) for one in part.iter_parts() if isinstance(one, EmailMessage)] if part.is_multipart() else []
    return part.get_content_type() + (f"({', '.join(inner)})" if inner else "")


@pytest.mark.parametrize(
    ("letter", "expected"),
    [
        (LETTER, "text/plain"),
        (replace(LETTER, text=None), "text/plain"),
        (replace(LETTER, text=None, html="<p>Hi</p>"), "text/html"),
        (replace(LETTER, html="<p>Hi</p>"), "multipart/alternative(text/plain, text/html)"),
        (
            replace(LETTER, html="<p>Hi</p>", calendar=INVITE, method="REQUEST"),
            "multipart/alternative(text/plain, text/html, text/calendar)",
        ),
        (replace(LETTER, attachments=[PDF]), "multipart/mixed(text/plain, application/pdf)"),
        (
            replace(LETTER, html="<img src='cid:logo@acme'>", attachments=[LOGO, PDF]),
            "multipart/mixed(multipart/related(multipart/alternative(text/plain, text/html), image/png), application/pdf)",
        ),
    ],
)
def test_the_tree(letter: Letter, expected: str) -> None:
    assert shape(read(letter)) == expected


def test_the_fields_of_a_whole_letter() -> None:
    letter = replace(
        LETTER,
        to=[Mailbox(Address.parse("bob@example.net"), "Bob, Jr."), Mailbox(Address.parse("eve@example.net"), "Ève")],
        cc=[Mailbox(Address.parse("carl@example.net"))],
        reply_to=[Mailbox(Address.parse("desk@acme.example"))],
        subject="Größe, bitte",
        headers=[("X-Ticket", "4711"), ("List-Unsubscribe", "<https://acme.example/u/1>")],
    )
    head, _ = split(written(letter))
    assert head.isascii()
    found = read(letter)
    assert found["subject"] == "Größe, bitte"
    assert [(one.display_name, one.addr_spec) for one in found["to"].addresses] == [
        ("Bob, Jr.", "bob@example.net"),
        ("Ève", "eve@example.net"),
    ]
    assert found["cc"] == "carl@example.net"
    assert found["reply-to"] == "desk@acme.example"
    assert found["x-ticket"] == "4711"
    assert found["list-unsubscribe"] == "<https://acme.example/u/1>"
    assert found["message-id"] == ID
    assert read(replace(LETTER, message_id="<case-7@acme.example>"))["message-id"] == "<case-7@acme.example>"
    assert found["date"] == "Thu, 09 Oct 2025 08:53:20 +0000"


def test_files_come_back_with_their_names() -> None:
    whole = read(replace(LETTER, attachments=[PDF, LOGO]))
    files = [(part.get_filename(), part.get_content()) for part in whole.walk() if part.get_filename()]
    assert sorted(files) == [("Rechnung März.pdf", PDF.content), ("logo.png", LOGO.content)]
    assert [part["content-id"] for part in whole.walk() if part["content-id"]] == ["<logo@acme>"]


@pytest.mark.parametrize(
    ("letter", "part"),
    [
        (replace(LETTER, subject="Hi\r\nBcc: eve@example.net"), "subject"),
        (replace(LETTER, subject="Hi\nX: y"), "subject"),
        (replace(LETTER, subject="half \ud83d"), "subject"),
        (replace(LETTER, subject="bell \x07"), "subject"),
        (replace(LETTER, subject="x" * 2000), "subject"),
        (replace(LETTER, author=Mailbox(AUTHOR.address, "A\r\nBcc: e@x.example")), "from"),
        (replace(LETTER, to=[Mailbox(AUTHOR.address, "A\nB")]), "to"),
        (replace(LETTER, headers=[("X-A", "a\r\nBcc: e@x.example")]), "X-A"),
        (replace(LETTER, headers=[("X-A: b\r\nBcc", "e")]), "header field"),
        (replace(LETTER, headers=[("", "e")]), "header field"),
        (replace(LETTER, headers=[("Bcc", "e@x.example")]), "Bcc"),
        (replace(LETTER, message_id="<a@b.example>\r\nBcc: e@x.example"), "message id"),
        (replace(LETTER, message_id="a@b.example"), "message id"),
        (replace(LETTER, message_id=f"<{'a' * 250}@b.example>"), "message id"),
        (replace(LETTER, headers=[("DKIM-Signature", "v=1")]), "DKIM-Signature"),
        (replace(LETTER, attachments=[replace(PDF, filename="a\r\nb")]), "filename"),
        (replace(LETTER, text="a\0b"), "text has a NUL"),
        (replace(LETTER, html="<p>\ud83d"), "html has half of a character"),
        (replace(LETTER, calendar="\ud83d", method="REQUEST"), "calendar has half of a character"),
        (replace(LETTER, headers=[("X-Mailwright-Subsystem", "password")]), "X-Mailwright-Subsystem"),
        (replace(LETTER, attachments=[replace(PDF, filename="ü" * 300)]), "filename is too long"),
        (replace(LETTER, attachments=[replace(PDF, content_type="message/rfc822")]), "message/rfc822"),
        (replace(LETTER, attachments=[replace(PDF, content_type="text/csv; name=a\r\nX: y")]), "content type"),
        (replace(LETTER, attachments=[replace(PDF, content_type='text/csv; name="a\r\nX: y"')]), "content type"),
        (replace(LETTER, attachments=[replace(PDF, content_type="text")]), "content type"),
        (replace(LETTER, attachments=[replace(PDF, content_type="a/b\r\nX: y")]), "content type"),
        (replace(LETTER, attachments=[replace(PDF, content_id="a>\r\nX: y")]), "content_id"),
        (replace(LETTER, calendar=INVITE, method="REQUEST\r\nX: y"), "calendar.method"),
    ],
)
def test_what_cannot_stand_in_a_mail_is_refused_by_name(letter: Letter, part: str) -> None:
    with pytest.raises(Malformed) as refused:
        written(letter)
    assert part in str(refused.value)
    assert refused.value.remedy


def test_an_international_address_stands_as_it_is() -> None:
    head, _ = split(written(replace(LETTER, to=[Mailbox(Address.parse("jörg@example.net"), "Jörg")])))
    assert "<jörg@example.net>".encode() in head


def test_a_type_may_have_parameters() -> None:
    whole = read(replace(LETTER, attachments=[replace(PDF, content_type='text/csv; charset=utf-8; header="a b"')]))
    (part,) = whole.iter_attachments()
    assert (part.get_content_type(), part.get_param("charset"), part.get_param("header")) == ("text/csv", "utf-8", "a b")


def test_no_text_ends_its_own_part() -> None:
    """Boundaries are made from the id, which somebody may guess who writes into a mail of others."""
    boundary = re.findall(rb'boundary="([^"]+)"', written(replace(LETTER, html="<p>")))[0].decode()
    bad = f"before\n--{boundary}\nContent-Type: text/html\n\nafter\n--{boundary}--\n"
    found = read(replace(LETTER, text=bad, html=bad))
    assert shape(found) == "multipart/alternative(text/plain, text/html)"
    assert [lines(part.get_content()) for part in found.iter_parts() if isinstance(part, EmailMessage)] == [lines(bad)] * 2


def test_a_text_that_looks_like_an_encoded_word_stays_what_it_is() -> None:
    assert read(replace(LETTER, subject="=?utf-8?q?gift?="))["subject"] == "=?utf-8?q?gift?="


def lines(text: str) -> list[str]:
    """Lines however they end; empty ones at the end belong to the MIME boundary as well."""
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").split("\n")


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=300)
names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60)


@given(texts, texts | st.none(), names, names, st.binary(max_size=300))
def test_whatever_is_written_is_a_mail(text: str, html: str | None, subject: str, name: str, content: bytes) -> None:
    letter = replace(LETTER, text=text, html=html, subject=subject, author=Mailbox(AUTHOR.address, name))
    raw = written(replace(letter, attachments=[Attachment(name, content)]))
    head, _ = split(raw)
    assert raw.count(b"\r\n") == raw.count(b"\n") == raw.count(b"\r")
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    found = fields(head)
    assert [field.name for field in found].count(b"from") == 1
    author = read_author(next(field.text for field in found if field.name == b"from"))
    assert isinstance(author, Mailbox)
    assert author.address == AUTHOR.address
    body = email.message_from_bytes(raw, policy=email.policy.default).get_body(("plain",))
    assert body is not None
    assert lines(body.get_content()) == lines(text)
