"""/webhooks over a real house: made, called, looked at, rotated, replayed, removed; nothing of another account."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import standardwebhooks

from mailwright.api.wire import moment
from mailwright.values.ids import id_number
from mailwright.webhooks import HookState
from tests.api.asking import Api
from tests.api.test_api_caller import refused
from tests.app.receivers import Receiver, says
from tests.e2e.served import letter

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Told:
    """A live house with a receiver in its own network."""

    def __init__(self, api: Api, receiver: Receiver) -> None:
        self.api, self.receiver = api, receiver

    async def hook(self, key: str, *events: str, account: str = "") -> Any:
        path = f"/webhooks?account={account}" if account else "/webhooks"
        asked = {"endpoint": self.receiver.url, "events": events or ("*",)}
        answer = await self.api.ask("POST", path, key, asked)
        assert answer.status == 201, answer.json
        return answer.json

    async def heard(self, count: int) -> list[Any]:
        """What came after so many calls."""

        async def enough() -> bool:
            return len(self.receiver.heard) >= count

        await self.api.until(enough)
        return [one.json for one in self.receiver.heard]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Api, Receiver]]:
    async with Receiver() as receiver:
        settings = f'webhooks.inner = ["127.0.0.1:{receiver.port}"]\n'
        async with Api(tmp_path_factory.mktemp("hooks"), settings, delivery="live") as api:
            yield api, receiver


@pytest.fixture
def told(house: tuple[Api, Receiver]) -> Told:
    api, receiver = house
    receiver.heard.clear()
    receiver.answer = says(200)
    return Told(api, receiver)


async def test_a_webhook_hears_and_its_receiver_knows_that_it_is_us(told: Told) -> None:
    acme, bolt = await told.api.customer("hears"), await told.api.customer("silent")
    key = await told.api.full_key(acme)
    made = await told.hook(key, "email.sent", "email.opened")
    assert [one["code"] for one in made["findings"]] == ["webhook-unencrypted", "event-never-told"]
    await told.api.hand_in(bolt, "bob@remote.example")
    message = await told.api.hand_in(
        acme, "bob@remote.example", mail=letter(acme.writes(), "bob@remote.example", subject="Your bill")
    )
    (heard,) = await told.heard(1)
    assert (heard["type"], heard["data"]["email_id"], heard["data"]["to"]) == ("email.sent", message, ["bob@remote.example"])
    assert heard["data"]["account"] == "hears"
    (request,) = told.receiver.heard
    standardwebhooks.Webhook(made["signing_secret"]).verify(request.body, dict(request.headers))
    shown = (await told.api.ask("GET", f"/webhooks/{made['id']}", key)).json
    assert (shown["status"], shown["endpoint"], shown["events"], shown["signing_secret"]) == (
        "enabled", told.receiver.url, ["email.sent", "email.opened"], None,
    )  # fmt: skip
    assert made["signing_secret"] not in json.dumps(shown)
    listed = (await told.api.ask("GET", "/webhooks", key)).json
    assert (listed["object"], listed["has_more"], listed["data"]) == ("list", False, [shown])
    gone = await told.api.ask("DELETE", f"/webhooks/{made['id']}", key)
    assert gone.json == {"object": "webhook", "id": made["id"], "deleted": True}
    refused(await told.api.ask("GET", f"/webhooks/{made['id']}", key), 404, "not_found", "not-found")


async def test_the_operator_hears_of_all(told: Told) -> None:
    acme, key = await told.api.customer("overheard"), await told.api.operator_key()
    made = await told.hook(key, "email.accepted")
    message = await told.api.hand_in(acme, "bob@remote.example")
    (heard,) = await told.heard(1)
    assert (heard["type"], heard["data"]["email_id"], heard["data"]["account"]) == ("email.accepted", message, "overheard")
    assert (await told.api.ask("GET", f"/webhooks/{made['id']}", key)).json["account"] is None
    for_one = await told.hook(key, account="overheard")
    assert (await told.api.ask("GET", f"/webhooks/{for_one['id']}", key)).json["account"] == "overheard"
    theirs = await told.api.full_key(acme)
    refused(await told.api.ask("GET", f"/webhooks/{made['id']}", theirs), 404, "not_found", "not-found")
    assert (await told.api.ask("GET", f"/webhooks/{for_one['id']}", theirs)).status == 200
    for number in (made["id"], for_one["id"]):
        assert (await told.api.ask("DELETE", f"/webhooks/{number}", key)).status == 200


async def test_calls_are_shown_with_their_tries_and_sent_once_more(told: Told) -> None:
    acme = await told.api.customer("shown")
    key = await told.api.full_key(acme)
    told.receiver.answer = says(500, b"<html>broken</html>")
    made = await told.hook(key, "email.sent")
    path = f"/webhooks/{made['id']}"
    message = await told.api.hand_in(acme, "bob@remote.example")
    await told.heard(1)

    async def tried() -> Any:
        (call,) = (await told.api.ask("GET", f"{path}/calls", key)).json["data"]
        return call if call["attempts"] else None

    call = await told.api.until(tried)
    assert (call["type"], call["status"], call["email_id"]) == ("email.sent", "pending", message)
    assert call["next_attempt_at"]
    (attempt,) = call["attempts"]
    assert (attempt["http_status_code"], attempt["response"]) == (500, "<html>broken</html>")
    assert (await told.api.ask("GET", path, key)).json["failing_since"]
    (event,) = (await told.api.ask("GET", f"{path}/events", key)).json["data"]
    assert event == {name: call[name] for name in ("id", "type", "created_at", "status")}
    whole = (await told.api.ask("GET", f"{path}/events/{event['id']}", key)).json
    assert (whole["object"], whole["payload"]) == ("webhook_event", told.receiver.heard[0].json)
    attempts = (await told.api.ask("GET", f"{path}/events/{event['id']}/attempts", key)).json
    assert attempts["data"] == [attempt]
    told.receiver.answer = says(200)
    assert (await told.api.ask("POST", f"{path}/calls/{event['id']}/replay", key)).json["id"] == event["id"]
    await told.heard(2)
    again = await told.api.ask("POST", f"{path}/events/{event['id']}/replay", key, {})
    assert again.json == {"object": "webhook_event", "id": event["id"]}
    await told.heard(3)
    assert len({one.headers["webhook-id"] for one in told.receiver.heard}) == 1
    assert (await told.api.ask("POST", f"{path}/replay", key, {})).json["calls"] == 0, "none was given up"
    await told.api.ask("DELETE", path, key)


async def test_a_webhook_is_disabled_enabled_and_brought_up_to_date(told: Told) -> None:
    acme = await told.api.customer("away")
    key = await told.api.full_key(acme)
    made = await told.hook(key, "email.sent")
    path = f"/webhooks/{made['id']}"
    assert (await told.api.ask("PATCH", path, key, {"status": "disabled", "webhook_id": made["id"]})).json == {
        "object": "webhook", "id": made["id"],
    }  # fmt: skip
    begun = told.api.clock()
    message = await told.api.hand_in(acme, "bob@remote.example")
    assert (await told.api.ask("GET", path, key)).json["status"] == "disabled"
    asked = {"status": "enabled", "events": ["email.accepted"], "endpoint": told.receiver.url + "?v=2"}
    assert (await told.api.ask("PATCH", path, key, asked)).status == 200
    assert (await told.api.ask("POST", f"{path}/replay", key, {"since": moment(begun)})).json == {
        "object": "webhook_replay",
        "calls": 1,
    }
    (heard,) = await told.heard(1)
    assert (heard["type"], heard["data"]["email_id"]) == ("email.accepted", message)
    assert told.receiver.heard[0].path == "/hook?v=2"
    await told.api.ask("DELETE", path, key)


async def test_a_new_secret_signs_beside_the_old_one(told: Told) -> None:
    acme = await told.api.customer("rotates")
    key = await told.api.full_key(acme)
    made = await told.hook(key, "email.sent")
    for way in ("rotate", "signing-secret/rotate"):
        fresh = (await told.api.ask("POST", f"/webhooks/{made['id']}/{way}", key, {})).json
        assert (fresh["object"], fresh["id"]) == ("webhook", made["id"])
        told.receiver.heard.clear()
        await told.api.hand_in(acme, "bob@remote.example")
        await told.heard(1)
        (heard,) = told.receiver.heard
        for secret in (made["signing_secret"], fresh["signing_secret"]):
            standardwebhooks.Webhook(secret).verify(heard.body, dict(heard.headers))
        made = fresh
    await told.api.ask("DELETE", f"/webhooks/{made['id']}", key)


async def test_a_secret_subsystem_keeps_its_subject_to_itself(told: Told) -> None:
    acme = await told.api.customer("secretive")
    key = await told.api.full_key(acme)
    made = await told.hook(key, "*")
    mail = letter(acme.writes(), "bob@remote.example", subject="Your code is 1234", X_Mailwright_Subsystem="password")
    await told.api.hand_in(acme, "bob@remote.example", mail=mail)
    (heard, *_) = await told.heard(1)
    assert (heard["data"]["subject"], heard["data"]["subsystem"]) == ("", "password")
    assert b"1234" not in told.receiver.heard[0].body
    await told.api.ask("DELETE", f"/webhooks/{made['id']}", key)


WRONG = [
    ({"endpoint": "https://a.example/"}, "field-missing"),
    ({"endpoint": "https://a.example/", "events": []}, "field-invalid"),
    ({"endpoint": "https://a.example/", "events": ["email.nonsense"]}, "value-malformed"),
    ({"endpoint": "a.example", "events": ["*"]}, "value-malformed"),
    ({"endpoint": "https://u:p@a.example/", "events": ["*"]}, "value-malformed"),
    ({"endpoint": "https://a.example/" + "x" * 2000, "events": ["*"]}, "field-invalid"),
    ({"endpoint": "https://a.example/", "events": ["a\r\nb"]}, "field-invalid"),
    ({"endpoint": "https://a.example/\r\nX: y", "events": ["*"]}, "value-malformed"),
    ({"endpoint": "https://a.example/", "events": ["*"], "secret": "x"}, "field-unknown"),
]


@pytest.mark.parametrize(("asked", "code"), WRONG)
async def test_what_is_wrong_is_said(told: Told, asked: dict[str, Any], code: str) -> None:
    key = await told.api.operator_key()
    refused(await told.api.ask("POST", "/webhooks", key, asked), 422, "validation_error", code)


async def test_ids_that_are_none_are_not_found(told: Told) -> None:
    key = await told.api.operator_key()
    made = await told.hook(key)
    for method, path in (
        ("GET", "/webhooks/nonsense"), ("PATCH", "/webhooks/0000000000000"), ("GET", f"/webhooks/{made['id']}/events/none"),
        ("POST", f"/webhooks/{made['id']}/calls/0000000000000/replay"),
        ("GET", f"/webhooks/{made['id']}/events/0000000000000/attempts"),
    ):  # fmt: skip
        refused(await told.api.ask(method, path, key, {} if method == "PATCH" else None), 404, "not_found", "not-found")
    await told.api.ask("DELETE", f"/webhooks/{made['id']}", key)


async def test_the_commands_do_the_same(told: Told) -> None:
    acme = await told.api.customer("by-command")
    printed = await told.api.cli(
        "webhook", "add", "by-command", told.receiver.url, "--event", "email.sent", "--event", "email.bounced"
    )
    number = printed.split()[2].rstrip(".")
    assert "whsec_" in printed
    (row,) = await told.api.shown("webhook", "list", "by-command")
    assert (row["id"], row["status"], row["events"]) == (number, "enabled", ["email.sent", "email.bounced"])
    assert number in await told.api.cli("webhook", "list")
    await told.api.house.storage.hooks.change(id_number(number), account=None, state=HookState.FAILED)
    missed = await told.api.hand_in(acme, "bob@remote.example")
    assert "disabled" in await told.api.cli("webhook", "list", "by-command")
    await told.api.cli("webhook", "enable", number)
    assert "1 call" in await told.api.cli("webhook", "replay", number, "--since", "1 h")
    (heard,) = await told.heard(1)
    assert heard["data"]["email_id"] == missed

    async def done() -> bool:
        return "done" in await told.api.cli("webhook", "calls", number)

    await told.api.until(done)
    (call,) = await told.api.shown("webhook", "calls", number)
    assert (call["state"], call["tries"][0]["status"], call["email"]) == ("done", 200, missed)
    await told.api.cli("webhook", "replay", number, call["event"])
    await told.heard(2)
    assert "whsec_" in await told.api.cli("webhook", "rotate", number)
    await told.api.cli("webhook", "remove", number, "--yes")
    assert "no webhook" in await told.api.cli("webhook", "list", "by-command")
    operators = await told.api.cli("webhook", "add", "--operator", "https://app.example/hook")
    await told.api.cli("webhook", "remove", operators.split()[2].rstrip("."), "--yes")
