"""Webhooks by the official Python SDK of Resend, unchanged: made, listed, changed, looked at, replayed, rotated, removed."""

from typing import Any

import pytest
import resend
from resend.exceptions import ResendError

from mailwright.webhooks import Secret, headers
from tests.clients.running import Running


@pytest.fixture(autouse=True)
def sdk(house: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resend, "api_url", house.url)
    monkeypatch.setattr(resend, "api_key", house.key)


def test_a_webhook_from_its_making_to_its_end(house: Running) -> None:
    made = resend.Webhooks.create({"endpoint": "https://app.example/hook", "events": ["email.sent", "email.bounced"]})
    number = made["id"]
    shown: Any = resend.Webhooks.get(number)
    assert (shown["object"], shown["status"], shown["endpoint"]) == ("webhook", "enabled", "https://app.example/hook")
    listed: Any = resend.Webhooks.list()
    assert number in [one["id"] for one in listed["data"]]
    resend.Webhooks.update({"webhook_id": number, "events": ["email.sent", "email.opened"], "status": "enabled"})
    sent = resend.Emails.send({"from": "anna@demo.example", "to": "bob@example.net", "subject": "Hello", "text": "Dear Bob"})
    events: Any = resend.Webhooks.list_events(number)
    (event,) = events["data"]
    assert event["type"] == "email.sent"
    whole: Any = resend.Webhooks.get_event(number, event["id"])
    assert (whole["payload"]["type"], whole["payload"]["data"]["email_id"]) == ("email.sent", sent["id"])
    attempts: Any = resend.Webhooks.list_event_attempts(number, event["id"])
    assert attempts["data"] == []
    assert resend.Webhooks.replay_event(number, event["id"])["id"] == event["id"]
    fresh = resend.Webhooks.rotate_signing_secret(number)
    assert fresh["signing_secret"] not in ("", made["signing_secret"])
    assert resend.Webhooks.remove(number)["deleted"] is True
    with pytest.raises(ResendError) as gone:
        resend.Webhooks.get(number)
    assert gone.value.code == 404


def test_the_sdk_verifies_our_signatures() -> None:
    import time

    secret, body = Secret(bytes(range(32))), b'{"type":"email.sent"}'
    signed = dict(headers("05cg7x2k4m9pr", int(time.time()), body, [Secret(bytes(32)), secret]))
    given: resend.WebhookHeaders = {
        "id": signed["svix-id"], "timestamp": signed["svix-timestamp"], "signature": signed["svix-signature"],
    }  # fmt: skip
    read: Any = resend.Webhooks.verify({"payload": body.decode(), "headers": given, "webhook_secret": secret.text})
    assert read in (None, {"type": "email.sent"})
    with pytest.raises(ValueError, match="signature"):
        resend.Webhooks.verify({"payload": body.decode() + " ", "headers": given, "webhook_secret": secret.text})
