"""How a connection asks the door: an answer that is there at once costs no task, a late one comes by callback."""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import cast

from mailwright.net.smtp_in_service import NO_ROOM, UNAVAILABLE, UNEXPECTED
from mailwright.values import NoRoom, Reply, Unavailable

log = logging.getLogger("mailwright.smtp_in")


class Asking:
    """One question at a time; `go_on` is called after each answer that came late."""

    __slots__ = ("_future", "_go_on", "_then")

    def __init__(self, go_on: Callable[[], None]) -> None:
        self._go_on = go_on
        self._future: asyncio.Future[object] | None = None
        self._then: Callable[[object], None]

    @property
    def waiting(self) -> bool:
        """Whether an answer is still to come."""
        return self._future is not None

    def ask(self, question: Callable[[], object], then: Callable[[object], None]) -> None:
        """Put a question; `then` hears the answer, or the exception that was raised instead."""
        try:
            answer = question()
        except Exception as fault:  # noqa: BLE001 - `excuse` logs it
            then(fault)
            return
        if isinstance(answer, Reply) or not inspect.isawaitable(answer):
            then(answer)
            return
        self._then = then
        self._future = asyncio.ensure_future(cast(Awaitable[object], answer))
        self._future.add_done_callback(self._answered)

    def _answered(self, future: asyncio.Future[object]) -> None:
        then, self._future = self._then, None
        fault = asyncio.CancelledError() if future.cancelled() else future.exception()
        then(future.result() if fault is None else fault)
        self._go_on()


def excuse(fault: object, otherwise: Reply = UNAVAILABLE) -> Reply:
    """What a client hears of an exception: never its text, which goes to the log."""
    if isinstance(fault, Unavailable):
        full = isinstance(fault, NoRoom)
        log.warning("%s: %s", "no room for mail" if full else "the store does not answer", fault, extra={"remedy": fault.remedy})
        return NO_ROOM if full and otherwise is UNAVAILABLE else otherwise
    log.error("the door failed: %r", fault, exc_info=fault if isinstance(fault, BaseException) else None)
    return UNEXPECTED if otherwise is UNAVAILABLE else otherwise
