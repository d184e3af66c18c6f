"""What reads Resend's webhooks reads ours: its Python and Node SDKs and django-anymail's view, unchanged."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
import resend
from anymail.signals import AnymailTrackingEvent, EventType, tracking
from anymail.webhooks.resend import ResendTrackingWebhookView
from django.test import RequestFactory
from django.test.utils import override_settings

from mailwright.app.knowledge import replies
from mailwright.queue import EventKind
from mailwright.values.ids import id_text
from mailwright.webhooks import payload
from mailwright.webhooks.payload import Happened
from mailwright.webhooks.sign import Secret, headers
from tests.clients.node_peer import node
from tests.clients.running import Running

SECRET, OLD = Secret(b"\xfb" * 32), Secret(b"o" * 32)
NOW = 1_795_791_600_000
BOUNCED = Happened(
    id=7, account=1, account_name="demo", message=5, delivery=6, kind=EventKind.BOUNCED, at=NOW,
    data={"reply": "550 5.1.1 No such user here", "host": "mx.example.net"}, author="anna@demo.example", subject="Grüße",
    message_id="<m@demo.example>", subsystem="", created_at=NOW - 1000, recipients=("bob@example.net",),
    tags={"kind": "greeting"},
)  # fmt: skip
BODY = json.dumps(payload(BOUNCED, "email.bounced", replies()), ensure_ascii=False)
VERIFY = """
import { Resend } from "resend";
const { BODY: payload, HOOK, SECRET: webhookSecret } = process.env;
console.log(JSON.stringify(new Resend("mw_any").webhooks.verify({ payload, headers: JSON.parse(HOOK), webhookSecret })));
"""


def signed(secrets: list[Secret]) -> dict[str, str]:
    return dict(headers("msg_1", int(time.time()), BODY.encode(), secrets))


def as_resend_wants(given: dict[str, str]) -> Any:
    return {name: given[f"svix-{name}"] for name in ("id", "timestamp", "signature")}


@pytest.mark.parametrize("secrets", [[SECRET], [OLD, SECRET]], ids=["one secret", "while it is rotated"])
def test_the_python_sdk(secrets: list[Secret]) -> None:
    hook = as_resend_wants(signed(secrets))
    told: Any = resend.Webhooks.verify({"payload": BODY, "headers": hook, "webhook_secret": SECRET.text})
    assert (told["type"], told["data"]["email_id"], told["data"]["bounce"]["type"]) == ("email.bounced", id_text(5), "Permanent")
    with pytest.raises(ValueError, match="no matching signature"):
        resend.Webhooks.verify({"payload": BODY + " ", "headers": hook, "webhook_secret": SECRET.text})


def test_the_node_sdk(house: Running, tmp_path: Path) -> None:
    environ = house.environ(BODY=BODY, HOOK=json.dumps(as_resend_wants(signed([SECRET]))), SECRET=SECRET.text)
    assert json.loads(node(tmp_path, VERIFY, environ)) == json.loads(BODY)


def test_anymail() -> None:
    heard: list[AnymailTrackingEvent] = []

    def hear(sender: Any, event: AnymailTrackingEvent, esp_name: str, **more: Any) -> None:
        heard.append(event)

    tracking.connect(hear)
    request = RequestFactory().post("/hook", BODY, content_type="application/json", headers=signed([SECRET]))
    with override_settings(ANYMAIL={"RESEND_SIGNING_SECRET": SECRET.text}):
        assert ResendTrackingWebhookView.as_view()(request).status_code == 200
    (event,) = heard
    assert (event.event_type, event.recipient, event.message_id) == (EventType.BOUNCED, "bob@example.net", id_text(5))
    assert event.event_id == "msg_1"
    assert event.timestamp.timestamp() * 1000 == NOW
