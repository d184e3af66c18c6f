"""One thing of every resource: what a route with an id in its path is tried with. A new resource needs a line here."""

import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import FastAPI

from mailwright import __version__
from mailwright.api.app import RESOURCES
from mailwright.api.openapi import Json, document
from mailwright.values.ids import id_text
from tests.api.asking import Api
from tests.e2e.served import Customer

Make = Callable[[Api, Customer, str], Coroutine[Any, Any, str]]  # of the account, by a key of it with every scope; the id


def whole() -> Json:
    """The OpenAPI document of all routes."""
    app = FastAPI(openapi_url=None)
    for router in RESOURCES:
        app.include_router(router)
    return document(app, __version__)


async def _key(api: Api, customer: Customer, key: str) -> str:
    return str((await api.ask("POST", "/api-keys", key, {"name": "x"})).json["id"])


async def _domain(api: Api, customer: Customer, key: str) -> str:
    count = len((await api.ask("GET", "/domains", key)).json["data"])
    wanted = {"name": f"{count}-{api.house.works.ids.next(0)}.{customer.domain}"}
    return str((await api.ask("POST", "/domains", await api.operator_key(), wanted, account=customer.name)).json["id"])


async def _transport(api: Api, customer: Customer, key: str) -> str:
    return str((await api.ask("POST", "/transports", key, {"name": "x", "kind": "own_server"})).json["id"])


async def _log(api: Api, customer: Customer, key: str) -> str:
    answer = await api.ask("GET", "/domains", key)
    await api.house.requests.write()
    return answer.headers["x-request-id"]


async def _account(api: Api, customer: Customer, key: str) -> str:
    return id_text(customer.id)


async def _email(api: Api, customer: Customer, key: str) -> str:
    return await api.hand_in(customer, "bob@remote.example")


async def _suppression(api: Api, customer: Customer, key: str) -> str:
    wanted = {"email": f"{api.house.works.ids.next(0)}@remote.example"}
    return str((await api.ask("POST", "/suppressions", key, wanted)).json["id"])


async def _webhook(api: Api, customer: Customer, key: str) -> str:
    """With a call: it hears of a mail that is handed in."""
    wanted = {"endpoint": "https://app.example/hook", "events": ["email.sent"]}
    number = str((await api.ask("POST", "/webhooks", key, wanted)).json["id"])
    await api.hand_in(customer, "bob@remote.example")
    return number


async def _hooked(api: Api, customer: Customer, key: str) -> str:
    """A webhook and an event of it."""
    number = await _webhook(api, customer, key)
    (event,) = (await api.ask("GET", f"/webhooks/{number}/events", key)).json["data"]
    return f"{number} {event['id']}"


THINGS: dict[str, Make] = {  # by a path up to its last id; the ids of a maker are parted by blanks
    "/api-keys/{id}": _key,
    "/domains/{id}": _domain,
    "/transports/{id}": _transport,
    "/logs/{id}": _log,
    "/accounts/{id}": _account,
    "/emails/{id}": _email,
    "/suppressions/{id_or_email}": _suppression,
    "/webhooks/{id}": _webhook,
    "/webhooks/{id}/events/{event}": _hooked,
    "/webhooks/{id}/calls/{event}": _hooked,
}
MISSING = "0000000000000"


def template(path: str) -> str:
    """The path up to its last id."""
    return path[: path.rindex("}") + 1]


def names(path: str) -> list[str]:
    """The ids in a path, in order."""
    return re.findall(r"{(\w+)}", path)


async def ids(api: Api, customer: Customer, key: str, path: str) -> dict[str, str]:
    """A new thing for a path."""
    made = (await THINGS[template(path)](api, customer, key)).split()
    return dict(zip(names(path), made, strict=True))


def missing(path: str) -> dict[str, str]:
    """Ids of nothing."""
    return dict.fromkeys(names(path), MISSING)
