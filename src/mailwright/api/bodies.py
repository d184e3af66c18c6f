"""The body of a request, whole: within a limit, within a time, and few large ones in memory at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request

from mailwright.api.errors import ApiError
from mailwright.values import Finding
from mailwright.values.finding import error

LARGE = 1024 * 1024  # octets from which on a body waits for its turn
LARGE_AT_ONCE = 4  # each is held up to five times over: body, text, file, mail, rows
SECONDS = 120  # for a body to come in: 25 MiB over 2 Mbit/s
CUT_SHORT = error("body-cut-short", "The request ended in the middle of its body.", do="Send it again.")
TOO_SLOW = error("body-too-slow", f"The body of the request did not come in within {SECONDS} seconds.", do="Send it again.")


class Bodies:
    """Lives in one event loop."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)

    @asynccontextmanager
    async def whole(self, request: Request) -> AsyncIterator[bytes]:
        """The body, for as long as it is worked on. Raises ApiError."""
        first = await request.receive()
        body, more = first.get("body", b""), first.get("more_body", False)
        if not more:
            self._fitting(len(body))
            yield body
            return
        self._fitting(stated := int(request.headers.get("content-length") or 0))
        if 0 < stated <= LARGE:
            yield await self._rest(request, body)
            return
        async with self._large:
            yield await self._rest(request, body)

    async def _rest(self, request: Request, body: bytes) -> bytes:
        try:
            async with asyncio.timeout(SECONDS):
                return await self._gathered(request, body)
        except TimeoutError as late:
            raise ApiError(408, "validation_error", TOO_SLOW) from late

    async def _gathered(self, request: Request, body: bytes) -> bytes:
        parts, size, more = [body], len(body), True
        while more:
            message = await request.receive()
            if message["type"] == "http.disconnect":
                raise ApiError(400, "validation_error", CUT_SHORT)
            parts.append(message.get("body", b""))
            size, more = size + len(parts[-1]), message.get("more_body", False)
            self._fitting(size)
        return b"".join(parts)

    def _fitting(self, size: int) -> None:
        if size > self._most:
            raise ApiError(413, "validation_error", _too_large(self._most))


def _too_large(most: int) -> Finding:
    return error(
        "body-too-large",
        f"The body of the request has more than {most / 2**20:g} MiB.",
        do="Send less at once: a link in place of a file, or fewer mails in a batch.",
    )
