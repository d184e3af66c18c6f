"""What uvicorn leaves open: how large the head of a request may be, and how long a request may take to arrive."""

import asyncio
from collections.abc import Iterable

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD = 256 * 1024  # octets; what a program sends has a hundredth of it
HEAD_SECONDS = 30.0
WHOLE_SECONDS = 180.0  # head and body; limits.BODY_SECONDS answers before this ends it
LOOK_EVERY = 5.0  # seconds


class Bounded(HttpToolsProtocol):
    """One connection. A client that sends a head without end, or stops half-way, must not hold memory or a place for ever."""

    _begun: float | None = None  # when the request that is arriving began, by the loop's clock
    _octets = 0  # of its head so far
    _in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first request is awaited from here on."""
        super().connection_made(transport)
        self._begun = self.loop.time()

    def data_received(self, data: bytes) -> None:
        """As uvicorn does it, then look whether the head grows too large."""
        super().data_received(data)
        if self._in_head and self._begun is not None:
            self._octets += len(data)
            if self._octets > MOST_HEAD and not self.transport.is_closing():
                self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        """A request begins to arrive."""
        super().on_message_begin()
        self._begun, self._octets, self._in_head = self.loop.time(), 0, True

    def on_headers_complete(self) -> None:
        """Its body follows."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """It is there; what comes next is awaited by uvicorn's own time-out for unused connections."""
        self._begun = None
        super().on_message_complete()

    def is_late(self, now: float) -> bool:
        """Whether the request that is arriving should be here by now."""
        return self._begun is not None and now - self._begun > (HEAD_SECONDS if self._in_head else WHOLE_SECONDS)


def close_late(connections: Iterable[object], now: float) -> None:
    """Cut off the clients that stopped half-way; `now` by the loop's clock."""
    for one in tuple(connections):
        if isinstance(one, Bounded) and one.is_late(now):
            one.transport.abort()


async def watch(connections: Iterable[object]) -> None:
    """Look every few seconds, until it is cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(LOOK_EVERY)
        close_late(connections, loop.time())
