"""A house with its web port, and what a case asks of it over a real connection."""

import asyncio
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode

from mailwright.accounts import OPERATOR, Scope
from mailwright.api.app import create
from mailwright.api.serve import Served as Web
from mailwright.api.serve import serve
from mailwright.api.services import services_of
from tests.e2e.served import LISTEN, Customer, Served

ALL = (Scope.SEND, Scope.READ, Scope.ADMIN)


@dataclass
class Answer:
    """What came back; header names in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes
    chunks: list[bytes] = field(default_factory=list)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def fetch(address: tuple[str, int], method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
    connection = http.client.HTTPConnection(*address, timeout=20)
    try:
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
    finally:
        connection.close()


class Api(Served):
    """A served house with the HTTP API on a free port; capture mode unless the case says otherwise."""

    web: Web

    def __init__(self, folder: Path, settings: str = "", *, delivery: str = "capture", database: str = "") -> None:
        super().__init__(folder, settings, delivery=delivery, listen=LISTEN, database=database)

    async def start(self) -> None:
        await super().start()
        self.web = await serve(create(services_of(self.house)), "127.0.0.1", 0, ending=self.house.tail.end)

    async def stop(self) -> None:
        await self.web.close()
        await super().stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    @property
    def base(self) -> str:
        """The base URL, as an SDK is given it."""
        return f"http://127.0.0.1:{self.web.address[1]}"

    async def ask(
        self,
        method: str,
        path: str,
        key: str = "",
        body: object = None,
        *,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        **query: str,
    ) -> Answer:
        """One request in a connection of its own; `body` becomes JSON, `raw` goes as it is."""
        given = {"authorization": f"Bearer {key}"} if key else {}
        if body is not None:
            raw, given["content-type"] = json.dumps(body).encode(), "application/json"
        whole = f"{path}?{urlencode(query, quote_via=quote)}" if query else path
        return await asyncio.to_thread(fetch, self.web.address, method, whole, given | dict(headers or {}), raw)

    async def full_key(self, customer: Customer) -> str:
        """A key with every scope of an account, as users of Resend have one."""
        return await self.api_key(customer.id, scopes=ALL)

    async def operator_key(self) -> str:
        """A key of the operator."""
        return await self.api_key(OPERATOR, scopes=(Scope.OPERATOR,))
