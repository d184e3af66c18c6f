"""Django's mail backend: how a message becomes a letter, and real Django mail through a running house."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from email.mime.application import MIMEApplication
from email.mime.image import MIMEImage
from email.mime.message import MIMEMessage
from email.mime.text import MIMEText
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage, EmailMultiAlternatives, get_connection, send_mail, send_mass_mail
from django.test.utils import override_settings

import mailwright_client as kit
from mailwright_client import Attachment
from mailwright_client.django import letter_of
from tests.clients.running import Running

BACKEND = "mailwright_client.django.EmailBackend"
INVITATION = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:1@demo.example\r\n"
    "DTSTAMP:20261127T100000Z\r\nDTSTART:20261128T100000Z\r\nDTEND:20261128T110000Z\r\nSUMMARY:Lunch\r\n"
    "ORGANIZER:mailto:anna@demo.example\r\nATTENDEE:mailto:bob@example.net\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


def message(**more: Any) -> EmailMultiAlternatives:
    return EmailMultiAlternatives("Hello", "Dear Bob", to=["bob@example.net"], **more)


def with_picture() -> EmailMultiAlternatives:
    picture = MIMEImage(b"png", "png")
    picture.add_header("Content-ID", "<logo>")
    picture.add_header("Content-Disposition", "inline", filename="logo.png")
    whole = message(attachments=[picture])
    whole.attach_alternative('<img src="cid:logo">', "text/html")
    return whole


def html_alone() -> EmailMessage:
    html = EmailMessage("Hello", "<p>", to=["bob@example.net"])
    html.content_subtype = "html"
    return html


def marked() -> EmailMessage:
    marked: Any = message(headers={"X-Mailwright-Subsystem": "billing", "X-Case": 7})
    marked.tags, marked.user, marked.scheduled_at = ["invoice"], "u1", datetime(2030, 1, 1, tzinfo=UTC)
    return marked  # type: ignore[no-any-return]


def with_mail() -> EmailMessage:
    return message(attachments=[MIMEMessage(MIMEText("inner"))])


INNER = Attachment("attachment.eml", MIMEText("inner").as_bytes(), "message/rfc822")
LETTERS: list[tuple[str, EmailMessage, dict[str, Any]]] = [
    ("text", message(), {"from_": "Anna <anna@demo.example>", "to": ["bob@example.net"], "text": "Dear Bob", "html": None}),
    ("HTML alone, whose text Mailwright makes", html_alone(), {"text": None, "html": "<p>"}),
    (
        "whom it goes to",
        message(cc=["c@example.net"], bcc=["b@example.net"], reply_to=["r@demo.example"]),
        {"cc": ["c@example.net"], "bcc": ["b@example.net"], "reply_to": ["r@demo.example"], "headers": {}},
    ),
    (
        "Django lets a header stand for a field",
        message(headers={"From": "other@demo.example", "Reply-To": "r@demo.example"}),
        {"from_": "other@demo.example", "reply_to": "r@demo.example", "headers": {}},
    ),
    (
        "an inline picture",
        with_picture(),
        {"html": '<img src="cid:logo">', "attachments": [Attachment("logo.png", b"png", "image/png", "logo")]},
    ),
    (
        "files: text, octets, no name",
        message(attachments=[("a.txt", "grün", "text/plain"), ("b.bin", b"\x00", "a/b"), MIMEApplication(b"c", "pdf")]),
        {
            "attachments": [
                Attachment("a.txt", "grün".encode(), "text/plain"),
                Attachment("b.bin", b"\x00", "a/b"),
                Attachment("attachment.pdf", b"c", "application/pdf"),
            ]
        },
    ),
    ("a mail within the mail", with_mail(), {"attachments": [INNER]}),
    (
        "what is Mailwright's",
        marked(),
        {
            "subsystem": "billing", "user": "u1", "tags": {"invoice": ""}, "scheduled_at": datetime(2030, 1, 1, tzinfo=UTC),
            "headers": {"X-Case": "7"},
        },
    ),
]  # fmt: skip


@pytest.mark.parametrize("given,expected", [row[1:] for row in LETTERS], ids=[row[0] for row in LETTERS])
def test_a_message_becomes_a_letter(given: EmailMessage, expected: dict[str, Any]) -> None:
    letter = letter_of(given)
    assert {name: getattr(letter, name) for name in expected} == expected


def test_an_alternative_that_has_no_place_is_told() -> None:
    whole = message()
    whole.attach_alternative("<html amp4email>", "text/x-amp-html")
    with pytest.raises(ValueError, match="text/x-amp-html has no place"):
        letter_of(whole)


@pytest.fixture
def site(house: Running) -> Iterator[None]:
    with override_settings(EMAIL_BACKEND=BACKEND, MAILWRIGHT={"URL": house.url, "KEY": house.key}):
        yield


def test_a_whole_mail_arrives(site: None, house: Running) -> None:
    whole: Any = with_picture()
    whole.bcc = ["hidden@example.net"]
    whole.extra_headers = {"Message-ID": "<case-7@demo.example>", "In-Reply-To": "<case-6@demo.example>"}
    whole.attach("plan.pdf", b"%PDF", "application/pdf")
    whole.attach_alternative(INVITATION, "text/calendar; method=REQUEST")
    assert whole.send() == 1
    mail = house.captured(whole.mailwright_id)
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/mixed", "multipart/related", "multipart/alternative", "text/plain", "text/html", "text/calendar", "image/png",
        "application/pdf",
    ]  # fmt: skip
    assert (mail["Message-ID"], mail["In-Reply-To"]) == ("<case-7@demo.example>", "<case-6@demo.example>")
    assert "hidden@example.net" not in str(mail)
    assert "hidden@example.net" in house.cli("why", whole.mailwright_id)


def test_a_mail_to_hidden_recipients_alone(site: None, house: Running) -> None:
    hidden: Any = EmailMessage("Hello", "Dear all", bcc=["bob@example.net", "eve@example.net"])
    assert hidden.send() == 1
    assert house.captured(hidden.mailwright_id)["To"] is None


def test_many_go_in_one_call_and_one_that_is_refused_keeps_nobody_back(site: None, house: Running) -> None:
    mails: list[Any] = [("Hello", "Dear you", None, [f"a{n}@example.net"]) for n in range(120)]
    assert send_mass_mail(mails) == 120
    mails[7] = ("Hello", "Dear you", "somebody@other.example", ["bob@example.net"])
    with pytest.raises(kit.Invalid, match=r"1 of 120 mails were refused.*other\.example"):
        send_mass_mail(mails)
    assert send_mass_mail(mails, fail_silently=True) == 119


def test_one_connection_for_several(site: None) -> None:
    with get_connection() as connection:
        assert send_mail("Hello", "Dear Bob", None, ["bob@example.net"], connection=connection) == 1
        assert send_mail("Hello", "Dear Bob", None, ["bob@example.net"], connection=connection) == 1


def test_what_goes_wrong_is_raised_or_kept_still(site: None, house: Running) -> None:
    with pytest.raises(kit.Invalid, match="nobody"):
        send_mail("Hello", "Dear Bob", None, ["nobody"])
    assert send_mail("Hello", "Dear Bob", None, ["nobody"], fail_silently=True) == 0
    with pytest.raises(kit.BadKey):
        get_connection(key="mw_wrong").send_messages([message()])
    assert get_connection(key="mw_wrong", fail_silently=True).send_messages([message()]) == 0
    assert EmailMessage("Hello", "to nobody").send() == 0


def test_a_site_without_a_key_is_told_at_once() -> None:
    with override_settings(EMAIL_BACKEND=BACKEND), pytest.raises(ImproperlyConfigured, match=r'MAILWRIGHT = \{"URL"'):
        message().send()


def test_the_client_does_not_need_django() -> None:
    code = "import sys, mailwright_client; sys.exit(any(name.split('.')[0] == 'django' for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": "clients/python"}, check=False).returncode == 0
