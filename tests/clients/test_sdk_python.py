"""The official Python SDK of Resend, unchanged, by its base URL alone."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import resend
from resend.exceptions import InvalidApiKeyError, MissingApiKeyError, ResendError, ValidationError

from tests.clients.running import PATIENCE, Running

HELLO: Any = {"from": "Anna <anna@demo.example>", "to": "bob@example.net", "subject": "Hello", "text": "Dear Bob"}


@pytest.fixture(autouse=True)
def sdk(house: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resend, "api_url", house.url)
    monkeypatch.setattr(resend, "api_key", house.key)


def tomorrow(hours: int = 0) -> str:
    return (datetime.now(UTC) + timedelta(days=1, hours=hours)).isoformat(timespec="seconds")  # noqa: TID251 - the SDK's user asks the clock


def test_send_and_get(house: Running) -> None:
    params: resend.Emails.SendParams = {
        "from": "Jörg Müller <joerg@demo.example>",
        "to": ["bob@example.net", "Eve <eve@example.net>"],
        "cc": "carl@example.net",
        "bcc": ["dora@example.net"],
        "reply_to": "help@demo.example",
        "subject": "Grüße",
        "html": "<p>Schöne <b>Grüße</b></p>",
        "headers": {"X-Case": "7"},
        "tags": [{"name": "kind", "value": "greeting"}],
    }
    sent = resend.Emails.send(params)
    mail = house.captured(sent["id"])
    assert (mail["From"], mail["Subject"], mail["X-Case"]) == ("Jörg Müller <joerg@demo.example>", "Grüße", "7")
    assert (mail["To"], mail["Cc"], mail["Bcc"]) == ("bob@example.net, Eve <eve@example.net>", "carl@example.net", None)
    got: Any = resend.Emails.get(sent["id"])
    assert {name: got[name] for name in ("object", "id", "to", "cc", "bcc", "reply_to", "subject", "scheduled_at")} == {
        "object": "email", "id": sent["id"], "to": ["bob@example.net", "Eve <eve@example.net>"], "cc": ["carl@example.net"],
        "bcc": ["dora@example.net"], "reply_to": ["help@demo.example"], "subject": "Grüße", "scheduled_at": None,
    }  # fmt: skip
    assert got["from"] == "Jörg Müller <joerg@demo.example>"
    assert "Grüße" in got["html"]
    assert "Schöne Grüße" in got["text"]
    assert got["tags"] == [{"name": "kind", "value": "greeting"}]
    assert got["message_id"] == mail["Message-ID"]
    assert datetime.fromisoformat(got["created_at"]).tzinfo is not None


def test_attachments(house: Running) -> None:
    octets = bytes(range(256))
    sent = resend.Emails.send(
        HELLO
        | {
            "html": '<img src="cid:logo">',
            "attachments": [
                {"filename": "as numbers.bin", "content": list(octets)},
                {"filename": "as base64.bin", "content": "AP8=", "content_type": "application/x-thing"},
                {"filename": "logo.png", "content": list(b"png"), "content_id": "logo"},
            ],
        }
    )
    files = {part.get_filename(): part for part in house.captured(sent["id"]).walk() if part.get_filename()}
    assert files["as numbers.bin"].get_payload(decode=True) == octets
    assert files["as base64.bin"].get_content_type() == "application/x-thing"
    assert (files["logo.png"]["Content-ID"], files["logo.png"].get_content_disposition()) == ("<logo>", "inline")


def test_batch(house: Running) -> None:
    sent = resend.Batch.send([HELLO, HELLO | {"to": "eve@example.net"}], {"idempotency_key": "batch-1"})
    again = resend.Batch.send([HELLO, HELLO | {"to": "eve@example.net"}], {"idempotency_key": "batch-1"})
    assert [one["id"] for one in sent["data"]] == [one["id"] for one in again["data"]]
    assert [house.captured(one["id"])["To"] for one in sent["data"]] == ["bob@example.net", "eve@example.net"]
    with pytest.raises(ValidationError):
        resend.Batch.send([HELLO, HELLO | {"to": "nobody"}])
    some = resend.Batch.send([HELLO, HELLO | {"to": "nobody"}, HELLO], {"batch_validation": "permissive"})
    assert len(some["data"]) == 2
    assert [one["index"] for one in some["errors"]] == [1]


def test_schedule_and_cancel() -> None:
    number = resend.Emails.send(HELLO | {"scheduled_at": tomorrow()})["id"]
    got: Any = resend.Emails.get(number)
    assert got["last_event"] == "scheduled"
    later = tomorrow(hours=2)
    assert resend.Emails.update({"id": number, "scheduled_at": later})["id"] == number
    got = resend.Emails.get(number)
    assert datetime.fromisoformat(got["scheduled_at"]) == datetime.fromisoformat(later)
    assert resend.Emails.cancel(number)["object"] == "email"
    got = resend.Emails.get(number)
    assert got["last_event"] == "canceled"
    with pytest.raises(ResendError) as late:
        resend.Emails.cancel(number)
    assert (late.value.code, late.value.error_type) != (500, "application_error")


def test_pages() -> None:
    sent = [resend.Emails.send(HELLO)["id"] for _ in range(3)]
    first: Any = resend.Emails.list({"limit": 2})
    assert ([one["id"] for one in first["data"]], first["has_more"]) == ([sent[2], sent[1]], True)
    assert {"html", "text", "tags"} & set(first["data"][0]) == set()
    second: Any = resend.Emails.list({"limit": 2, "after": sent[1]})
    assert second["data"][0]["id"] == sent[0]
    before: Any = resend.Emails.list({"limit": 2, "before": sent[0]})
    assert [one["id"] for one in before["data"]] == [sent[2], sent[1]]


def test_idempotency() -> None:
    once = resend.Emails.send(HELLO, {"idempotency_key": "sdk-case-7"})["id"]
    assert resend.Emails.send(HELLO, {"idempotency_key": "sdk-case-7"})["id"] == once
    with pytest.raises(ResendError) as other:
        resend.Emails.send(HELLO | {"subject": "Another"}, {"idempotency_key": "sdk-case-7"})
    assert (other.value.code, other.value.error_type) == (409, "invalid_idempotent_request")


def test_domains() -> None:
    made = resend.Domains.create({"name": "news.example"})
    assert {record["record"] for record in made["records"] or ()} >= {"DKIM"}
    assert {type(record["ttl"]) for record in made["records"] or ()} == {str}
    got: Any = resend.Domains.get(made["id"])
    assert (got["object"], got["name"], got["status"]) == ("domain", "news.example", made["status"])
    assert made["id"] in [one["id"] for one in resend.Domains.list()["data"]]
    assert resend.Domains.verify(made["id"])["id"] == made["id"]
    gone: Any = resend.Domains.remove(made["id"])
    assert gone["deleted"] is True
    with pytest.raises(ResendError, match="no such domain"):
        resend.Domains.get(made["id"])


def test_api_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    made = resend.ApiKeys.create({"name": "for sending", "permission": "sending_access"})
    assert "for sending" in [one["name"] for one in resend.ApiKeys.list()["data"]]
    monkeypatch.setattr(resend, "api_key", made["token"])
    assert resend.Emails.send(HELLO)["id"]
    with pytest.raises(ResendError) as refused:
        resend.Domains.list()
    assert refused.value.error_type == "restricted_api_key"
    monkeypatch.undo()


def test_suppressions() -> None:
    made = resend.Suppressions.add({"email": "Gone+x@example.net"})
    got: Any = resend.Suppressions.get("gone+x@example.net")
    assert (got["id"], got["origin"], got["source_id"]) == (made["id"], "manual", None)
    assert made["id"] in [one["id"] for one in resend.Suppressions.list({"origin": "manual"})["data"]]
    many = resend.Suppressions.Batch.add({"emails": ["a@example.org", "b@example.org"]})
    gone = resend.Suppressions.Batch.remove({"emails": ["a@example.org", "never@example.org", "b@example.org"]})
    assert [one["id"] for one in gone["data"]] == [one["id"] for one in many["data"]]
    assert resend.Suppressions.remove(made["id"])["deleted"] is True
    with pytest.raises(ResendError) as nothing:
        resend.Suppressions.get("gone+x@example.net")
    assert nothing.value.error_type == "not_found"


def test_webhooks() -> None:
    made = resend.Webhooks.create({"endpoint": "https://app.example/mail", "events": ["email.sent", "email.delivery_delayed"]})
    assert made["signing_secret"].startswith("whsec_")
    got: Any = resend.Webhooks.get(made["id"])
    assert (got["object"], got["status"], got["endpoint"]) == ("webhook", "enabled", "https://app.example/mail")
    assert resend.Webhooks.update({"webhook_id": made["id"], "status": "disabled"})["id"] == made["id"]
    assert [one["status"] for one in resend.Webhooks.list()["data"] if one["id"] == made["id"]] == ["disabled"]
    assert resend.Webhooks.rotate_signing_secret(made["id"])["signing_secret"] != made["signing_secret"]
    assert resend.Webhooks.list_events(made["id"])["object"] == "list"
    assert resend.Webhooks.remove(made["id"])["deleted"] is True


def test_logs() -> None:
    sent: Any = resend.Emails.send(HELLO)
    number = sent["http_headers"]["x-request-id"]
    until = time.monotonic() + PATIENCE
    while number not in [one["id"] for one in resend.Logs.list()["data"]]:  # a second or two later, says the page
        assert time.monotonic() < until
        time.sleep(0.1)
    got: Any = resend.Logs.get(number)
    assert (got["object"], got["endpoint"], got["method"], got["response_status"]) == ("log", "/emails", "POST", 200)


FAR = {"path": "https://files.example/invoice.pdf", "filename": "invoice.pdf"}
ERRORS: list[tuple[str, Callable[[], Any], type[ResendError], int, str]] = [
    ("an address", lambda: resend.Emails.send(HELLO | {"to": "nobody"}), ValidationError, 422, "nobody"),
    ("an author of others", lambda: resend.Emails.send(HELLO | {"from": "a@other.example"}), ResendError, 0, "other.example"),
    ("an unknown field", lambda: resend.Emails.send(HELLO | {"replyTo": "a@demo.example"}), ValidationError, 422, "reply_to"),
    ("a file on the web", lambda: resend.Emails.send(HELLO | {"attachments": [FAR]}), ValidationError, 422, "content"),
    ("a time that is none", lambda: resend.Emails.send(HELLO | {"scheduled_at": "soon"}), ValidationError, 422, "scheduled_at"),
    ("no such mail", lambda: resend.Emails.get("01jk4m8x2v9qe"), ResendError, 404, "no such"),
    ("no id at all", lambda: resend.Emails.get("4ef9a417-02e9-4d39-ad75-9611e0fcc33c"), ResendError, 404, ""),
    ("not here", resend.Templates.list, ResendError, 404, ""),
]  # fmt: skip


@pytest.mark.parametrize("call,kind,status,said", [row[1:] for row in ERRORS], ids=[row[0] for row in ERRORS])
def test_errors_arrive_as_their_exceptions(call: Callable[[], Any], kind: type[ResendError], status: int, said: str) -> None:
    with pytest.raises(ResendError) as caught:
        call()
    assert type(caught.value) is kind, (caught.value.code, caught.value.error_type, caught.value.message)
    assert not status or caught.value.code == status
    assert said in caught.value.message


def test_keys_that_open_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resend, "api_key", "re_of_somebody_else")
    with pytest.raises(InvalidApiKeyError):
        resend.Emails.send(HELLO)
    monkeypatch.setattr(resend, "api_key", "")
    with pytest.raises(MissingApiKeyError):
        resend.Emails.send(HELLO)


@pytest.mark.parametrize(
    "wrong,said", [("/", "Take the slash away"), ("/v1", "Leave /v1 out of the base URL"), ("/v1/", "Leave /v1 out")]
)
def test_a_wrong_base_url_is_told(house: Running, monkeypatch: pytest.MonkeyPatch, wrong: str, said: str) -> None:
    monkeypatch.setattr(resend, "api_url", house.url + wrong)
    with pytest.raises(ResendError, match=f"but there is /emails. {said}"):
        resend.Emails.send(HELLO)


async def test_its_async_half() -> None:
    sent = await resend.Emails.send_async(HELLO)
    got: Any = await resend.Emails.get_async(sent["id"])
    assert got["subject"] == "Hello"
