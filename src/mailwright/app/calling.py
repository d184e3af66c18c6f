"""Calls webhooks: what is due is claimed, sent and settled, receiver by receiver, so that a slow one holds up nobody else.

A lane serves one webhook with a few calls at once. Healthy and failing webhooks have lanes of their own number, and a failing one
gets a single call at a time: so receivers that hang wait for each other, and not others for them.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from mailwright.app.logs import Logger
from mailwright.app.vault import webhook_place
from mailwright.explain import Knowledge
from mailwright.ports import Hooks, Vault
from mailwright.ports.poster import Poster, Unanswered
from mailwright.queue.retry import DAY
from mailwright.values import MailwrightError, Unavailable
from mailwright.values.ids import id_text
from mailwright.webhooks import Call, CallState, Ended, Secret, Try, headers, payload, type_for
from mailwright.webhooks.again import answered, untried

TICK = 0.5  # seconds between two looks for what is due
AT_ONCE = 8  # calls of one webhook
LANES, FAILING_LANES = 32, 16  # webhooks that are called at once
SLICE = 400  # calls that a lane makes before another webhook that waits has its turn
FREE_EVERY, FORGET_EVERY = 20, 7200  # ticks
KEPT = 30 * DAY  # how long ended calls are shown
AGAIN = 1.0  # seconds until outcomes that the store did not take are handed to it once more
LAST_CALLS = 3.0  # seconds that calls under way have at the end; what is cut off is sent again after the next start
TYPE = ("Content-Type", "application/json")


@dataclass(frozen=True, slots=True)
class Means:
    """What calling needs from outside. `poster` None is capture mode: nothing leaves."""

    hooks: Hooks
    poster: Poster | None
    vault: Vault
    knowledge: Knowledge
    worker: Callable[[], int]
    now: Callable[[], int]
    chance: Callable[[], float]
    log: Logger
    agent: str  # the User-Agent field


@dataclass(slots=True)
class Calling:
    """Lives in the event loop."""

    means: Means
    _lanes: dict[int, "asyncio.Task[None]"] = field(default_factory=dict)
    _healthy: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LANES))
    _failing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(FAILING_LANES))
    _tick: int = 0
    _stopping: bool = False

    @property
    def lanes(self) -> int:
        """How many webhooks are called now, or wait for their turn."""
        return len(self._lanes)

    async def run(self) -> None:
        """Until it is cancelled; a store that does not answer ends a round, not the task."""
        while True:
            try:
                await self.once()
            except Unavailable:
                pass  # the store itself says so in the log
            except Exception as fault:  # noqa: BLE001 a fault in one round must not end the next ones
                self.means.log.error("webhooks", cause=fault)
            await asyncio.sleep(TICK)

    async def once(self) -> None:
        """Begin what is due. Raises Unavailable."""
        hooks, now = self.means.hooks, self.means.now()
        if self._tick % FREE_EVERY == 0:
            await hooks.free(now=now, idle=None if self._lanes else self.means.worker())
        if self._tick % FORGET_EVERY == 0:
            await hooks.forget(before=now - KEPT)
        self._tick += 1
        for number, failing in await hooks.due(now=now):
            if number not in self._lanes and not self._stopping:
                lane = asyncio.create_task(self._lane(number, failing=failing), name=f"webhook-{number}")
                self._lanes[number] = lane
                lane.add_done_callback(partial(self._ended, number))

    async def close(self) -> None:
        """Begin nothing more, and let what is under way end, for a moment."""
        self._stopping = True
        lanes = list(self._lanes.values())
        if lanes:
            _, late = await asyncio.wait(lanes, timeout=LAST_CALLS)
            for lane in late:
                lane.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self.means.poster is not None:
            await self.means.poster.close()

    def _ended(self, number: int, _: "asyncio.Task[None]") -> None:
        del self._lanes[number]

    async def _lane(self, number: int, *, failing: bool) -> None:
        async with self._failing if failing else self._healthy:
            try:
                await self._serve(number, at_once=1 if failing else AT_ONCE)
            except Unavailable:
                pass  # the store itself says so in the log
            except Exception as fault:  # noqa: BLE001 whatever it is: the webhook's calls stay, and are tried again
                self.means.log.error("webhook", cause=fault, webhook=id_text(number))

    async def _serve(self, number: int, *, at_once: int) -> None:
        """Keep some calls flying until there is nothing more to claim."""
        worker, made, more = self.means.worker(), 0, True
        flying: set[asyncio.Task[Ended]] = set()
        try:
            while True:
                if more and not self._stopping and made < SLICE and len(flying) <= at_once // 2:
                    room = at_once - len(flying)
                    calls = await self.means.hooks.claim(number, worker=worker, now=self.means.now(), limit=room)
                    flying |= {asyncio.create_task(self._one(call)) for call in calls}
                    made += len(calls)
                if not flying:
                    return
                done, flying = await asyncio.wait(flying, return_when=asyncio.FIRST_COMPLETED)
                await self._settle([task.result() for task in done], worker)
        finally:
            for task in flying:
                task.cancel()

    async def _settle(self, ended: Sequence[Ended], worker: int) -> None:
        """Store outcomes; they are handed in again until the store takes them, or nobody would make these calls any more."""
        disabled: Sequence[int] | None = None
        while disabled is None:
            try:
                disabled = await self.means.hooks.end(ended, worker=worker)
            except Unavailable:
                await asyncio.sleep(AGAIN)
        for number in disabled:
            notice = next(one.disable for one in ended if one.webhook == number and one.disable)
            do = f"mailwright webhook enable {id_text(number)}"
            self.means.log.warning("webhook disabled", webhook=id_text(number), what=notice, do=do)

    async def _one(self, call: Call) -> Ended:
        """Make one call."""
        means, event = self.means, call.happened
        name = type_for(event.kind, event.data, call.webhook.events)
        if name is None:
            return untried(call, CallState.SKIPPED, now=means.now())
        if means.poster is None:
            return untried(call, CallState.CAPTURED, now=means.now())
        body = json.dumps(payload(event, name, means.knowledge), separators=(",", ":")).encode()
        at = means.now()
        try:
            signed = headers(id_text(event.id), at // 1000, body, self._secrets(call, at))
        except MailwrightError as fault:
            means.log.error("webhook", cause=fault, webhook=id_text(call.webhook.id))
            told = Try(at, 0, "Its secret cannot be read here: the operator's log tells more. Rotating it makes a new one.")
            return answered(call, told, chance=means.chance())
        found = await means.poster.post(call.webhook.url, [TYPE, ("User-Agent", means.agent), *signed], body)
        now = means.now()
        if isinstance(found, Unanswered):
            return answered(call, Try(now, 0, found.what), chance=means.chance())
        return answered(call, Try(now, found.status, found.text), chance=means.chance(), retry_after=found.retry_after)

    def _secrets(self, call: Call, now: int) -> list[Secret]:
        """The present one, and the one before while it still counts. Raises MailwrightError."""
        hook = call.webhook
        good = call.sealed if hook.old_until is not None and now < hook.old_until else call.sealed[:1]
        place = webhook_place(hook.account, hook.id)
        return [Secret(self.means.vault.open(sealed, bound_to=place)) for sealed in good]
