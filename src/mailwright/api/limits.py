"""What a key and a request may ask of us: so many requests a second, and a body of a size that a mail can have."""

import asyncio
from collections.abc import Callable

from starlette.types import Message, Receive

from mailwright.api.errors import ApiError
from mailwright.values import Finding
from mailwright.values.finding import error

MIB = 2**20
BESIDE = 2 * MIB  # octets of a body beside one mail of the largest size; base64 takes as much room in JSON as in a mail
LARGE = MIB  # octets: smaller bodies take no turn, and one of them that never comes keeps nobody waiting
LARGE_AT_ONCE = 4  # large bodies under way: each is held whole in memory, more than once
BODY_SECONDS = 120.0  # for a large body to arrive, and for its turn before
Headers = list[tuple[bytes, bytes]]


class Rates:
    """Counts the requests of each key in the seconds of a steady clock; forgets all of them when a second is over."""

    def __init__(self, limit: int, steady: Callable[[], float]) -> None:
        self._limit, self._steady = limit, steady
        self._second, self._counts = 0, dict[int, int]()

    def take(self, key: int) -> Headers:
        """One request more; the headers that tell what is left. Raises ApiError where there is nothing left."""
        second = int(self._steady())
        if second != self._second:
            self._second = second
            self._counts.clear()
        used = self._counts[key] = self._counts.get(key, 0) + 1
        if used > self._limit:
            raise ApiError(429, "rate_limit_exceeded", self._too_many(), headers=self._refused())
        return [
            (b"ratelimit-limit", b"%d" % self._limit),
            (b"ratelimit-remaining", b"%d" % (self._limit - used)),
            (b"ratelimit-reset", b"1"),
        ]

    def _too_many(self) -> Finding:
        return error(
            "requests-too-many",
            f"This API key sent more than {self._limit} requests in one second.",
            do="Wait a second and go on more slowly: POST /emails/batch takes many mails in one request. "
            "The operator can raise http.requests in the settings.",
        )

    def _refused(self) -> dict[str, str]:
        return {"ratelimit-limit": str(self._limit), "ratelimit-remaining": "0", "ratelimit-reset": "1", "retry-after": "1"}


class Bodies:
    """How large a body may be, and how many large ones are under way at once."""

    def __init__(self, mail_size: int) -> None:
        """`mail_size` is the largest mail in octets."""
        self.most = mail_size + BESIDE
        self.turns = asyncio.Semaphore(LARGE_AT_ONCE)

    def is_large(self, announced: int | None) -> bool:
        """Whether a body has to wait for its turn; one of unknown length may be large."""
        return announced is None or announced > LARGE

    def refuse(self, announced: int | None) -> None:
        """Raises ApiError where a body is too large by what its header says: not an octet of it is read."""
        if announced is not None and announced > self.most:
            raise self.too_large()

    def too_large(self) -> ApiError:
        """The words for it."""
        finding = error(
            "body-too-large",
            f"The body of the request is larger than {self.most // MIB} MiB.",
            do="Send several requests, or smaller attachments: a link to a large file arrives more surely than the file.",
        )
        return ApiError(413, "validation_error", finding)

    def counted(self, receive: Receive) -> Receive:
        """The same body, cut off with an ApiError where it grows too large or does not arrive."""
        loop = asyncio.get_running_loop()
        left, ends, whole = self.most, loop.time() + BODY_SECONDS, False

        async def receiving() -> Message:
            nonlocal left, whole
            if whole:  # from here on it is asked whether the client is still there
                return await receive()
            try:
                async with asyncio.timeout_at(ends):
                    message = await receive()
            except TimeoutError as gone:
                raise too_slow() from gone
            left -= len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if left < 0:
                raise self.too_large()
            return message

        return receiving


def too_slow() -> ApiError:
    """The body did not arrive."""
    finding = error(
        "body-too-slow",
        f"The body of the request did not arrive within {BODY_SECONDS:g} seconds.",
        do="Send it again; if it comes back, look at the network, or send large mails one after the other.",
    )
    return ApiError(408, "validation_error", finding)
