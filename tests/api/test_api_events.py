"""/events and `mailwright tail`: told as it happens, to whom it concerns, from where one left, to a clean end."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio

from mailwright.accounts import Scope
from mailwright.accounts.key import prefix_of
from mailwright.api.serve import LAST_REQUESTS
from mailwright.app.logs import logger
from mailwright.app.tail import MOST_WAITING, STREAMS_OF_ONE, Tail
from mailwright.app.wiring import now_ms
from mailwright.queue import EventKind
from mailwright.storage import Storage, open_storage
from mailwright.values.ids import id_text, least_id
from mailwright.webhooks.following import Following
from tests.api.asking import Api
from tests.api.test_api_caller import refused
from tests.storage.mails import Mails

pytestmark = pytest.mark.asyncio(loop_scope="module")
PATIENCE = 10.0


class Stream:
    """An open stream; reads the events of it."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self.headers: list[str] = []

    async def begin(self) -> None:
        async with asyncio.timeout(PATIENCE):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
            self.headers = head.lower().split("\r\n")
            assert head.startswith("HTTP/1.1 200"), head
            while b"retry:" not in await self._reader.readline():
                pass

    async def next(self) -> tuple[str, str, Any]:
        """Id, name and data of the next event."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(PATIENCE):
            while "data" not in fields:
                line = (await self._reader.readline()).decode().strip()
                name, colon, value = line.partition(": ")
                if colon and name in ("id", "event", "data"):
                    fields[name] = value
        return fields["id"], fields["event"], json.loads(fields["data"])

    async def rest(self) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self._reader.read()


@asynccontextmanager
async def stream(api: Api, key: str, query: str = "", last: str = "") -> AsyncIterator[Stream]:
    reader, writer = await asyncio.open_connection(*api.web.address)
    more = f"Last-Event-ID: {last}\r\n" if last else ""
    writer.write(
        f"GET /events{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n{more}\r\n".encode()
    )
    opened = Stream(reader)
    try:
        await opened.begin()
        yield opened
    finally:
        writer.transport.abort()


async def test_an_account_follows_its_own_mail(api: Api) -> None:
    acme, bolt = await api.customer("follows"), await api.customer("followed-not")
    async with stream(api, await api.full_key(acme)) as mine, stream(api, await api.operator_key()) as all_of_it:
        assert "content-type: text/event-stream; charset=utf-8" in mine.headers
        theirs = await api.hand_in(bolt, "bob@remote.example")
        ours = await api.hand_in(acme, "bob@remote.example")
        told = [await mine.next(), await mine.next()]
        assert [(name, data["type"]) for _, name, data in told] == [("email.accepted",) * 2, ("email.captured",) * 2]
        assert {data["data"]["email_id"] for _, _, data in told} == {ours}
        assert told[0][0] == told[0][2]["data"]["event_id"]
        heard = {(await all_of_it.next())[2]["data"]["email_id"] for _ in range(4)}
        assert heard == {ours, theirs}


async def test_after_a_break_one_goes_on_where_one_left(api: Api) -> None:
    acme = await api.customer("resumes")
    key = await api.full_key(acme)
    async with stream(api, key, "?type=email.sent") as opened:
        first = await api.hand_in(acme, "bob@remote.example")
        last, _, data = await opened.next()
        assert data["data"]["email_id"] == first
    missed = [await api.hand_in(acme, "bob@remote.example") for _ in range(2)]
    async with stream(api, key, "?type=email.sent", last=last) as opened:
        told = [await opened.next() for _ in range(2)]
        assert [data["data"]["email_id"] for _, _, data in told] == missed
        live = await api.hand_in(acme, "bob@remote.example")
        assert (await opened.next())[2]["data"]["email_id"] == live
    async with stream(api, key, f"?type=email.sent&after={last}") as opened:
        assert (await opened.next())[2]["data"]["email_id"] == missed[0]


async def test_one_follows_one_mail_or_some_events(api: Api) -> None:
    acme = await api.customer("filters")
    key = await api.full_key(acme)
    first = await api.hand_in(acme, "bob@remote.example")
    story = await api.ended(first)
    async with stream(api, key, f"?email={first}&after={id_text(story.events[0].id)}") as opened:
        other = await api.hand_in(acme, "bob@remote.example")
        assert (await opened.next())[2]["data"]["email_id"] == first
    await api.ended(other)
    async with stream(api, key, "?type=email.captured,email.bounced") as opened:
        number = await api.hand_in(acme, "bob@remote.example")
        _, name, data = await opened.next()
        assert (name, data["data"]["email_id"]) == ("email.captured", number)


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("?type=email.nonsense", 422, "value-malformed"),
        ("?after=nonsense", 422, "event-unknown"),
        ("?email=0000000000000", 404, "not-found"),
        ("?email=x", 404, "not-found"),
    ],
)
async def test_what_cannot_be_followed(api: Api, query: str, status: int, code: str) -> None:
    name = "not_found" if status == 404 else "validation_error"
    refused(await api.ask("GET", f"/events{query}", await api.operator_key()), status, name, code)


async def test_mail_of_another_account_is_not_followed(api: Api) -> None:
    acme, bolt = await api.customer("curious"), await api.customer("discreet")
    number = await api.hand_in(bolt, "bob@remote.example")
    refused(await api.ask("GET", f"/events?email={number}", await api.full_key(acme)), 404, "not_found", "not-found")
    sender = await api.api_key(acme.id, scopes=(Scope.SEND,))
    refused(await api.ask("GET", "/events", sender), 403, "restricted_api_key", "scope-missing")


async def test_a_key_has_so_many_streams_and_no_more(api: Api) -> None:
    acme = await api.customer("greedy")
    key = await api.full_key(acme)
    async with asyncio.timeout(PATIENCE):
        opened = [stream(api, key) for _ in range(STREAMS_OF_ONE)]
        for one in opened:
            await one.__aenter__()
        refused(await api.ask("GET", "/events", key), 429, "rate_limit_exceeded", "streams-too-many")
        for one in opened:
            await one.__aexit__(None, None, None)
        while api.house.tail.listening:  # noqa: ASYNC110 - the server notices in its own time that they are gone
            await asyncio.sleep(0.01)
    async with stream(api, key):
        pass


async def test_a_revoked_key_hears_nothing_more(api: Api) -> None:
    acme = await api.customer("dismissed")
    key = await api.full_key(acme)
    async with stream(api, key) as opened:
        await api.house.storage.directory.revoke_key(acme.id, prefix_of(key), now=1)
        await api.follow()
        await api.hand_in(acme, "bob@remote.example")
        assert b"email" not in await opened.rest()


async def test_open_streams_do_not_hold_up_the_end(api: Api) -> None:
    async with stream(api, await api.operator_key()) as opened:
        begun = time.monotonic()
        await api.web.close()
        assert time.monotonic() - begun < LAST_REQUESTS, "it is not waited for until its time is up"
        assert (await opened.rest()).endswith(b"0\r\n\r\n"), "it ends as a whole answer does"
    await api.restart()


async def test_the_command_follows_too(api: Api) -> None:
    acme = await api.customer("tails")
    number = await api.hand_in(acme, "bob@remote.example")
    await api.ended(number)
    asked = ("tail", "--account", "tails", "--since", "1 h", "--no-follow")
    lines = (await api.cli(*asked)).splitlines()
    assert [line.split()[3:6] for line in lines] == [["tails", "accepted", number], ["tails", "captured", number]]
    told = [json.loads(line) for line in (await api.cli(*asked, "--json")).splitlines()]
    assert [one["type"] for one in told] == ["email.accepted", "email.captured"]
    again = await api.cli("tail", "--account", "tails", "--after", told[0]["id"], "--no-follow", "--json")
    assert told[1]["id"] in again
    assert await api.cli("tail", "--account", "tails", "--no-follow") == ""


@pytest.mark.slow  # a process of its own
async def test_the_command_waits_for_more(api: Api) -> None:
    acme = await api.customer("waits")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mailwright", "--config", str(api.config),
        "tail", "--account", "waits", "--json", "--since", "1 h", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={"PATH": "/usr/bin", "PYTHONPATH": "src", "PYTHONUNBUFFERED": "1", "HOME": str(api.folder)},
    )  # fmt: skip
    try:
        async with asyncio.timeout(30):
            first = await api.hand_in(acme, "bob@remote.example")
            assert process.stdout is not None
            assert json.loads(await process.stdout.readline())["data"]["email_id"] == first
            await process.stdout.readline()
            second = await api.hand_in(acme, "bob@remote.example")
            assert json.loads(await process.stdout.readline())["data"]["email_id"] == second
    finally:
        process.terminate()
        await process.communicate()


@pytest_asyncio.fixture(loop_scope="module")
async def storage() -> AsyncIterator[Storage]:
    opened = open_storage("sqlite://")
    await opened.start()
    yield opened
    await opened.close()


async def test_what_is_committed_late_is_told_although_its_id_is_smaller(storage: Storage) -> None:
    mails, now = Mails(), now_ms()
    tail = Tail(storage.events, lambda: now, logger("tail"))
    heard: list[int] = []

    async def listen() -> None:
        async for one in tail.follow(account=None, key=1, after=None):
            heard.extend([one.message] if one is not None else [])

    async def until(count: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(heard) < count:  # noqa: ASYNC110 - the reader looks in its own time
                await asyncio.sleep(0.01)

    listening = asyncio.create_task(listen())
    await asyncio.sleep(0)
    late = mails.message(now=now)
    event = mails.event(EventKind.ACCEPTED, late.id, at=now)
    now += 1000
    newer, _ = await mails.accept(storage, now=now)
    await until(1)
    await storage.store.accept(late, [b"x"], [mails.delivery(late)], [event])
    await until(2)
    assert heard == [newer.id, late.id]
    await tail.close()
    await asyncio.wait_for(listening, PATIENCE)
    assert not tail.room(1), "nobody comes any more"


async def test_a_listener_that_is_too_slow_is_sent_away(storage: Storage) -> None:
    mails, now = Mails(), now_ms()
    tail, following = Tail(storage.events, lambda: now, logger("tail")), Following(least_id(now) - 1)
    events = tail.follow(account=None, key=1, after=None)
    first = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    assert tail._reader is not None
    tail._reader.cancel()  # the case looks in its place
    for _ in range(MOST_WAITING + 2):
        await mails.accept(storage, now=now + 1)
        await tail._look(following)
    told = [await first, *[one async for one in events]]
    assert MOST_WAITING <= len(told) <= MOST_WAITING + 1
    assert tail.listening == 0
    await tail.close()
