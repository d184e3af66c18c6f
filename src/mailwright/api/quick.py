"""Routes without FastAPI's reading of bodies and solving of dependencies: for where mail comes in, a thousand times a second."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, cast

from fastapi.routing import APIRoute, APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mailwright.api.caller import Caller, Needs, caller_of
from mailwright.api.errors import ApiError, ours, refusal
from mailwright.values import MailwrightError

Answering = Callable[[Request, Caller], Awaitable[Response]]


class Quick(APIRoute):
    """A route whose function takes `request: Request` and `caller: Sending` (or another scope) and answers with a Response.

    The OpenAPI and the tests see the scope where they see it in every route; it is asked here, before the function is called.
    """

    def _answering(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request."""
        (need,) = [one.call for one in self.dependant.dependencies if isinstance(one.call, Needs)]
        answer: Answering = self.endpoint

        async def handle(request: Request) -> Response:
            return await answer(request, await caller_of(request, need.scope))

        return handle

    get_route_handler = _answering  # the name that FastAPI calls


class Express:
    """ASGI middleware: hands requests to their quick routes without the router and what FastAPI wraps around each route, which
    cost a quarter of the time of a hand-in. The answers are the same: tests ask these routes both ways."""

    def __init__(self, app: ASGIApp, router: APIRouter) -> None:
        self._app = app
        routes = [route for route in router.routes if isinstance(route, Quick)]
        self._quick = {(method, route.path): route.get_route_handler() for route in routes for method in route.methods or ()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        answering = self._quick.get((scope["method"], scope["path"]))
        if answering is None:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive, send)
        try:
            answer = await answering(request)
        except ApiError as fault:
            answer = refusal(fault.status_code, fault.name, fault.findings, fault.headers)
        except MailwrightError as fault:
            answer = ours(request, fault)
        await answer(scope, receive, send)


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """What the OpenAPI says of a body that such a route reads: the model with all that it uses, in one place."""
    whole = model.model_json_schema()
    parts = whole.pop("$defs", {})

    def inlined(one: Any) -> Any:
        if isinstance(one, list):
            return [inlined(each) for each in one]
        if not isinstance(one, dict):
            return one
        if "$ref" in one:
            return inlined(parts[one["$ref"].rpartition("/")[2]])
        return {name: inlined(value) for name, value in one.items()}

    return cast("dict[str, Any]", inlined(whole))
