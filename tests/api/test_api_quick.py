"""The short way of a hand-in answers as the long one, through the router, does; also where the store takes nothing."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.types import Message

from mailwright.api.app import create
from mailwright.api.quick import Express
from mailwright.api.services import Services, services_of
from mailwright.values import NoRoom
from tests.api.asking import Api
from tests.api.test_api_emails import desk

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Full:
    """A store whose disk is full."""

    async def accept(self, *_: object) -> None:
        raise NoRoom("The disk is full: /var/lib/mailwright", "Make room on /var/lib/mailwright.")


def the_long_way(services: Services) -> FastAPI:
    app = create(services)
    app.user_middleware = [one for one in app.user_middleware if getattr(one.cls, "__name__", "") != Express.__name__]
    return app


async def asked(app: FastAPI, path: str, key: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, Any, dict[str, str]]:
    """One request without a connection: status, JSON and headers of the answer."""
    given = {"authorization": f"Bearer {key}", "content-length": str(len(body)), **headers}
    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
        "root_path": "", "scheme": "http", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }  # fmt: skip
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    changing = {"x-request-id", "ratelimit-remaining", "date"}
    return sent[0]["status"], json.loads(sent[1]["body"]), {name: told[name] for name in sorted(set(told) - changing)}


CASES: list[tuple[str, Any, dict[str, str], int]] = [
    ("/emails", {}, {"idempotency-key": "k"}, 200),
    ("/emails", {"to": "nobody"}, {}, 422),
    ("/emails", {"from": "a@elsewhere.example"}, {}, 403),
    ("/emails", {"txt": "x"}, {}, 422),
    ("/emails", {}, {"idempotency-key": "x" * 300}, 400),
    ("/emails", {}, {"authorization": "Bearer wrong"}, 403),
    ("/emails", {}, {"authorization": ""}, 401),
    ("/emails", {}, {"content-length": "99999999"}, 413),
    ("/emails/batch", {}, {}, 422),
]


@pytest.mark.parametrize("path,changes,headers,status", CASES)
async def test_both_ways_answer_alike(api: Api, path: str, changes: Any, headers: dict[str, str], status: int) -> None:
    acme = await desk(api, f"ways-{CASES.index((path, changes, headers, status))}")
    body = json.dumps({**acme.mail, **changes}).encode()
    services = services_of(api.house)
    answers = [await asked(app, path, acme.key, body, headers) for app in (create(services), the_long_way(services))]
    assert answers[0] == answers[1]
    assert answers[0][0] == status


async def test_where_the_disk_is_full_the_mail_can_be_sent_again(api: Api) -> None:
    acme = await desk(api, "full")
    services, store = services_of(api.house), Full()
    full: Any = store
    without = replace(services, office=replace(services.office, store=full))
    for app in (create(without), the_long_way(without)):
        status, told, headers = await asked(app, "/emails", acme.key, json.dumps(acme.mail).encode(), {})
        assert (status, told["name"], told["code"]) == (503, "service_unavailable", "store-unavailable")
        assert headers["retry-after"]
        assert "/var/lib" not in str(told), "where things lie is not for callers"
