"""One webhook being called: some calls fly at once, what was answered is stored beside them, and more is claimed meanwhile."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mailwright.app.logs import Logger
from mailwright.app.vault import webhook_place
from mailwright.explain import Knowledge
from mailwright.ports import Hooks, Vault
from mailwright.ports.poster import Poster, Unanswered
from mailwright.values import MailwrightError, Unavailable
from mailwright.values.ids import id_text
from mailwright.webhooks import Call, CallState, Ended, Secret, Try, headers, payload, type_for
from mailwright.webhooks.again import answered, untried

CLAIMED = 64  # calls that a lane has in memory: enough to be answered while the store is asked for more
SLICE = 1_000  # calls that a lane makes before another webhook that waits has its turn
AGAIN = 1.0  # seconds until outcomes that the store did not take are handed to it once more
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
class HookLane:
    """Serves a webhook until there is nothing more to do, or it is to rest."""

    means: Means
    number: int
    at_once: int
    stopping: Callable[[], bool]
    _worker: int = field(init=False)
    _waiting: deque[Call] = field(default_factory=deque)
    _flying: set["asyncio.Task[Ended]"] = field(default_factory=set)
    _ended: list[Ended] = field(default_factory=list)
    _storing: "asyncio.Task[None] | None" = None
    _made: int = 0
    _more: bool = True  # there may be something to claim
    _resting: bool = False

    def __post_init__(self) -> None:
        self._worker = self.means.worker()  # under which all of its calls are claimed and ended

    async def run(self) -> None:
        """Until all is stored. Whatever goes wrong, calls that were claimed are ended, or freed by `Hooks.free`."""
        try:
            while True:
                await self._refill()
                while self._waiting and len(self._flying) < self.at_once:
                    self._flying.add(asyncio.create_task(self._call(self._waiting.popleft())))
                if self._ended and self._storing is None:
                    batch, self._ended = self._ended, []
                    self._storing = asyncio.create_task(self._store(batch))
                busy = {*self._flying, *([self._storing] if self._storing is not None else ())}
                if not busy:
                    return
                await asyncio.wait(busy, return_when=asyncio.FIRST_COMPLETED)
                self._take()
        finally:
            for task in (*self._flying, *([self._storing] if self._storing is not None else ())):
                task.cancel()

    async def _refill(self) -> None:
        """Claim more where there may be some."""
        most, at_once = (SLICE, CLAIMED) if self.at_once > 1 else (1, 1)  # one that fails is tried once, and then seen anew
        wanted = self._more and not self._resting and not self.stopping() and self._made < most
        if not wanted or len(self._waiting) > self.at_once // 2:
            return
        room = at_once - len(self._waiting)
        try:
            calls = await self.means.hooks.claim(self.number, worker=self._worker, now=self.means.now(), limit=room)
        except Unavailable:  # the store itself says so in the log; what is under way goes on
            self._resting = True
            return
        self._waiting += calls
        self._made += len(calls)
        self._more = len(calls) == room

    def _take(self) -> None:
        """What tasks have brought; a receiver that does not answer is left alone, and what it was to be told given back."""
        if self._storing is not None and self._storing.done():
            self._storing.result()
            self._storing, self._more = None, True  # what waited for an earlier call of its mail is due now
        landed = {task for task in self._flying if task.done()}
        self._flying -= landed
        for ended in [task.result() for task in landed]:
            self._ended.append(ended)
            self._resting = self._resting or ended.pause is not None or bool(ended.disable)
        if self._resting or self.stopping():
            now = self.means.now()
            self._ended += [untried(call, CallState.WAITING, now=now) for call in self._waiting]
            self._waiting.clear()

    async def _store(self, ended: Sequence[Ended]) -> None:
        """Store outcomes; they are handed in again until the store takes them, or nobody would make these calls any more."""
        disabled: Sequence[int] | None = None
        while disabled is None:
            try:
                disabled = await self.means.hooks.end(ended, worker=self._worker)
            except Unavailable:
                await asyncio.sleep(AGAIN)
        if disabled:
            notice, do = next(one.disable for one in ended if one.disable), f"mailwright webhook enable {id_text(self.number)}"
            self.means.log.warning("webhook disabled", webhook=id_text(self.number), what=notice, do=do)

    async def _call(self, call: Call) -> Ended:
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
            means.log.error("webhook", cause=fault, webhook=id_text(self.number))
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
