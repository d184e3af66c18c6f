"""Every refusal in one shape: Resend's name, message and statusCode, and beside them our code, what to do, and the findings."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from mailwright.api.health import shown
from mailwright.api.invalid import invalid
from mailwright.values import Conflict, Finding, MailwrightError, NotFound, Unavailable
from mailwright.values.finding import error

MOST_STEPS = 8  # of an unknown path that are looked at: no route has more than five
RETRY_SECONDS = 5  # after a 503: about what a restart of the database takes
UNKNOWN_ROUTE = error(
    "no-such-route",
    "There is no such address here.",
    do="Look at the path and its version in the documentation: /docs.",
)
WRONG_METHOD = error(
    "no-such-method",
    "This address does not know this method.",
    do="The header Allow names those that it knows; /docs shows what each does.",
)
UNREADABLE = error("body-unreadable", "The body of the request cannot be read.", do="Send one JSON object, encoded as UTF-8.")
BROKEN = error(
    "own-fault",
    "Something broke here that is a fault of this Mailwright and not of your request.",
    do="Try again; if it comes back, give the operator the x-request-id of this answer: the log has the cause under it.",
)


class ApiError(HTTPException):
    """A refusal. `name` is the kind, as Resend spells it; the first finding is the message, all of them go along.

    An HTTPException, because FastAPI lets no other pass while it reads a body.
    """

    def __init__(self, status: int, name: str, *findings: Finding, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, findings[0].what, headers)
        self.name, self.findings = name, findings


class Json(Response):
    """JSON in UTF-8; half a surrogate pair, which JSON can carry and UTF-8 cannot, goes back as it came, escaped."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The octets."""
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode("utf-8", "backslashreplace")


def refusal(status: int, name: str, findings: Sequence[Finding], headers: Mapping[str, str] | None = None) -> Json:
    """The answer that tells a refusal."""
    first = findings[0]
    content = {
        "statusCode": status,
        "name": name,
        "message": f"{first.what} {first.do}".strip(),
        "code": first.code,
        "do": first.do,
        "findings": [shown(finding) for finding in findings],
    }
    return Json(content, status, headers)


def unavailable(gone: Unavailable) -> ApiError:
    """The store is away: nothing was kept, and the same request can be sent again. The cause stays in the log."""
    del gone
    finding = error(
        "store-unavailable",
        "Nothing can be stored or read just now; nothing of this request was kept.",
        do=f"Send the same request again in {RETRY_SECONDS} seconds; /readyz tells the operator what is wrong.",
    )
    return ApiError(503, "service_unavailable", finding, headers={"retry-after": str(RETRY_SECONDS)})


def told(fault: MailwrightError) -> ApiError:
    """What one of our own errors is on the wire. Its words are for people of the operator: only those without secrets pass."""
    match fault:
        case Unavailable():
            return unavailable(fault)
        case NotFound():
            return ApiError(404, "not_found", error("not-found", str(fault), do="Look at the id; a list shows what there is."))
        case Conflict():
            return ApiError(409, "conflict", error("state-conflict", str(fault), do=fault.remedy))
        case _:
            return ApiError(422, "validation_error", error("value-malformed", str(fault), do=fault.remedy))


def ours(request: Request, fault: MailwrightError) -> Response:
    """The answer to one of our own errors; a store that is away is told in the log."""
    if isinstance(fault, Unavailable):
        request.app.state.services.log.warning("store", what=str(fault), remedy=fault.remedy)
    said = told(fault)
    return refusal(said.status_code, said.name, said.findings, said.headers)


def tell_errors(app: FastAPI) -> None:
    """Let every refusal of an application have this shape."""

    async def refused(_: Request, fault: ApiError) -> Response:
        return refusal(fault.status_code, fault.name, fault.findings, fault.headers)

    async def own(request: Request, fault: MailwrightError) -> Response:
        return ours(request, fault)

    async def wrong(_: Request, fault: RequestValidationError) -> Response:
        return refusal(422, "validation_error", invalid(fault.errors()))

    async def others(request: Request, fault: HTTPException) -> Response:
        return _standard(request, fault)

    app.add_exception_handler(ApiError, refused)  # type: ignore[arg-type]  # Starlette's type says Exception
    app.add_exception_handler(MailwrightError, own)  # type: ignore[arg-type]  # the same
    app.add_exception_handler(RequestValidationError, wrong)  # type: ignore[arg-type]  # the same
    app.add_exception_handler(HTTPException, others)  # type: ignore[arg-type]  # the same


def _standard(request: Request, fault: HTTPException) -> Json:
    """What the framework refuses by itself: an unknown path or method, a body that is no JSON."""
    match fault.status_code:
        case 404:
            return refusal(404, "not_found", [_unknown(request)])
        case 405:
            return refusal(405, "method_not_allowed", [WRONG_METHOD], {"allow": ", ".join(_methods(request))})
        case _:
            return refusal(422, "validation_error", [UNREADABLE])


def _unknown(request: Request) -> Finding:
    """Nothing is served there; where another base URL would lead to what is, that is said."""
    path = request.url.path
    meant = next((whole for whole in _within(path) if any(_matching(request, whole))), None)
    if meant is None:
        return UNKNOWN_ROUTE
    before = path.removesuffix(meant).strip("/")[:40] if path.endswith(meant) else ""
    do = f"Leave /{before} out of the base URL." if before else "Take the slash away at the end: of the base URL, or of the path."
    return error("no-such-route", f"There is no such address here, but there is {meant}.", do=do)


def _within(path: str) -> Iterator[str]:
    """What is left of a path without what may have come from a wrong base URL."""
    steps = [step for step in path.split("/") if step][:MOST_STEPS]
    return ("/" + "/".join(steps[first:]) for first in range(len(steps)))


def _matching(request: Request, path: str) -> Iterator[Any]:
    """The routes of a path."""
    scope = {**request.scope, "path": path, "raw_path": path.encode()}
    return (route for route in iter_route_contexts(request.app.routes) if route.matches(scope)[0] is not Match.NONE)


def _methods(request: Request) -> list[str]:
    """Those that the path has, of all its routes (RFC 9110 §15.5.6)."""
    return sorted({method for route in _matching(request, request.scope["path"]) for method in route.methods or ()})
