"""django-anymail's backend for Resend, unchanged, by RESEND_API_URL alone."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from anymail.exceptions import AnymailRequestsAPIError
from anymail.message import AnymailMessage, attach_inline_image
from django.test.utils import override_settings

from tests.clients.running import Running

BACKEND = "anymail.backends.resend.EmailBackend"


@pytest.fixture(autouse=True)
def site(house: Running) -> Iterator[None]:
    with override_settings(EMAIL_BACKEND=BACKEND, ANYMAIL={"RESEND_API_KEY": house.key, "RESEND_API_URL": house.url}):
        yield


def message(**more: Any) -> Any:
    return AnymailMessage("Hello", "Dear Bob", to=["Bob <bob@example.net>"], **more)


def test_a_whole_mail(house: Running) -> None:
    mail = message(cc=["c@example.net"], bcc=["b@example.net"], reply_to=["r@demo.example"], headers={"X-Case": 7})
    picture = attach_inline_image(mail, b"png", filename="logo.png", subtype="png")
    mail.attach_alternative(f'<img src="cid:{picture}">', "text/html")
    mail.attach("grüße.txt", "Grüße", "text/plain")
    mail.metadata, mail.tags = {"order": "7" * 900}, ["invoice", "first"]
    assert mail.send() == 1
    status = mail.anymail_status.recipients
    assert {one.status for one in status.values()} == {"queued"}
    assert set(status) == {"bob@example.net", "c@example.net", "b@example.net"}
    kept = house.captured(mail.anymail_status.message_id)
    assert (kept["To"], kept["Cc"], kept["Bcc"], kept["Reply-To"]) == (
        "Bob <bob@example.net>",
        "c@example.net",
        None,
        "r@demo.example",
    )
    assert json.loads(kept["X-Tags"]) == ["invoice", "first"]
    assert json.loads(kept["X-Metadata"]) == {"order": "7" * 900}
    files = {part.get_filename(): part for part in kept.walk() if part.get_filename()}
    assert files["grüße.txt"].get_content().strip() == "Grüße"
    assert files["logo.png"]["Content-ID"] == f"<{picture}>"


def test_one_mail_each_is_a_batch(house: Running) -> None:
    mail = message(merge_metadata={"bob@example.net": {"n": 1}, "eve@example.net": {"n": 2}})
    mail.to.append("eve@example.net")
    assert mail.send() == 1
    ids = [mail.anymail_status.recipients[name].message_id for name in ("bob@example.net", "eve@example.net")]
    assert [json.loads(house.captured(number)["X-Metadata"]) for number in ids] == [{"n": 1}, {"n": 2}]


def test_to_leave_later(house: Running) -> None:
    mail = message(send_at=datetime.now(UTC) + timedelta(days=1))  # noqa: TID251 - the sender asks the clock
    mail.send()
    assert "It waits for its time" in house.cli("why", mail.anymail_status.message_id)


def test_a_refusal_says_why() -> None:
    mail = message(from_email="somebody@other.example")
    with pytest.raises(AnymailRequestsAPIError, match=r"other\.example"):
        mail.send()
