"""The official Node SDK of Resend, unchanged, by RESEND_BASE_URL alone: one run of one script, whose lines are judged here."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.clients.node_peer import node
from tests.clients.running import Running

SCRIPT = """
import { Resend } from "resend";

const resend = new Resend();
const hello = { from: "Anna <anna@demo.example>", to: "bob@example.net", subject: "Hello", text: "Dear Bob" };
const tomorrow = new Date(Date.now() + 86400000).toISOString();
const later = new Date(Date.now() + 90000000).toISOString();
const said = {};
const keep = async (name, call) => (said[name] = await call).data;

const sent = await keep("send", resend.emails.send({
  ...hello, to: ["bob@example.net"], replyTo: "help@demo.example", html: "<p>Grüße</p>", tags: [{ name: "a", value: "b" }],
  attachments: [{ filename: "a.bin", content: Buffer.from([0, 255]) }, { filename: "l.png", content: "cG5n", contentId: "l" }],
}, { idempotencyKey: "node-1" }));
await keep("get", resend.emails.get(sent.id));
await keep("list", resend.emails.list({ limit: 1 }));
await keep("batch", resend.batch.send([hello, { ...hello, subject: "Second" }]));
await keep("permissive", resend.batch.send([hello, { ...hello, to: "nobody" }], { batchValidation: "permissive" }));
const scheduled = await keep("schedule", resend.emails.send({ ...hello, scheduledAt: tomorrow }));
await keep("update", resend.emails.update({ id: scheduled.id, scheduledAt: later }));
await keep("cancel", resend.emails.cancel(scheduled.id));
await keep("cancelled", resend.emails.get(scheduled.id));
const domain = await keep("domain", resend.domains.create({ name: "node.example", region: "eu-west-1" }));
await keep("verify", resend.domains.verify(domain.id));
await keep("domains", resend.domains.list());
await keep("remove", resend.domains.remove(domain.id));
const key = await keep("key", resend.apiKeys.create({ name: "node" }));
await keep("keys", resend.apiKeys.list());
await keep("no key", resend.apiKeys.remove(key.id));
await keep("invalid", resend.emails.send({ ...hello, to: "nobody" }));
await keep("not found", resend.emails.get("01jk4m8x2v9qe"));
await keep("wrong key", new Resend("re_wrong").emails.send(hello));
console.log(JSON.stringify(said));
"""


@pytest.fixture(scope="module")
def said(house: Running, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    environ = house.environ(RESEND_BASE_URL=house.url, RESEND_API_KEY=house.key)
    answers: dict[str, Any] = json.loads(node(Path(tmp_path_factory.mktemp("node")), SCRIPT, environ))
    return answers


def test_every_call_is_answered(said: dict[str, Any]) -> None:
    refused = {name: answer["error"] for name, answer in said.items() if answer["error"]}
    assert {name: (error["statusCode"], error["name"]) for name, error in refused.items()} == {
        "invalid": (422, "validation_error"), "not found": (404, "not_found"), "wrong key": (403, "invalid_api_key"),
    }  # fmt: skip


def test_what_was_sent_arrives_whole(house: Running, said: dict[str, Any]) -> None:
    mail = house.captured(said["send"]["data"]["id"])
    assert (mail["To"], mail["Reply-To"]) == ("bob@example.net", "help@demo.example")
    files = {part.get_filename(): part.get_payload(decode=True) for part in mail.walk() if part.get_filename()}
    assert files == {"a.bin": b"\x00\xff", "l.png": b"png"}


def test_the_answers_have_the_shape_of_the_types(said: dict[str, Any]) -> None:
    got = said["get"]["data"]
    assert got.keys() >= {
        "object",
        "id",
        "message_id",
        "to",
        "from",
        "created_at",
        "subject",
        "bcc",
        "cc",
        "reply_to",
        "last_event",
    }
    assert (got["object"], got["reply_to"], got["scheduled_at"]) == ("email", ["help@demo.example"], None)
    assert said["list"]["data"].keys() >= {"object", "has_more", "data"}
    assert len(said["batch"]["data"]["data"]) == 2
    assert [one["index"] for one in said["permissive"]["data"]["errors"]] == [1]
    assert said["update"]["data"]["object"] == said["cancel"]["data"]["object"] == "email"
    assert said["cancelled"]["data"]["last_event"] == "canceled"
    assert said["domain"]["data"]["status"] in {
        "not_started",
        "pending",
        "verified",
        "failed",
        "partially_verified",
        "partially_failed",
    }
    assert said["domain"]["data"]["id"] in [one["id"] for one in said["domains"]["data"]["data"]]
    assert said["remove"]["data"]["deleted"] is True
    assert said["key"]["data"]["token"].startswith("mw_")
    assert said["no key"]["data"]["deleted"] is True
