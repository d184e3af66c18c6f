"""Around every request: an id, a line in the log, and an answer also where the code is broken."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mailwright.api.errors import BROKEN, refusal
from mailwright.api.services import Services
from mailwright.values.ids import id_text

REQUEST_ID = b"x-request-id"


class Frame:
    """ASGI middleware. `scope["state"]["id"]` is the request's id, which the answer carries and the log names."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app, self._services = app, services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        services, begun = self._services, self._services.steady()
        number = id_text(services.ids.next(services.now()))
        scope.setdefault("state", {})["id"] = number
        mark, status = (REQUEST_ID, number.encode()), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), mark]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as fault:
            services.log.error("fault", cause=fault, request=number, method=scope["method"], path=scope["path"])
            if status:  # half an answer is out: only cutting it short says that it is not whole
                raise
            await refusal(500, "application_error", [BROKEN])(scope, receive, sending)
        tell = services.log.info if status >= 400 else services.log.debug
        tell(
            "request",
            request=number,
            method=scope["method"],
            path=scope["path"],
            status=status,
            ms=round(1000 * (services.steady() - begun), 1),
        )
