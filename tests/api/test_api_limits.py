"""What is too much is refused with words, before it costs anything, and what comes next is served."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from mailwright.api.limits import BESIDE
from mailwright.api.protocol import HEAD_SECONDS, MOST_HEAD, WHOLE_SECONDS, close_late
from tests.api.asking import Api
from tests.api.test_api_caller import refused

pytestmark = pytest.mark.asyncio(loop_scope="module")
SIZE = 2**18  # no smaller than the default of limits.header_size
MOST = SIZE + BESIDE


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def small(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    """A house with small limits."""
    async with Api(tmp_path_factory.mktemp("small"), f"http.requests = 3\nlimits.size = {SIZE}\n") as served:
        yield served


async def test_a_key_has_so_many_requests_a_second_and_is_told(small: Api) -> None:
    acme, bolt = await small.customer("acme"), await small.customer("bolt")
    one, other = await small.full_key(acme), await small.full_key(bolt)
    answers = await asyncio.gather(*[small.ask("GET", "/api-keys", one) for _ in range(8)])
    good, late = [a for a in answers if a.status == 200], [a for a in answers if a.status == 429]
    assert 3 <= len(good) <= 6, "of one second, or of two where the second ended between them"
    for answer in late:
        refused(answer, 429, "rate_limit_exceeded", "requests-too-many")
        assert answer.headers["retry-after"] == answer.headers["ratelimit-reset"] == "1"
        assert answer.headers["ratelimit-remaining"] == "0"
    assert all(answer.headers["ratelimit-limit"] == "3" for answer in answers)
    assert "2" in {answer.headers["ratelimit-remaining"] for answer in good}
    assert (await small.ask("GET", "/api-keys", other)).status == 200, "each key has its own"
    await asyncio.sleep(1)
    assert (await small.ask("GET", "/api-keys", one)).status == 200


async def test_a_body_that_says_that_it_is_too_large_is_not_read(small: Api) -> None:
    key = await small.full_key(await small.customer("large"))
    with socket.create_connection(small.web.address) as line:
        head = f"POST /api-keys HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Length: {MOST + 1}\r\n\r\n"
        await asyncio.to_thread(line.sendall, head.encode())
        answer = await asyncio.to_thread(line.recv, 4096)
    assert b" 413 " in answer.split(b"\r\n")[0]


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_that_is_too_large_is_told_what_to_do(small: Api, chunked: bool) -> None:
    key = await small.full_key(await small.customer(f"too-large-{int(chunked)}"))
    headers = {"transfer-encoding": "chunked"} if chunked else {}
    size = 3 * MOST  # a chunked one is cut off on its way, and the rest thrown away
    octets = b" " * size if not chunked else b"%x\r\n%b\r\n0\r\n\r\n" % (size, b" " * size)
    answer = await small.ask("POST", "/api-keys", key, raw=octets, headers=headers)
    assert "2 MiB" in refused(answer, 413, "validation_error", "body-too-large")


async def test_forty_megabytes_are_refused_by_default_and_a_mail_of_25_is_not(api: Api) -> None:
    key = await api.full_key(await api.customer("forty"))
    refused(await api.ask("POST", "/api-keys", key, raw=b"x" * 40_000_000), 413, "validation_error", "body-too-large")
    body = b'{"name":"' + b"x" * (25 * 2**20) + b'"}'
    assert (await api.ask("POST", "/api-keys", key, raw=body)).status == 422


HEADS = [b"GET / HTTP/1.1\r\nX: ", b"GET /", b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nX: "]


@pytest.mark.parametrize("begun", HEADS)
async def test_a_head_without_end_is_cut_off(api: Api, begun: bytes) -> None:
    reader, writer = await asyncio.open_connection(*api.web.address)
    writer.write(begun)
    with contextlib.suppress(ConnectionError):  # it may be cut off before the last octet is taken
        for _ in range(2 * MOST_HEAD // 65536):
            writer.write(b"x" * 65536)
            await writer.drain()
    with contextlib.suppress(ConnectionError):
        await asyncio.wait_for(reader.read(), 10)
    writer.close()


HALVES = [
    (b"", HEAD_SECONDS),
    (b"GET / HTTP/1.1\r\nHost", HEAD_SECONDS),
    (b"POST /api-keys HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n{", WHOLE_SECONDS),
]


@pytest.mark.parametrize("sent,seconds", HALVES)
async def test_who_stops_half_way_is_cut_off_and_who_waits_for_an_answer_is_not(api: Api, sent: bytes, seconds: float) -> None:
    reader, writer = await asyncio.open_connection(*api.web.address)
    writer.write(sent)
    idle_reader, idle_writer = await asyncio.open_connection(*api.web.address)
    idle_writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await idle_reader.readline()).startswith(b"HTTP/1.1 200")
    connections, now = api.web._server.server_state.connections, asyncio.get_running_loop().time()
    close_late(connections, now + seconds - 1)
    await asyncio.sleep(0.05)
    assert not reader.at_eof()
    close_late(connections, now + seconds + 1)
    with contextlib.suppress(ConnectionResetError):
        await asyncio.wait_for(reader.read(), 10)
    idle_writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    while b"HTTP/1.1 200" not in await asyncio.wait_for(idle_reader.readline(), 10):
        pass  # the first answer's body, which has no line end
    idle_writer.close()
    writer.close()
