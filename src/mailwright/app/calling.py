"""Calls webhooks: what is due is claimed, sent and settled, receiver by receiver, so that a slow one holds up nobody else.

A lane serves one webhook with a few calls at once. Healthy and failing webhooks have lanes of their own number, and a failing one
gets a single call at a time: so receivers that hang wait for each other, and not others for them.
"""

import asyncio
from dataclasses import dataclass, field
from functools import partial

from mailwright.app.hook_lane import HookLane, Means
from mailwright.queue.retry import DAY
from mailwright.values import Unavailable
from mailwright.values.ids import id_text

TICK = 0.5  # seconds between two looks for what is due
AT_ONCE = 8  # calls of one webhook
LANES, FAILING_LANES = 32, 16  # webhooks that are called at once
FREE_EVERY, FORGET_EVERY = 20, 7200  # ticks
KEPT = 30 * DAY  # how long ended calls are shown
LAST_CALLS = 3.0  # seconds that calls under way have at the end; what is cut off is sent again after the next start


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
                await HookLane(self.means, number, 1 if failing else AT_ONCE, lambda: self._stopping).run()
            except Unavailable:
                pass  # the store itself says so in the log
            except Exception as fault:  # noqa: BLE001 whatever it is: the webhook's calls stay, and are tried again
                self.means.log.error("webhook", cause=fault, webhook=id_text(number))
