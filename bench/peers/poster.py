"""A small client for HTTP: connections that are kept, one request after the other on each; the time that each answer took.

Run as a program of its own it is a load: `python -m bench.peers.poster PORT KEY CONNECTIONS COUNT OUT`, with the body on
standard input; what it saw goes to the file OUT as JSON. Nothing but what a request and an answer of ours need is understood
(RFC 9112): a status, a length.
"""

import asyncio
import json
import sys
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes


class Connection(asyncio.Protocol):
    """One connection; requests wait for their turn. A lost connection fails what waits with ConnectionError."""

    def __init__(self) -> None:
        self._transport: Any = None
        self._waiting: deque[asyncio.Future[Answer]] = deque()
        self._read = b""
        self._lost = False

    @classmethod
    async def open(cls, port: int) -> "Connection":
        """Raises OSError."""
        _, made = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return made

    async def ask(self, request: bytes) -> Answer:
        """One request. Raises ConnectionError."""
        if self._lost:
            raise ConnectionError
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._transport.write(request)
        return await future

    def close(self) -> None:
        """Leave."""
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The name that asyncio calls."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """The name that asyncio calls."""
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            head = self._read[:end].lower()
            at = head.find(b"\r\ncontent-length:")
            length = int(head[at + 17 : (head + b"\r\n").find(b"\r\n", at + 2)]) if at >= 0 else 0
            if len(self._read) < end + 4 + length:
                return
            answer = Answer(int(head[9:12]), self._read[end + 4 : end + 4 + length])
            self._read = self._read[end + 4 + length :]
            self._waiting.popleft().set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """The name that asyncio calls."""
        self._lost = True
        while self._waiting:
            if not (future := self._waiting.popleft()).done():
                future.set_exception(ConnectionError())


def post(path: str, key: str, body: bytes, more: Mapping[str, str] | None = None) -> bytes:
    """The octets of a request."""
    lines = [
        f"POST {path} HTTP/1.1",
        "host: 127.0.0.1",
        f"authorization: Bearer {key}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        *(f"{name}: {value}" for name, value in (more or {}).items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def load(port: int, request: bytes, *, connections: int, count: int) -> dict[str, Any]:
    """Send the request so many times over so many connections; when it began and ended (monotonic), and each answer's seconds."""
    opened = [await Connection.open(port) for _ in range(connections)]
    seconds: list[float] = []
    refused: list[str] = []
    left = iter(range(count))

    async def again(connection: Connection) -> None:
        for _ in left:
            began = time.perf_counter()
            answer = await connection.ask(request)
            seconds.append(time.perf_counter() - began)
            if answer.status != 200:
                refused.append(f"{answer.status} {answer.body[:300].decode('utf-8', 'replace')}")

    began = time.monotonic()
    await asyncio.gather(*(again(connection) for connection in opened))
    ended = time.monotonic()
    for connection in opened:
        connection.close()
    return {"began": began, "ended": ended, "seconds": seconds, "refused": len(refused), "such_as": refused[:1]}


def main() -> None:
    """The load as a program."""
    port, key, connections, count, out = sys.argv[1:6]
    request = post("/emails", key, sys.stdin.buffer.read())
    seen = uvloop.run(load(int(port), request, connections=int(connections), count=int(count)))
    Path(out).write_text(json.dumps(seen))


if __name__ == "__main__":
    main()
