"""Every call of the Python client against a running house: what it reads has the shape that it says."""

from collections.abc import Iterator
from contextlib import aclosing, closing
from datetime import UTC, datetime, timedelta

import pytest

import mailwright_client as kit
from mailwright_client import AsyncClient, Attachment, Client, Letter
from tests.clients.running import Running

HELLO = Letter("Anna <anna@demo.example>", "bob@example.net", "Hello", text="Dear Bob")


@pytest.fixture(scope="module")
def client(house: Running) -> Iterator[Client]:
    with Client(house.url, house.key) as client:
        yield client


@pytest.fixture(scope="module")
def operator(house: Running) -> str:
    return house.cli("key", "add", "--operator").split()[0]


def tomorrow() -> datetime:
    return datetime.now(UTC) + timedelta(days=1)  # noqa: TID251 - the application asks the clock


def test_a_mail_from_its_parts_to_its_story(client: Client, house: Running) -> None:
    letter = Letter(
        "Jörg <joerg@demo.example>", ["Bob <bob@example.net>"], "Grüße", html="<p>Schöne Grüße</p>", cc="c@example.net",
        attachments=[Attachment("a.bin", b"\x00\xff")], tags={"kind": "greeting"}, subsystem="billing", user="u1",
    )  # fmt: skip
    number = client.send(letter)
    assert house.captured(number)["Subject"] == "Grüße"
    mail = client.email(number)
    assert (mail.from_, mail.to, mail.cc) == ("Jörg <joerg@demo.example>", ("Bob <bob@example.net>",), ("c@example.net",))
    assert mail.text is not None
    assert "Schöne Grüße" in mail.text
    story = client.story(number)
    assert [one.recipient for one in story.recipients] == ["bob@example.net", "c@example.net"]
    assert {one.state for one in story.recipients} == {"captured"}
    assert all(one.now.text and one.lines for one in story.recipients)
    assert client.emails(limit=1).data[0].id == number


def test_to_leave_later_or_not_at_all(client: Client) -> None:
    number = client.send(Letter("anna@demo.example", "bob@example.net", "Later", text="x", scheduled_at=tomorrow()))
    assert client.email(number).last_event == "scheduled"
    assert client.reschedule(number, moved := tomorrow() + timedelta(hours=1)) == number
    scheduled = client.email(number).scheduled_at
    assert scheduled is not None
    assert abs(scheduled - moved) < timedelta(seconds=1)
    assert any(site.deferred for site in client.queue().data)
    assert client.cancel(number) == number
    with pytest.raises(kit.Conflict):
        client.cancel(number)


def test_a_batch(client: Client) -> None:
    batch = client.send_batch([HELLO, Letter("anna@demo.example", "nobody", "x", text="x")], permissive=True)
    assert (len(batch.ids), [one.index for one in batch.errors]) == (1, [1])
    with pytest.raises(kit.Invalid, match="nobody"):
        client.send_batch([HELLO, Letter("anna@demo.example", "nobody", "x", text="x")])


def test_the_set_up(client: Client) -> None:
    domain = client.add_domain("client.example")
    assert domain.records[0].record == "DKIM"
    assert client.verify_domain(domain.id) == domain.id
    assert client.domain(domain.id).status in {"pending", "temporary_failure"}
    assert domain.id in [one.id for one in client.domains().data]
    assert client.remove_domain(domain.id) == domain.id
    made = client.add_api_key("for a while", permission="sending_access")
    assert made.token.startswith("mw_")
    assert made.id in [one.id for one in client.api_keys().data]
    assert client.remove_api_key(made.id) == made.id
    suppressed = client.suppress("gone@example.net")
    assert [(one.id, one.origin) for one in client.suppressions().data if one.email == "gone@example.net"] == [
        (suppressed, "manual")
    ]
    assert client.lift_suppression("gone@example.net") == suppressed
    hook = client.add_webhook("https://app.example/mail", ["email.delivered"])
    assert (hook.signing_secret or "").startswith("whsec_")
    assert client.webhook(hook.id).events == ("email.delivered",)
    assert [one.status for one in client.webhooks().data if one.id == hook.id] == ["enabled"]
    assert client.remove_webhook(hook.id) == hook.id


def test_the_operator(house: Running, operator: str) -> None:
    with Client(house.url, operator) as everybody:
        made = everybody.add_account("acme")
        assert {one.name for one in everybody.accounts().data} == {"demo", "acme"}
        with pytest.raises(kit.Invalid, match="account"):
            everybody.add_domain("acme.example")
    with Client(house.url, operator, account="acme") as acme:
        assert acme.add_domain("acme.example").name == "acme.example"
        assert acme.email(acme.send(Letter("a@acme.example", "bob@example.net", "Hello", text="x"))).subject == "Hello"
    assert made.hour_limit is None


def test_refusals_are_exceptions_that_say_what_to_do(client: Client, house: Running) -> None:
    with pytest.raises(kit.Invalid, match=r"other\.example is not a domain of the account demo"):
        client.send(Letter("a@other.example", "bob@example.net", "x", text="x"))
    with pytest.raises(kit.NotFound, match="no such message"):
        client.email("01jk4m8x2v9qe")
    client.send(HELLO, idempotency_key="once")
    with pytest.raises(kit.Conflict, match="idempotency key"):
        client.send(Letter("anna@demo.example", "bob@example.net", "Other", text="x"), idempotency_key="once")
    with Client(house.url, "mw_wrong") as stranger, pytest.raises(kit.BadKey, match="not known here"):
        stranger.send(HELLO)
    with Client(house.url + "/v1", house.key) as lost, pytest.raises(kit.NotFound, match="Leave /v1 out of the base URL"):
        lost.send(HELLO)


def test_the_live_tail_tells_of_a_mail(client: Client) -> None:
    """A mail's id is older than its events: after it come all of them, whether they happened already or not; before them perhaps
    some that had been told."""
    number = client.send(HELLO)
    told = []
    with closing(client.events(after=number)) as tail:
        while "email.captured" not in told:
            event = next(tail)
            told += [event.type] if event.data["data"]["email_id"] == number else []
    assert told == ["email.accepted", "email.captured"]


async def test_the_tail_awaited(house: Running) -> None:
    async with AsyncClient(house.url, house.key) as client:
        number = await client.send(HELLO)
        async with aclosing(client.events(after=number)) as tail:
            event = await anext(one async for one in tail if one.data["data"]["email_id"] == number)
        assert event.type == "email.accepted"
