"""A house with its web port in a thread, for tests that are not coroutines themselves: hypothesis, and clients that block."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tests.api.asking import Api

T = TypeVar("T")


class Background:
    """The house and the loop in which it lives; `run` does something there and waits."""

    def __init__(self, folder: Path, settings: str) -> None:
        self.api = Api(folder, settings)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        self._thread.start()
        self.run(self.api.start())

    def stop(self) -> None:
        self.run(self.api.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)


@contextmanager
def background(folder: Path, settings: str = "") -> Iterator[Background]:
    house = Background(folder, settings)
    house.start()
    try:
        yield house
    finally:
        house.stop()
