"""The health endpoints on a real port."""

import asyncio
import http.client
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from mailwright.api import create, serve
from mailwright.values import Finding, MailwrightError
from mailwright.values.finding import error, note, warning

FULL = error("disk-full", "The disk has 10 MB left.", why="No mail is taken.", do="Make room.")
Ready = Callable[[], Awaitable[Sequence[Finding]]]


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def fetch(address: tuple[str, int], path: str, method: str = "GET") -> Answer:
    connection = http.client.HTTPConnection(*address, timeout=10)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
    finally:
        connection.close()


def finding(*findings: Finding) -> Ready:
    async def ready() -> Sequence[Finding]:
        return findings

    return ready


@asynccontextmanager
async def served(ready: Ready, host: str = "127.0.0.1") -> AsyncIterator[Callable[..., Awaitable[Answer]]]:
    app = create(ready, lambda: b"mailwright_up 1.0\n", "1.2.3", patience=0.2)
    running = await serve(app, host, 0)

    async def ask(path: str, method: str = "GET") -> Answer:
        return await asyncio.to_thread(fetch, running.address, path, method)

    try:
        yield ask
    finally:
        await running.close()


async def test_alive() -> None:
    async with served(finding(FULL)) as ask:  # also where it is not ready: a restart would mend nothing
        answer = await ask("/healthz")
    assert (answer.status, answer.json) == (200, {"status": "alive", "version": "1.2.3"})


READY = [
    ((), 200, "ready", "nothing found"),
    ((note("n", "Captured."), warning("w", "Self-signed.")), 200, "ready", "what harms does not hinder"),
    ((warning("w", "Self-signed."), FULL), 503, "not ready", "one error hinders"),
]


@pytest.mark.parametrize("findings,status,said,because", READY, ids=[row[-1] for row in READY])
async def test_ready(findings: tuple[Finding, ...], status: int, said: str, because: str) -> None:
    async with served(finding(*findings)) as ask:
        answer = await ask("/readyz")
    assert (answer.status, answer.json["status"]) == (status, said), because
    assert [row["code"] for row in answer.json["findings"]] == [row.code for row in findings]


async def test_what_hinders_is_explained() -> None:
    async with served(finding(FULL)) as ask:
        (row,) = (await ask("/readyz")).json["findings"]
    assert row == {
        "code": "disk-full",
        "level": "error",
        "what": "The disk has 10 MB left.",
        "why": "No mail is taken.",
        "do": "Make room.",
    }


async def test_a_check_that_hangs_is_not_ready() -> None:
    async def hanging() -> Sequence[Finding]:
        await asyncio.Event().wait()
        return ()

    async with served(hanging) as ask:
        answer = await ask("/readyz")
    assert (answer.status, answer.json["findings"][0]["code"]) == (503, "check-too-slow")


async def test_a_check_that_breaks_is_not_ready_and_its_text_stays_here(caplog: pytest.LogCaptureFixture) -> None:
    async def broken() -> Sequence[Finding]:
        raise RuntimeError("postgresql://mw:s3cret@db")

    async with served(broken) as ask:
        answer = await ask("/readyz")
    assert (answer.status, answer.json["findings"][0]["code"]) == (503, "check-broke")
    assert b"s3cret" not in answer.body
    assert "readiness check broke" in caplog.messages


async def test_figures() -> None:
    async with served(finding()) as ask:
        answer = await ask("/metrics")
    assert (answer.status, answer.body) == (200, b"mailwright_up 1.0\n")
    assert answer.headers["content-type"] == "text/plain; version=1.0.0; charset=utf-8"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_only_reading(method: str) -> None:
    async with served(finding()) as ask:
        assert (await ask("/healthz", method)).status == 405


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/redoc", "/healthz/", "/../etc/passwd"])
async def test_nothing_else_is_there(path: str) -> None:
    async with served(finding()) as ask:
        assert (await ask(path)).status == 404


@pytest.mark.parametrize("path,method", [("/healthz", "GET"), ("/nothing", "GET"), ("/healthz", "POST")])
async def test_every_answer_has_safe_headers(path: str, method: str) -> None:
    async with served(finding()) as ask:
        headers = (await ask(path, method)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


async def test_ipv6() -> None:
    try:
        async with served(finding(), "::1") as ask:
            assert (await ask("/healthz")).status == 200
    except MailwrightError:
        pytest.skip("this machine has no IPv6 loopback")


async def test_a_taken_address_is_told_and_the_process_goes_on() -> None:
    app = create(finding(), bytes, "1")
    running = await serve(app, "127.0.0.1", 0)
    with pytest.raises(MailwrightError, match=r"cannot listen on 127\.0\.0\.1:[0-9]+: address already in use") as caught:
        await serve(app, *running.address)
    assert "http.address" in caught.value.remedy
    await running.close()


async def test_signals_stay_with_the_process() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    running = await serve(create(finding(), bytes, "1"), "127.0.0.1", 0)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    await running.close()


async def test_the_port_is_free_after_the_close() -> None:
    app = create(finding(), bytes, "1")
    first = await serve(app, "127.0.0.1", 0)
    await asyncio.to_thread(fetch, first.address, "/healthz")
    await first.close()
    second = await serve(app, *first.address)
    await second.close()
