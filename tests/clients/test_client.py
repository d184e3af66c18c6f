"""The Python client against a scripted server: what it sends, how it reads, when it asks once more."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

import mailwright_client as kit
from mailwright_client import AsyncClient, Attachment, Client, Letter, Patience
from tests.clients.scripted import LOST, Asked, Says, Scripted, fault

HELLO = Letter("Anna <anna@demo.example>", "bob@example.net", "Hello", text="Dear Bob")
TAKEN = Says({"id": "01jk4m8x2v9qe"})
QUICK = Patience(first=0.001)
NOW = "2026-11-27T15:00:00.000Z"
EMAIL = {
    "object": "email", "id": "01jk4m8x2v9qe", "from": "anna@demo.example", "to": ["bob@example.net"], "created_at": NOW,
    "subject": "Hello", "last_event": "delivered", "html": None, "text": "Dear Bob", "cc": None, "bcc": [], "reply_to": [],
    "scheduled_at": None, "a_field_of_the_future": 1,
}  # fmt: skip


@contextmanager
def served(*script: Says) -> Iterator[tuple[Client, list[Asked]]]:
    with Scripted(script) as server, Client(server.url, "mw_key", patience=QUICK) as client:
        yield client, server.asked


def test_a_letter_goes_as_the_api_wants_it() -> None:
    later = datetime(2026, 11, 28, 10, tzinfo=timezone(timedelta(hours=1)))
    letter = Letter(
        "Jörg <jörg@demo.example>", ["bob@example.net", "eve@example.net"], "", html="<p>", cc="c@example.net",
        bcc=["b@example.net"], reply_to="r@demo.example", headers={"X-Case": "7"},
        attachments=[Attachment("a.txt", b"\x00\xff", content_id="a")],
        tags={"kind": "invoice"}, scheduled_at=later, subsystem="billing",
    )  # fmt: skip
    with served(TAKEN) as (client, asked):
        assert client.send(letter, idempotency_key="once") == "01jk4m8x2v9qe"
    assert (asked[0].method, asked[0].path) == ("POST", "/emails")
    assert asked[0].headers["authorization"] == "Bearer mw_key"
    assert asked[0].headers["idempotency-key"] == "once"
    assert asked[0].body == {
        "from": "Jörg <jörg@demo.example>", "to": ["bob@example.net", "eve@example.net"], "subject": "", "html": "<p>",
        "cc": "c@example.net", "bcc": ["b@example.net"], "reply_to": "r@demo.example", "headers": {"X-Case": "7"},
        "attachments": [{"filename": "a.txt", "content": "AP8=", "content_id": "a"}],
        "tags": [{"name": "kind", "value": "invoice"}], "scheduled_at": "2026-11-28T10:00:00+01:00", "subsystem": "billing",
    }  # fmt: skip


def test_answers_become_values() -> None:
    page = {"object": "list", "has_more": True, "data": [EMAIL]}
    record = {"record": "DKIM", "name": "mw1._domainkey", "type": "TXT", "ttl": "Auto", "status": "verified", "value": "v=DKIM1"}
    domain = {"object": "domain", "id": "d", "name": "demo.example", "status": "verified", "created_at": NOW, "records": [record]}
    with served(Says(EMAIL), Says(page), Says(domain)) as (client, asked):
        email = client.email("01jk4m8x2v9qe")
        assert (email.from_, email.to, email.cc, email.last_event) == ("anna@demo.example", ("bob@example.net",), (), "delivered")
        assert email.created_at == datetime(2026, 11, 27, 15, tzinfo=UTC)
        assert client.emails(limit=1, after="x/y").data == (email,)
        assert client.domain("d").records == (kit.Record("DKIM", "mw1._domainkey", "TXT", "v=DKIM1", "verified"),)
    assert [one.path for one in asked] == ["/emails/01jk4m8x2v9qe", "/emails?limit=1&after=x%2Fy", "/domains/d"]


def test_a_batch_says_what_was_not_taken() -> None:
    answer = Says({"data": [{"id": "a"}, {"id": "c"}], "errors": [{"index": 1, "message": "No."}]})
    with served(answer) as (client, asked):
        batch = client.send_batch([HELLO, HELLO, HELLO], permissive=True)
    assert batch == kit.Batch(("a", "c"), (kit.Objection(1, "No."),))
    assert asked[0].headers["x-batch-validation"] == "permissive"
    assert len(asked[0].body) == 3


LATER = fault(429, "rate_limit_exceeded", retry_after="0")
BUSY = fault(409, "concurrent_idempotent_requests")
BROKEN = fault(500, "application_error")
AGAIN: list[tuple[str, Sequence[Says], Callable[[Client], Any], int]] = [
    ("a mail whose answer was lost is handed in again under its key", [LOST, BUSY, TAKEN], lambda one: one.send(HELLO), 3),
    ("a server in trouble may have it: the key tells", [BROKEN, Says(b"<html>", 502), TAKEN], lambda one: one.send(HELLO), 3),
    ("too many: nothing was done", [LATER, TAKEN], lambda one: one.add_webhook("https://a.example", ["email.sent"]), 2),
    ("reading may be repeated", [LOST, Says(EMAIL)], lambda one: one.email("a"), 2),
]  # fmt: skip


@pytest.mark.parametrize("script,call,tries", [row[1:] for row in AGAIN], ids=[row[0] for row in AGAIN])
def test_asked_once_more(script: Sequence[Says], call: Callable[[Client], Any], tries: int) -> None:
    with served(*script) as (client, asked):
        call(client)
    assert len(asked) == tries
    assert len({one.headers.get("idempotency-key") for one in asked}) == 1


REFUSED: list[tuple[str, Says, Callable[[Client], Any], type[kit.MailwrightError]]] = [
    ("no such key", fault(403, "invalid_api_key"), lambda one: one.send(HELLO), kit.BadKey),
    ("no key", fault(401, "missing_api_key"), lambda one: one.send(HELLO), kit.BadKey),
    ("not for this key", fault(403, "restricted_api_key"), lambda one: one.domains(), kit.NotAllowed),
    ("a wrong field", fault(422, "validation_error"), lambda one: one.send(HELLO), kit.Invalid),
    ("a wrong key for once", fault(400, "invalid_idempotency_key"), lambda one: one.send(HELLO), kit.Invalid),
    ("no such mail", fault(404, "not_found"), lambda one: one.email("a"), kit.NotFound),
    ("another mail", fault(409, "invalid_idempotent_request"), lambda one: one.send(HELLO), kit.Conflict),
    ("to wait an hour", fault(429, "rate_limit_exceeded", retry_after="3600"), lambda one: one.send(HELLO), kit.TooMany),
    ("another program", Says(b"<html>", 404), lambda one: one.email("a"), kit.Unexpected),
    ("another program that says yes", Says({"hello": "world"}), lambda one: one.email("a"), kit.Unexpected),
    ("an answer of another shape", Says(EMAIL | {"to": 7}), lambda one: one.email("a"), kit.Unexpected),
    ("a broken server may have made it", BROKEN, lambda one: one.add_api_key("a"), kit.ServerFault),
    ("a lost answer may have made it", LOST, lambda one: one.add_api_key("a"), kit.Unreachable),
]


@pytest.mark.parametrize("answer,call,kind", [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_not_asked_again(answer: Says, call: Callable[[Client], Any], kind: type[kit.MailwrightError]) -> None:
    with served(answer) as (client, asked), pytest.raises(kind):
        call(client)
    assert len(asked) == 1


def test_an_error_says_what_to_do() -> None:
    told = fault(
        422,
        "validation_error",
        "The field from is missing. Add it.",
        code="field-missing",
        do="Add it.",
        findings=[{"code": "a"}],
    )
    with served(told) as (client, _), pytest.raises(kit.Invalid, match=r"The field from is missing\. Add it\.") as caught:
        client.send(HELLO)
    assert (caught.value.status, caught.value.code, caught.value.findings) == (422, "field-missing", [{"code": "a"}])


def test_nobody_there() -> None:
    with Scripted([]) as server:
        gone = server.url
    with (
        Client(gone, "k", patience=Patience(2, 0.001)) as client,
        pytest.raises(kit.Unreachable, match=r"127\.0\.0\.1.*Is the server up\?"),
    ):
        client.send(HELLO)


def test_the_last_try_ends_it() -> None:
    with (
        Scripted([LATER] * 2) as server,
        Client(server.url, "k", patience=Patience(2, 0.001)) as client,
        pytest.raises(kit.TooMany),
    ):
        client.send(HELLO)
    assert len(server.asked) == 2


@pytest.mark.parametrize("number", ["", ".", ".."])
def test_no_id_leads_to_another_path(number: str) -> None:
    with served() as (client, _), pytest.raises(ValueError, match="is no id"):
        client.email(number)


@pytest.mark.parametrize(
    "url,key,said", [("localhost:8025", "k", "http://"), ("", "k", "http://"), ("http://a.example", " ", "empty")]
)
def test_what_can_be_no_address_and_no_key_is_told_at_once(url: str, key: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Client(url, key)


def test_a_time_without_a_zone_is_no_time() -> None:
    with served() as (client, _), pytest.raises(ValueError, match="has no zone"):
        client.reschedule("a", datetime(2026, 11, 28, 10))  # noqa: DTZ001 - that is the case


async def test_the_same_awaited() -> None:
    with Scripted([LOST, TAKEN, Says(EMAIL)]) as server:
        async with AsyncClient(server.url, "k", patience=QUICK) as client:
            assert await client.send(HELLO) == "01jk4m8x2v9qe"
            assert (await client.email("01jk4m8x2v9qe")).text == "Dear Bob"


STREAM = {"Content-Type": "text/event-stream"}
TAIL = [
    Says(
        b'id: 1\nevent: email.sent\ndata: {"n": 1}\n\n: still here\n\nid: 2\nevent: email.delivered\ndata: {"n": 2}\n\n',
        headers=STREAM,
    ),
    LOST,
    fault(503, "application_error", retry_after="0"),
    Says(b'id: 2\nevent: email.delivered\ndata: {"n": 2}\n\nid: 3\nevent: email.sent\ndata: {"n": 3}\n\n', headers=STREAM),
    fault(403, "invalid_api_key"),
]
TOLD = [
    kit.Event("1", "email.sent", {"n": 1}),
    kit.Event("2", "email.delivered", {"n": 2}),
    kit.Event("3", "email.sent", {"n": 3}),
]


def test_the_tail_goes_on_after_the_last_event() -> None:
    with served(*TAIL) as (client, asked):
        tail = client.events()
        assert [next(tail) for _ in TOLD] == TOLD
        with pytest.raises(kit.BadKey):
            next(tail)
    assert [one.headers.get("last-event-id") for one in asked] == [None, "2", "2", "2", "3"]


async def test_the_tail_awaited() -> None:
    with Scripted(TAIL) as server:
        async with AsyncClient(server.url, "k", patience=QUICK) as client:
            tail = client.events(after="0")
            assert [await anext(tail) for _ in TOLD] == TOLD
            with pytest.raises(kit.BadKey):
                await anext(tail)


def test_every_call_says_what_it_does_and_where_it_is_typed() -> None:
    calls = {name: call for name, call in vars(kit._Calls).items() if not name.startswith("_")}
    assert [name for name, call in calls.items() if not call.__doc__] == []
    with served() as (client, _):
        assert list(inspect.signature(client.send).parameters) == ["letter", "idempotency_key"]
