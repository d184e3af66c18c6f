"""POST /emails and what can be done with a mail afterwards, over a real connection, in capture mode."""

import asyncio
import base64
import email
import email.policy
import time
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from mailwright.accounts import Scope
from mailwright.queue import State
from mailwright.values.ids import id_number
from tests.api.asking import Answer, Api
from tests.api.test_api_caller import refused
from tests.e2e.served import kinds, states
from tests.message.test_message_calendar import INVITE

pytestmark = pytest.mark.asyncio(loop_scope="module")
MAIL = {
    "to": "bob@remote.example",
    "subject": "Größe, bitte",
    "html": "<p>Hallo <b>Käthe</b></p>",
}


class Desk:
    """An account with its key, and what a case asks for it."""

    def __init__(self, api: Api, account: Any, key: str) -> None:
        self.api, self.account, self.key = api, account, key
        self.mail = {"from": f"Anna <{account.writes()}>"} | MAIL

    async def ask(self, method: str, path: str, body: object = None, **more: Any) -> Answer:
        return await self.api.ask(method, path, self.key, body, **more)

    async def send(self, key: str = "", **changes: Any) -> Answer:
        headers = {"idempotency-key": key} if key else {}
        return await self.ask("POST", "/emails", {**self.mail, **changes}, headers=headers)

    async def sent(self, **changes: Any) -> str:
        answer = await self.send(**changes)
        assert answer.status == 200, answer.body
        return str(answer.json["id"])

    async def look(self, number: str) -> Any:
        answer = await self.ask("GET", f"/emails/{number}")
        assert answer.status == 200, answer.body
        return answer.json

    async def kept(self, number: str) -> EmailMessage:
        raw = await self.api.kept(number)
        found = email.message_from_bytes(raw, policy=email.policy.default)
        assert isinstance(found, EmailMessage)
        return found


async def desk(api: Api, name: str) -> Desk:
    account = await api.customer(name)
    return Desk(api, account, await api.full_key(account))


def soon(**ahead: float) -> str:
    return datetime.fromtimestamp(time.time() + timedelta(**ahead).total_seconds(), UTC).isoformat()


async def test_a_mail_is_sent_and_read_back(api: Api) -> None:
    acme = await desk(api, "sent")
    number = await acme.sent(
        cc=["Carl <carl@remote.example>"], bcc="eve@remote.example", reply_to=["desk@" + acme.account.domain], user="u-7",
        headers={"X-Ticket": "4711"}, tags=[{"name": "kind", "value": "bill"}, {"name": "month"}], subsystem="Billing",
    )  # fmt: skip
    await api.ended(number)
    shown = await acme.look(number)
    assert shown.pop("created_at").endswith("Z")
    assert shown.pop("message_id").endswith(">")
    assert shown == {
        "object": "email", "id": number, "from": acme.mail["from"], "to": ["bob@remote.example"],
        "cc": ["Carl <carl@remote.example>"], "bcc": ["eve@remote.example"], "reply_to": ["desk@" + acme.account.domain],
        "subject": "Größe, bitte", "html": "<p>Hallo <b>Käthe</b></p>", "text": "Hallo Käthe\r\n", "scheduled_at": None,
        "last_event": "captured", "tags": [{"name": "kind", "value": "bill"}, {"name": "month", "value": ""}],
        "subsystem": "billing", "user": "u-7",
    }  # fmt: skip
    mail = await acme.kept(number)
    assert (mail["x-ticket"], mail["bcc"], mail["subject"]) == ("4711", None, "Größe, bitte")
    assert str(mail["received"]).startswith("from http-api")
    assert f"with HTTP id {number}" in str(mail["received"])


async def test_attachments_and_a_calendar(api: Api) -> None:
    acme = await desk(api, "attached")
    files = [
        {"filename": "Rechnung März.pdf", "content": base64.b64encode(b"%PDF").decode()},
        {"filename": "logo.png", "content": list(b"\x89PNG"), "content_id": "logo"},
        {"filename": "copy.eml", "content": base64.encodebytes(b"From: x" * 20).decode()},
        {"content": "", "content_type": "text/csv; charset=utf-8"},
    ]
    mail = await acme.kept(await acme.sent(text="Hi", calendar=INVITE, attachments=files))
    found = [(part.get_content_type(), part.get_filename()) for part in mail.walk() if not part.is_multipart()]
    assert found == [
        ("text/plain", None),
        ("text/html", None),
        ("text/calendar", None),
        ("image/png", "logo.png"),
        ("application/pdf", "Rechnung März.pdf"),
        ("application/octet-stream", "copy.eml"),
        ("text/csv", "attachment-4"),
    ]
    (calendar,) = [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
    assert calendar.get_param("method") == "REQUEST"


async def test_a_large_mail_is_spooled(api: Api) -> None:
    acme = await desk(api, "large")
    content = bytes(range(256)) * 8192
    number = await acme.sent(attachments=[{"filename": "a.bin", "content": base64.b64encode(content).decode()}])
    (part,) = (await acme.kept(number)).iter_attachments()
    assert part.get_content() == content
    assert (await acme.look(number))["html"] == MAIL["html"]


async def test_a_repeated_request_sends_nothing(api: Api) -> None:
    acme, bolt = await desk(api, "once"), await desk(api, "other-once")
    answers = await asyncio.gather(*(acme.send("k1") for _ in range(5)))
    numbers = {answer.json["id"] for answer in answers}
    assert len(numbers) == 1
    assert (await acme.send("k2")).json["id"] not in numbers
    assert (await bolt.send("k1")).json["id"] not in numbers
    assert len(await api.messages(acme.account.id)) == 2
    refused(await acme.send("k1", subject="Another"), 409, "invalid_idempotent_request", "idempotency-key-reused")
    for bad in ("x" * 257, "k\xe4se"):
        refused(await acme.send(bad), 400, "invalid_idempotency_key", "idempotency-key-malformed")


async def test_a_large_repeated_mail_leaves_nothing_behind(api: Api) -> None:
    acme = await desk(api, "large-once")
    file = [{"filename": "a.bin", "content": base64.b64encode(bytes(600_000)).decode()}]
    first = await acme.send("k", attachments=file)
    assert (await acme.send("k", attachments=file)).json == first.json
    assert (await acme.send("k", attachments=file, subject="x")).status == 409
    assert await api.house.storage.store.sweep_orphans() == 0


async def test_scheduled_mail_waits_moves_and_is_cancelled(api: Api) -> None:
    acme = await desk(api, "scheduled")
    number = await acme.sent(scheduled_at=soon(days=2))
    shown = await acme.look(number)
    assert shown["last_event"] == "scheduled"
    later = soon(days=3)
    answer = await acme.ask("PATCH", f"/emails/{number}", {"id": number, "scheduled_at": later})
    assert answer.json == {"object": "email", "id": number}
    due, asked = (datetime.fromisoformat(text) for text in ((await acme.look(number))["scheduled_at"], later))
    assert abs(due - asked) < timedelta(milliseconds=1)
    story = (await acme.ask("GET", f"/emails/{number}/story")).json
    assert [event["type"] for event in story["events"]] == ["accepted", "scheduled", "scheduled"]
    assert "was given another time" in story["lines"][2]["text"]
    assert story["recipients"][0]["now"]["text"].startswith("It waits for its time: first try at")
    assert (await acme.ask("POST", f"/emails/{number}/cancel")).json == {"object": "email", "id": number}
    assert (await acme.look(number))["last_event"] == "canceled"
    refused(await acme.ask("PATCH", f"/emails/{number}", {"scheduled_at": later}), 409, "conflict", "state-conflict")
    refused(await acme.ask("POST", f"/emails/{number}/cancel"), 409, "conflict", "state-conflict")
    assert [State(one.state) for one in (await api.story(number)).deliveries] == [State.CANCELLED]


async def test_english_that_means_one_thing(api: Api) -> None:
    acme = await desk(api, "english")
    number = await acme.sent(scheduled_at="in 5 minutes")
    due = datetime.fromisoformat((await acme.look(number))["scheduled_at"]).timestamp() - time.time()
    assert 240 < due < 360
    now = await acme.sent(scheduled_at=soon(seconds=-20))
    assert (await acme.look(now))["scheduled_at"] is None


async def test_lists_go_on_in_both_directions(api: Api) -> None:
    acme = await desk(api, "listed")
    sent = [await acme.sent(subject=str(n)) for n in range(5)]
    page = (await acme.ask("GET", "/emails", limit="2")).json
    assert ([one["id"] for one in page["data"]], page["has_more"], page["object"]) == (sent[:2:-1], True, "list")
    page = (await acme.ask("GET", "/emails", limit="3", after=page["data"][-1]["id"])).json
    assert ([one["id"] for one in page["data"]], page["has_more"]) == (sent[2::-1], False)
    page = (await acme.ask("GET", "/emails", limit="1", before=sent[2])).json
    assert ([one["id"] for one in page["data"]], page["has_more"]) == ([sent[3]], True)
    assert page["data"][0]["from"] == acme.mail["from"]
    assert (await acme.ask("GET", "/emails", limit="101")).status == 422
    refused(await acme.ask("GET", "/emails", after=sent[0], before=sent[1]), 422, "validation_error", "page-unknown")


async def test_secret_mail_is_never_shown(api: Api) -> None:
    acme = await desk(api, "secret")
    number = await acme.sent(subsystem="password", scheduled_at=soon(hours=1))
    shown = await acme.look(number)
    assert (shown["html"], shown["text"], shown["subject"]) == (None, None, "")
    page = (await acme.ask("GET", "/emails")).json
    assert page["data"][0]["subject"] == ""


async def test_a_mail_from_smtp_is_shown_too(api: Api) -> None:
    acme = await desk(api, "by-smtp")
    mail = (
        f"From: Anna <{acme.account.writes()}>\r\nTo: b@remote.example\r\nSubject: =?utf-8?q?Gr=C3=B6=C3=9Fe?=\r\n"
        "X-Mailwright-Tag: march\r\n\r\nHi\r\n"
    ).encode()
    number = await api.hand_in(acme.account, "b@remote.example", "c@remote.example", mail=mail)
    shown = await acme.look(number)
    assert (shown["to"], shown["bcc"], shown["subject"]) == (["b@remote.example"], ["c@remote.example"], "Größe")
    assert (shown["text"], shown["html"], shown["tags"]) == ("Hi\r\n", None, [{"name": "tag", "value": "march"}])


async def test_a_batch_is_all_or_none_unless_it_says_otherwise(api: Api) -> None:
    acme = await desk(api, "batch")
    good, bad, foreign = acme.mail, {**acme.mail, "to": "nobody"}, {**acme.mail, "from": "a@elsewhere.example"}
    answer = await acme.ask("POST", "/emails/batch", [good, bad, foreign])
    assert "Mail 1 of the batch" in refused(answer, 422, "validation_error", "value-malformed")
    assert [finding["code"] for finding in answer.json["findings"]] == ["value-malformed", "author-not-yours"]
    assert await api.messages(acme.account.id) == []
    taken = (await acme.ask("POST", "/emails/batch", [good, bad, good], headers={"x-batch-validation": "permissive"})).json
    assert [error["index"] for error in taken["errors"]] == [1]
    assert len(taken["data"]) == len(await api.messages(acme.account.id)) == 2
    answer = await acme.ask("POST", "/emails/batch", [good], headers={"x-batch-validation": "perhaps"})
    refused(answer, 422, "validation_error", "batch-mode-unknown")
    for size in (0, 101):
        refused(await acme.ask("POST", "/emails/batch", [good] * size), 422, "validation_error", "value-malformed")
    refused(await acme.ask("POST", "/emails/batch", good), 422, "validation_error", "value-malformed")


async def test_a_repeated_batch_fills_in_what_is_missing(api: Api) -> None:
    acme = await desk(api, "batch-once")
    mails = [{**acme.mail, "subject": str(n)} for n in range(10)]
    key = {"idempotency-key": "b1"}
    first = (await acme.ask("POST", "/emails/batch", mails, headers=key)).json["data"]
    assert len({one["id"] for one in first}) == 10
    assert (await acme.ask("POST", "/emails/batch", mails, headers=key)).json["data"] == first
    changed = await acme.ask("POST", "/emails/batch", mails[:9], headers=key)
    refused(changed, 409, "invalid_idempotent_request", "idempotency-key-reused")
    assert len(await api.messages(acme.account.id)) == 10


async def test_scopes_and_accounts(api: Api) -> None:
    acme, bolt = await desk(api, "mine"), await desk(api, "theirs")
    number = await acme.sent(scheduled_at=soon(days=1))
    for method, path, body in (
        ("GET", f"/emails/{number}", None),
        ("GET", f"/emails/{number}/story", None),
        ("PATCH", f"/emails/{number}", {"scheduled_at": soon(days=2)}),
        ("POST", f"/emails/{number}/cancel", None),
    ):
        refused(await bolt.ask(method, path, body), 404, "not_found", "not-found")
    assert (await bolt.ask("GET", "/emails")).json["data"] == []
    reader = await api.api_key(acme.account.id, scopes=(Scope.READ,))
    refused(await api.ask("POST", "/emails", reader, acme.mail), 403, "restricted_api_key", "scope-missing")
    sender = await api.api_key(acme.account.id, scopes=(Scope.SEND,))
    refused(await api.ask("GET", f"/emails/{number}", sender), 403, "restricted_api_key", "scope-missing")
    operator = await api.operator_key()
    refused(await api.ask("POST", "/emails", operator, acme.mail), 422, "validation_error", "account-missing")
    assert (await api.ask("GET", f"/emails/{number}", operator)).status == 200
    assert (await api.ask("POST", "/emails", operator, acme.mail, account=acme.account.name)).status == 200


async def test_a_key_writes_only_as_it_may(api: Api) -> None:
    acme = await desk(api, "limited")
    key = await api.api_key(acme.account.id, acme.account.writes("desk"), scopes=(Scope.SEND,))
    refused(await api.ask("POST", "/emails", key, acme.mail), 403, "restricted_api_key", "author-not-of-this-key")
    assert (await api.ask("POST", "/emails", key, {**acme.mail, "from": acme.account.writes("desk")})).status == 200
    refused(await acme.send(**{"from": "a@elsewhere.example"}), 403, "validation_error", "author-not-yours")


async def test_the_story_over_time(api: Api) -> None:
    acme = await desk(api, "told")
    number = await acme.sent(to=["a@remote.example", "b@remote.example"])
    await api.ended(number)
    story = (await acme.ask("GET", f"/emails/{number}/story")).json
    assert story["object"] == "story"
    assert story["lines"][0]["text"].startswith("The mail was handed in by HTTP")
    assert [(one["recipient"], one["state"]) for one in story["recipients"]] == [
        ("a@remote.example", "captured"),
        ("b@remote.example", "captured"),
    ]
    assert story["recipients"][0]["events"][-1]["type"] == "captured"
    assert "capture mode" in story["recipients"][0]["now"]["text"]
    assert id_number(number) == (await api.story(number)).message.id


@pytest.mark.parametrize(
    "raw,status,name,code",
    [
        (b"{", 422, "validation_error", "value-malformed"),
        (b"null", 422, "validation_error", "field-invalid"),
        (b"{}", 422, "missing_required_field", "field-missing"),
        (b'{"from": 1, "to": "b@x.example", "subject": "x", "text": "x"}', 422, "validation_error", "field-invalid"),
        (b'{"from": "a@b.example", "to": "b@x.example", "subject": "x", "txt": "x"}', 422, "validation_error", "field-unknown"),
        (b'{"from": "a", "from": "b"}', 422, "validation_error", "value-malformed"),
        (
            b'{"from": "\\ud800@x.example", "to": "b@x.example", "subject": "x", "text": "x"}',
            422,
            "validation_error",
            "value-malformed",
        ),
        (b" " * 40_000_000, 413, "validation_error", "body-too-large"),
    ],
)
async def test_what_cannot_be_read_is_refused_in_words(api: Api, raw: bytes, status: int, name: str, code: str) -> None:
    acme = await desk(api, f"abuse-{len(raw)}")
    for path in ("/emails", "/emails/batch"):
        answer = await acme.ask("POST", path, raw=raw if path == "/emails" or status == 413 else b"[" + raw + b"]")
        refused(answer, status, name, code)
    assert await api.messages(acme.account.id) == []


async def test_a_mail_over_the_limit_is_refused_before_it_is_kept(api: Api) -> None:
    acme = await desk(api, "too-large")
    content = base64.b64encode(bytes(20_000_000)).decode()
    refused(await acme.send(attachments=[{"filename": "a", "content": content}]), 413, "validation_error", "mail-too-large")
    assert await api.house.storage.store.sweep_orphans() == 0


async def test_the_openapi_knows_what_is_taken(api: Api) -> None:
    from mailwright.api.app import create
    from mailwright.api.services import services_of

    whole = create(services_of(api.house)).openapi()
    post = whole["paths"]["/emails"]["post"]
    schema = post["requestBody"]["content"]["application/json"]["schema"]
    assert {"from", "to", "scheduled_at", "calendar"} <= set(schema["properties"])
    assert "$ref" not in str(schema)
    assert post["parameters"][0]["name"] == "Idempotency-Key"


async def test_scheduled_mail_leaves_at_its_time(api: Api) -> None:
    """The last case: the clock of the house is ahead of the machine's from here on."""
    acme = await desk(api, "leaves")
    number = await acme.sent(scheduled_at="in 30 minutes")
    await api.rounds()
    assert states(await api.story(number)) == {"bob@remote.example": State.DEFERRED.name}
    await api.later(minutes=31)
    story = await api.ended(number)
    assert kinds(story) == ["accepted", "scheduled", "captured"]


async def test_what_was_taken_stays_taken_though_it_would_be_refused_by_now(api: Api) -> None:
    acme = await desk(api, "later-wrong")
    at = datetime.fromtimestamp(api.clock() / 1000 + 60, UTC).isoformat()
    first = await acme.send("k", scheduled_at=at)
    mails = [{**acme.mail, "scheduled_at": at}] * 2
    batch = await acme.ask("POST", "/emails/batch", mails, headers={"idempotency-key": "b"})
    await api.later(minutes=30)
    assert (await acme.send("k", scheduled_at=at)).json == first.json
    assert (await acme.ask("POST", "/emails/batch", mails, headers={"idempotency-key": "b"})).json == batch.json
    refused(await acme.send("other", scheduled_at=at), 422, "validation_error", "value-malformed")
    refused(await acme.send("k", scheduled_at=at, subject="x"), 422, "validation_error", "value-malformed")
    refused(
        await acme.ask("POST", "/emails/batch", mails, headers={"idempotency-key": "c"}),
        422,
        "validation_error",
        "value-malformed",
    )
