"""Around every request: an id, limits of its body, a line in the log, and an answer also where the code is broken."""

import asyncio
from dataclasses import dataclass, field
from typing import cast

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mailwright.accounts import OPERATOR, ApiKey
from mailwright.api.errors import BROKEN, ApiError, refusal
from mailwright.api.limits import BODY_SECONDS, Bodies, Headers, too_slow
from mailwright.api.services import Services
from mailwright.ports.requests import Request
from mailwright.values.ids import id_text

LONGEST = 200  # characters of a path or a client's name that are kept


@dataclass(slots=True)
class Asking:
    """What is known of a request under way; `key` and `headers` come when its key was let in."""

    number: int
    begun: float
    key: ApiKey | None = None
    account: int = OPERATOR
    headers: Headers = field(default_factory=list)
    status: int = 0


def asking_of(request: HTTPConnection) -> Asking:
    """What the frame keeps of a request."""
    return cast("Asking", request.scope["asking"])


class Frame:
    """ASGI middleware; the answer carries the request's id as x-request-id, and the log names it."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app, self._services = app, services
        self._bodies = Bodies(services.settings.limits.size)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        services = self._services
        asking = scope["asking"] = Asking(services.ids.next(services.now()), services.steady())
        mark = (b"x-request-id", id_text(asking.number).encode())

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                asking.status = message["status"]
                message["headers"] = [*message.get("headers", ()), mark, *asking.headers]
            await send(message)

        try:
            await self._answer(scope, receive, sending)
        except ApiError as early:
            await refusal(early.status_code, early.name, early.findings, early.headers)(scope, receive, sending)
        except Exception as fault:
            services.log.error("fault", cause=fault, request=id_text(asking.number), method=scope["method"], path=scope["path"])
            if asking.status:  # half an answer is out: only cutting it short says that it is not whole
                raise
            await refusal(500, "application_error", [BROKEN])(scope, receive, sending)
        self._tell(asking, scope)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """By the application, if the body is not too large; a large one waits for its turn."""
        announced = _announced(scope)
        self._bodies.refuse(announced)
        if not self._bodies.is_large(announced):
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(BODY_SECONDS):
                await self._bodies.turns.acquire()
        except TimeoutError as busy:
            raise too_slow() from busy
        try:
            await self._app(scope, self._bodies.counted(receive), send)
        finally:
            self._bodies.turns.release()

    def _tell(self, asking: Asking, scope: Scope) -> None:
        """A line for what was refused, and a row of GET /logs: what went well may come a thousand times a second."""
        if asking.status >= 400:
            self._services.log.info(
                "request",
                request=id_text(asking.number),
                key=asking.key.prefix if asking.key is not None else "",
                method=scope["method"],
                path=scope["path"],
                status=asking.status,
                ms=round(1000 * (self._services.steady() - asking.begun), 1),
            )
        if asking.key is not None:  # who has no key leaves no row
            self._services.requests.put(_row(asking, asking.key.prefix, scope))


def _row(asking: Asking, key: str, scope: Scope) -> Request:
    agent = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"user-agent"), "")
    endpoint = _plain(scope["path"])
    return Request(asking.number, asking.account, key, scope["method"], endpoint, asking.status, _plain(agent))


def _plain(text: str) -> str:
    """What came from outside, as it may be kept and shown."""
    short = text[:LONGEST]
    return short if short.isprintable() else "".join(char for char in short if char.isprintable())


def _announced(scope: Scope) -> int | None:
    """The octets of the body by its headers; None where it comes in chunks of unknown number (RFC 9112 §6.3)."""
    length, chunked = 0, False
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            length = int(value[:18])
        elif name == b"transfer-encoding":
            chunked = True
    return None if chunked else length
