"""The OpenAPI document: what FastAPI knows of the routes, and what holds for all of them: keys, scopes, refusals, limits."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from mailwright.accounts import Scope
from mailwright.api.caller import Needs

Json = dict[str, Any]
ABOUT = """\
Mail for applications that send as their customers. Existing Resend SDKs work against it by changing the base URL; what
Resend has not got stands beside it.

Every request carries an API key: `Authorization: Bearer mw_...`. A key has scopes: `send`, `read`, `admin`; keys of the
operator have `operator`, and name an account with `?account=NAME` to do for it what the account may.
"""
TAGS = {
    "Emails": "Hand in mail and see what became of it.",
    "API keys": "How applications log in.",
    "Domains": "What an account writes as, and the records to publish.",
    "Transports": "The ways for an account's mail to leave.",
    "Queue": "What waits, and why.",
    "Suppressions": "To whom the account does not send.",
    "Webhooks": "Be told what happens.",
    "Events": "See what happens as it happens.",
    "Logs": "What was asked over HTTP.",
    "Accounts": "The customers of the operator.",
}
ACCOUNT = {
    "name": "account",
    "in": "query",
    "required": False,
    "description": "With a key of the operator: the account for which this is asked.",
    "schema": {"type": "string"},
}
REFUSED = "#/components/schemas/Refusal"
FINDING: Json = {
    "type": "object",
    "description": "One thing that was found, in words for a person.",
    "required": ["code", "level", "what"],
    "properties": {
        "code": {"type": "string", "description": "Stable; docs/findings/<code>.md explains it."},
        "level": {"type": "string", "enum": ["error", "warning", "note"]},
        "what": {"type": "string"},
        "why": {"type": "string"},
        "do": {"type": "string"},
        "evidence": {"type": "array", "items": {"type": "string"}},
        "reference": {"type": "string"},
    },
}
REFUSAL: Json = {
    "type": "object",
    "description": "Why a request was refused. name, message and statusCode are Resend's.",
    "required": ["statusCode", "name", "message", "code", "do", "findings"],
    "properties": {
        "statusCode": {"type": "integer"},
        "name": {"type": "string", "description": "The kind, such as validation_error."},
        "message": {"type": "string", "description": "What happened, and what to do."},
        "code": {"type": "string", "description": "Of the first finding."},
        "do": {"type": "string", "description": "Of the first finding."},
        "findings": {"type": "array", "items": {"$ref": "#/components/schemas/Finding"}},
    },
}
SAID = {
    "400": "The Idempotency-Key cannot be used as it is.",
    "401": "There is no API key.",
    "403": "The API key is unknown, or may not do this.",
    "404": "There is no such thing, or it is another account's.",
    "408": "The body did not arrive in time.",
    "409": "It is there already, or in a state in which this cannot be done.",
    "413": "The body is too large.",
    "422": "Something in the request is wrong; the findings say what.",
    "429": "Too many requests; the header retry-after says how long to wait.",
    "503": "Nothing can be stored just now; the header retry-after says when to try again.",
}
FRAMEWORKS = ("HTTPValidationError", "ValidationError")  # schemas of refusals that are never sent


def document(app: FastAPI, version: str) -> Json:
    """The whole document (OpenAPI 3.1)."""
    used = {tag for route in routes_of(app) for tag in route.tags}
    tags = [{"name": name, "description": told} for name, told in TAGS.items() if name in used]
    whole = get_openapi(title="Mailwright", version=version, description=ABOUT, routes=app.routes, tags=tags)
    for route in routes_of(app):
        for method in route.methods or ():
            _complete(whole["paths"][route.path_format][method.lower()], method, scope_of(route))
    schemas = whole.setdefault("components", {}).setdefault("schemas", {})
    for name in FRAMEWORKS:
        schemas.pop(name, None)
    schemas |= {"Refusal": REFUSAL, "Finding": FINDING}
    whole["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "description": "An API key."}}
    return whole


def routes_of(app: FastAPI) -> Iterator[RouteContext]:
    """The routes that the document shows."""
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, APIRoute) and route.include_in_schema:
            yield route


def scope_of(route: RouteContext) -> Scope | None:
    """The scope that a route wants, by its dependency or by `x-scope` in its openapi_extra; None where it is open."""
    for call in _calls(route.dependant):
        if isinstance(call, Needs):
            return call.scope
    told = (route.openapi_extra or {}).get("x-scope")
    return Scope(told) if told else None


def _calls(dependant: Dependant) -> Iterator[object]:
    for one in dependant.dependencies:
        yield one.call
        yield from _calls(one)


def _complete(operation: Json, method: str, scope: Scope | None) -> None:
    """Who may ask, for whom, and every refusal."""
    answers = operation.setdefault("responses", {})
    if "HTTPValidationError" in str(answers.get("422")):
        del answers["422"]
    refusals = set[str]()
    if scope is not None:
        operation["security"], operation["x-scope"] = [{"key": []}], scope.value
        refusals |= {"401", "403", "404", "422", "429", "503"}
        if scope is not Scope.OPERATOR:
            operation["parameters"] = [*operation.get("parameters", ()), ACCOUNT]
    if method != "GET":
        refusals.add("409")
    if "requestBody" in operation:
        refusals |= {"408", "413", "422"}
    if any(one["name"].lower() == "idempotency-key" for one in operation.get("parameters", ())):
        refusals.add("400")
    for status in sorted(refusals - set(answers)):
        answers[status] = {"description": SAID[status], "content": {"application/json": {"schema": {"$ref": REFUSED}}}}
