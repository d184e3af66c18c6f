"""Webhooks are called: over a real store, to real receivers that fail, hang, redirect, flood, and come back."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
import standardwebhooks
import svix.webhooks

from mailwright.app.calling import AT_ONCE, Calling
from mailwright.app.hook_lane import Means
from mailwright.app.knowledge import replies
from mailwright.app.logs import logger
from mailwright.app.vault import webhook_place
from mailwright.app.wiring import now_ms
from mailwright.net.http_out import HttpPoster
from mailwright.queue import State
from mailwright.storage import Storage, open_storage
from mailwright.storage.vault import FileVault, vault_at
from mailwright.values.ids import id_number, id_text
from mailwright.webhooks import CallState, HookState, Secret, Webhook
from tests.app.receivers import Heard, Receiver, hangs, hangs_up, says
from tests.storage.mails import HOUR, MINUTE, Mails, claim, worker

PATIENCE = 10.0  # seconds for something to happen
WITHIN = 0.3  # seconds that a receiver has


class Stage:
    """A store, a caller of webhooks, and a clock that goes on as the case wants."""

    def __init__(self, storage: Storage, vault: FileVault) -> None:
        self.storage, self.vault, self.mails = storage, vault, Mails()
        self.ahead, self.me = 0, 0
        self.inner: list[tuple[str, int]] = []
        self.within = WITHIN
        self.secret = Secret(bytes(range(32)))
        self.calling: Calling

    def now(self) -> int:
        return now_ms() + self.ahead

    async def open(self, *, capture: bool = False) -> None:
        self.me = self.me or await worker(self.storage)

        async def nowhere(host: str) -> Sequence[str]:
            return ("127.0.0.1",)

        poster = None if capture else HttpPoster(nowhere, inner=self.inner, within=self.within)
        self.calling = Calling(
            Means(
                self.storage.hooks,
                poster,
                self.vault,
                replies(),
                lambda: self.me,
                self.now,
                lambda: 0.0,
                logger("webhooks"),
                "test",
            )
        )

    async def hook(self, receiver: Receiver, *events: str, account: int = 7, url: str = "") -> int:
        number = self.mails.ids.next(now_ms())
        sealed = self.vault.seal(self.secret.octets, bound_to=webhook_place(account, number))
        hook = Webhook(number, account, url or receiver.url, events or ("*",), created_at=self.now())
        await self.storage.hooks.add(hook, sealed)
        self.inner.append(("127.0.0.1", receiver.port))
        await self.open()
        return number

    async def mail(self, *, deliver: bool = False) -> int:
        """One mail; its accepted event, and where asked for its delivered one, are to be told."""
        message, _ = await self.mails.accept(self.storage, now=self.now(), site="s")
        if deliver:
            (job,) = await claim(self.storage, self.me, site="s")
            await self.storage.queue.settle([self.mails.outcome(job, State.DELIVERED, now=self.now())], worker=self.me)
        return message.id

    async def later(self, milliseconds: int = 0) -> None:
        self.ahead += milliseconds
        await self.calling.once()

    async def until(self, what: Callable[[], Awaitable[bool]], *, each: int = 0) -> None:
        """Make rounds until something is so."""
        async with asyncio.timeout(PATIENCE):
            while not await what():
                await self.later(each)
                await asyncio.sleep(0.005)

    async def states(self, number: int) -> list[CallState]:
        """Of the calls, oldest first."""
        return [view.state for view in reversed(await self.storage.hooks.calls(number, account=None, limit=1000))]

    async def all_are(self, number: int, *states: CallState, each: int = 0) -> None:
        async def they_are() -> bool:
            return set(await self.states(number)) <= set(states)

        await self.until(they_are, each=each)


@pytest_asyncio.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    storage = open_storage("sqlite://")
    await storage.start()
    opened = Stage(storage, vault_at(tmp_path / "keyring", sealed=0))
    await opened.open()
    yield opened
    await opened.calling.close()
    await storage.close()


async def test_what_happens_is_told_signed_and_in_order(stage: Stage) -> None:
    async with Receiver() as receiver:
        number = await stage.hook(receiver)
        message = await stage.mail(deliver=True)
        await stage.all_are(number, CallState.DONE)
        first, second = receiver.heard
        assert [one.json["type"] for one in receiver.heard] == ["email.accepted", "email.delivered"]
        assert first.json["data"]["email_id"] == id_text(message)
        assert (first.headers["content-type"], first.headers["user-agent"]) == ("application/json", "test")
        for one in (first, second):
            standardwebhooks.Webhook(stage.secret.text).verify(one.body, dict(one.headers))
            svix.webhooks.Webhook(stage.secret.text).verify(one.body, dict(one.headers))
            assert one.headers["webhook-id"] == one.headers["svix-id"] == one.json["data"]["event_id"]
        assert receiver.connections == 1


async def test_while_a_secret_is_changed_both_are_good(stage: Stage) -> None:
    async with Receiver() as receiver:
        number, fresh = await stage.hook(receiver, "email.sent"), Secret(bytes(32))
        sealed = stage.vault.seal(fresh.octets, bound_to=webhook_place(7, number))
        await stage.storage.hooks.rotate(number, sealed, account=7, until=stage.now() + HOUR)
        await stage.mail()
        await stage.all_are(number, CallState.DONE)
        for secret in (stage.secret, fresh):
            standardwebhooks.Webhook(secret.text).verify(receiver.heard[0].body, dict(receiver.heard[0].headers))
        stage.ahead += HOUR
        await stage.mail()
        await stage.all_are(number, CallState.DONE)
        assert " " not in receiver.heard[1].headers["webhook-signature"]


async def test_a_receiver_that_comes_back_after_an_hour_is_told_everything_in_order(stage: Stage) -> None:
    async with Receiver(says(503)) as receiver:
        number = await stage.hook(receiver)
        sent = [await stage.mail(deliver=True) for _ in range(5)]

        async def an_hour_is_over() -> bool:
            return stage.ahead >= HOUR

        await stage.until(an_hour_is_over, each=2 * MINUTE)
        hook = await stage.storage.hooks.webhook(number, account=7)
        assert hook.failing_since is not None
        tried = len(receiver.heard)
        assert tried >= 5
        receiver.answer = says(200)
        await stage.all_are(number, CallState.DONE, each=5 * MINUTE)
        told: defaultdict[int, list[str]] = defaultdict(list)
        for heard in receiver.heard[tried:]:
            told[id_number(heard.json["data"]["email_id"])].append(heard.json["type"])
        assert dict(told) == {message: ["email.accepted", "email.delivered"] for message in sent}
        assert (await stage.storage.hooks.webhook(number, account=7)).failing_since is None


async def test_who_hangs_holds_up_nobody_else(stage: Stage) -> None:
    stage.within = 60.0
    async with Receiver(hangs) as hanging, Receiver() as quick:
        stuck, well = await stage.hook(hanging), await stage.hook(quick)
        for _ in range(20):
            await stage.mail()
        await stage.all_are(well, CallState.DONE)
        assert len(quick.heard) == 20
        assert hanging.connections <= AT_ONCE
        assert all(view.attempts == 0 for view in await stage.storage.hooks.calls(stuck, account=7)), "they hang still"


async def test_who_hangs_is_left_alone_and_told_all_when_it_is_back(stage: Stage) -> None:
    async with Receiver(hangs) as hanging:
        stuck = await stage.hook(hanging)
        for _ in range(20):
            await stage.mail()
        await stage.until(lambda: _failing(stage, stuck))
        await asyncio.sleep(WITHIN)
        before = hanging.connections
        for _ in range(10):
            await stage.later()
        assert hanging.connections == before, "it rests"
        await stage.later(10 * MINUTE)
        await asyncio.sleep(WITHIN / 3)
        assert hanging.connections <= before + 1, "one call at a time looks whether it is back"
        hanging.answer = says(200)
        await stage.all_are(stuck, CallState.DONE, each=5 * MINUTE)


async def _failing(stage: Stage, number: int) -> bool:
    return (await stage.storage.hooks.webhook(number, account=7)).failing_since is not None


async def test_one_call_that_fails_holds_up_its_own_mail_alone(stage: Stage) -> None:
    poisoned = ""

    async def but_one(heard: Heard, writer: asyncio.StreamWriter) -> None:
        await says(500 if heard.json["data"]["email_id"] == poisoned else 200)(heard, writer)

    async with Receiver(but_one) as receiver:
        number = await stage.hook(receiver)
        first = await stage.mail(deliver=True)
        poisoned = id_text(first)
        for _ in range(3):
            await stage.mail(deliver=True)

        async def others_are_told() -> bool:
            return (await stage.states(number)).count(CallState.DONE) == 6

        await stage.until(others_are_told)
        tries = [heard.json for heard in receiver.heard if heard.json["data"]["email_id"] == poisoned]
        assert {one["type"] for one in tries} == {"email.accepted"}
        identities = {heard.headers["webhook-id"] for heard in receiver.heard if heard.json["data"]["email_id"] == poisoned}
        poisoned = ""
        await stage.all_are(number, CallState.DONE, each=MINUTE)
        again = [heard.headers["webhook-id"] for heard in receiver.heard if heard.json["data"]["email_id"] == id_text(first)]
        assert identities == {again[0]}
        assert receiver.heard[-1].json["type"] == "email.delivered"


@pytest.mark.parametrize(
    "location", ["http://127.0.0.1:{port}/", "http://169.254.169.254/latest/meta-data/", "http://localhost:{port}/"]
)
async def test_redirects_lead_nowhere(stage: Stage, location: str) -> None:
    async with Receiver() as inside, Receiver(says(307, Location=location.format(port=0))) as receiver:
        receiver.answer = says(307, Location=location.format(port=inside.port))
        number = await stage.hook(receiver)
        await stage.mail()
        await stage.until(lambda: _tried(stage, number))
        (view,) = await stage.storage.hooks.calls(number, account=7)
        assert view.state is CallState.WAITING
        assert (view.tries[0].status, "not followed" in view.tries[0].answer) == (307, True)
        assert inside.connections == 0


async def _tried(stage: Stage, number: int) -> bool:
    return all(view.attempts for view in await stage.storage.hooks.calls(number, account=7))


async def test_a_name_that_leads_inside_is_not_called(stage: Stage) -> None:
    """The stage's resolver answers 127.0.0.1 for every name."""
    async with Receiver() as inside:
        number = await stage.hook(inside, url=f"http://rebinds.example:{inside.port}/")
        await stage.mail()
        await stage.until(lambda: _tried(stage, number))
        assert inside.connections == 0


async def test_of_a_long_answer_the_beginning_is_kept(stage: Stage) -> None:
    async with Receiver(says(500, b"<html>" + b"x" * 10_000_000)) as receiver:
        number = await stage.hook(receiver)
        await stage.mail()
        await stage.until(lambda: _tried(stage, number))
        (view,) = await stage.storage.hooks.calls(number, account=7)
        assert (view.tries[0].status, len(view.tries[0].answer)) == (500, 1024)


async def test_three_days_without_an_answer_disable_a_webhook_and_replay_brings_all_back(stage: Stage) -> None:
    async with Receiver(hangs_up) as receiver:
        number = await stage.hook(receiver, "email.sent")
        begun = stage.now()
        sent = [await stage.mail()]

        async def is_disabled() -> bool:
            return (await stage.storage.hooks.webhook(number, account=7)).state is HookState.FAILED

        await stage.until(is_disabled, each=2 * HOUR)
        hook = await stage.storage.hooks.webhook(number, account=7)
        assert "three days" in hook.notice
        assert "replay" in hook.notice
        assert await stage.states(number) == [CallState.GIVEN_UP]
        sent.append(await stage.mail())
        tried, receiver.answer = len(receiver.heard), says(200)
        await stage.storage.hooks.change(number, account=7, state=HookState.ENABLED)
        sent.append(await stage.mail())
        assert await stage.storage.hooks.replay_since(number, account=7, since=begun - 1000, now=stage.now()) == 2
        await stage.all_are(number, CallState.DONE)
        assert sorted(id_number(one.json["data"]["email_id"]) for one in receiver.heard[tried:]) == sorted(sent)


async def test_410_ends_a_webhook_at_once(stage: Stage) -> None:
    async with Receiver(says(410)) as receiver:
        number = await stage.hook(receiver)
        await stage.mail()
        await stage.all_are(number, CallState.GIVEN_UP)
        hook = await stage.storage.hooks.webhook(number, account=7)
        assert (hook.state, "410" in hook.notice) == (HookState.FAILED, True)


async def test_a_crash_between_sending_and_storing_sends_the_same_call_again(stage: Stage) -> None:
    async with Receiver(hangs) as receiver:
        number = await stage.hook(receiver, "email.sent")
        await stage.mail()
        await stage.later()

        async def heard() -> bool:
            return bool(receiver.heard)

        await stage.until(heard)
        await stage.storage.queue.resign(stage.me)  # as a process that is gone
        for lane in stage.calling._lanes.values():
            lane.cancel()
        receiver.answer, stage.me = says(200), 0
        await stage.open()
        await stage.all_are(number, CallState.DONE)
        first, second = receiver.heard
        assert first.headers["webhook-id"] == second.headers["webhook-id"]


async def test_capture_mode_sends_nothing(stage: Stage) -> None:
    async with Receiver() as receiver:
        number = await stage.hook(receiver)
        await stage.open(capture=True)
        await stage.mail(deliver=True)
        await stage.all_are(number, CallState.CAPTURED)
        assert receiver.connections == 0
        assert (await stage.storage.hooks.webhook(number, account=7)).failing_since is None


async def test_what_is_not_wanted_any_more_is_skipped(stage: Stage) -> None:
    async with Receiver() as receiver:
        number = await stage.hook(receiver, "email.sent")
        await stage.mail()
        await stage.storage.hooks.change(number, account=7, events=("email.bounced",))
        await stage.all_are(number, CallState.SKIPPED)
        assert receiver.heard == []


async def test_many_calls_go_out_once_each_over_few_connections(stage: Stage) -> None:
    async with Receiver() as receiver:
        number = await stage.hook(receiver)
        for _ in range(100):
            await stage.mails.accept(stage.storage, now=stage.now())
        await stage.all_are(number, CallState.DONE)
        assert receiver.connections <= AT_ONCE
        assert len({heard.headers["webhook-id"] for heard in receiver.heard}) == len(receiver.heard) == 100
