"""The doors to webhooks with their calls, and to events as they come."""

from collections.abc import Collection, Sequence
from typing import Protocol

from mailwright.webhooks import Call, CallState, CallView, Ended, Happened, HookState, Webhook


class Hooks(Protocol):
    """Webhooks, and the calls that the store writes in the transaction of each event. All raise Unavailable.

    `account` None is the operator, who sees every webhook; a webhook of another account is NotFound.
    """

    async def add(self, webhook: Webhook, sealed: bytes) -> None:
        """Keep it: it hears of everything that is handed in after this returns."""
        ...

    async def webhooks(self, *, account: int | None) -> Sequence[Webhook]:
        """Those of an account, or all; newest first."""
        ...

    async def webhook(self, number: int, *, account: int | None) -> Webhook:
        """Raises NotFound."""
        ...

    async def change(
        self, number: int, *, account: int | None, url: str | None = None, events: Sequence[str] | None = None,
        state: HookState | None = None,
    ) -> None:  # fmt: skip
        """Change what is given. ENABLED forgets past failures: what waits is tried at once. Raises NotFound."""
        ...

    async def rotate(self, number: int, sealed: bytes, *, account: int | None, until: int) -> None:
        """A new secret; the one before signs beside it `until` a time (ms). Raises NotFound."""
        ...

    async def remove(self, number: int, *, account: int | None) -> None:
        """With its calls, in small steps: where it breaks off, it is disabled, and may be removed again. Raises NotFound."""
        ...

    async def due(self, *, now: int) -> Sequence[tuple[int, bool]]:
        """The webhooks with a call to make now, and whether each is failing."""
        ...

    async def claim(self, number: int, *, worker: int, now: int, limit: int) -> list[Call]:
        """Take calls of a webhook for this worker: of each message only the oldest one that is not ended."""
        ...

    async def end(self, ended: Sequence[Ended], *, worker: int) -> Sequence[int]:
        """Write outcomes; those that this worker does not have any more are left. Returns webhooks that were disabled by it."""
        ...

    async def free(self, *, now: int, idle: int | None = None) -> int:
        """Calls of workers that are no more are due again, and those of the worker `idle`, which makes none; how many."""
        ...

    async def calls(
        self, number: int, *, account: int | None, states: Collection[CallState] = (), before: int | None = None, limit: int = 50
    ) -> Sequence[CallView]:
        """Newest first; `before` is the event id to go on from. Raises NotFound."""
        ...

    async def call(self, number: int, event: int, *, account: int | None) -> CallView:
        """Raises NotFound."""
        ...

    async def replay(self, number: int, event: int, *, account: int | None, now: int) -> None:
        """Make one call once more, whatever became of it. Raises NotFound."""
        ...

    async def replay_since(self, number: int, *, account: int | None, since: int, now: int) -> int:
        """Make once more all calls for events since a time that were given up, and make those that were never made, as while
        it was disabled; how many. Raises NotFound."""
        ...

    async def forget(self, *, before: int) -> int:
        """Delete ended calls of events before a time, in small steps; how many."""
        ...


class Events(Protocol):
    """Events in the order of their ids: nearly that of their time. One that is committed late has a smaller id than some that
    were read before, so whoever follows looks back a little. All raise Unavailable."""

    async def after(self, number: int, *, account: int | None = None) -> tuple[Sequence[Happened], int | None]:
        """Of the next ones behind an id those of an account (None: all), and the id to go on from; None at the end."""
        ...

    async def ids_after(self, number: int, *, limit: int) -> Sequence[int]:
        """Their ids alone."""
        ...

    async def these(self, numbers: Sequence[int]) -> Sequence[Happened]:
        """Some by their ids, in order."""
        ...
