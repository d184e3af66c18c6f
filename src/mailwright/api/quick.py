"""Routes without FastAPI's reading of bodies and solving of dependencies: for where mail comes in, a thousand times a second."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, cast

from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from mailwright.api.caller import Caller, Needs, caller_of

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
