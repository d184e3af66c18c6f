"""The signer threads: work goes out by a queue, and one wake-up of the event loop brings back all that is ready.

An RSA signature is 300 us in OpenSSL without the GIL, so threads sign side by side. A call costs about 3 us over the work
itself, where `loop.run_in_executor` costs 15 to 20: it makes two futures and wakes the loop once for each.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


class Signers:
    """N threads for the loop in which it is made. Call it with work; `close` it when nobody calls it any more."""

    def __init__(self, threads: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: SimpleQueue[tuple[asyncio.Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._done: deque[tuple[asyncio.Future[Any], Any, BaseException | None]] = deque()
        self._loop_told = False
        self._threads = [Thread(target=self._work, name=f"signer-{n}", daemon=True) for n in range(threads)]
        for thread in self._threads:
            thread.start()

    def __call__(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Do `work` in a thread; the future has its result or its exception. Work that was cancelled in time is not begun."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._waiting.put((future, work))
        return future

    async def close(self) -> None:
        """End the threads once all that was asked for is done."""
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            await asyncio.to_thread(thread.join)

    def _work(self) -> None:
        while (asked := self._waiting.get()) is not None:
            future, work = asked
            if future.cancelled():
                continue
            try:
                self._hand_back(future, work(), None)
            except BaseException as fault:  # noqa: BLE001 whatever it is, it belongs to who asked
                self._hand_back(future, None, fault)

    def _hand_back(self, future: asyncio.Future[Any], result: Any, fault: BaseException | None) -> None:
        """Append first, then look whether the loop was told: `_settle` looks the other way round, so nothing is left lying."""
        self._done.append((future, result, fault))
        if not self._loop_told:
            self._loop_told = True
            self._loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        self._loop_told = False
        while self._done:
            future, result, fault = self._done.popleft()
            if future.done():
                continue
            if fault is None:
                future.set_result(result)
            else:
                future.set_exception(fault)
