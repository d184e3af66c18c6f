"""A mail server that plays a text: what it says at each command, and where it hangs, drops, or never stops.

A script has a line `command = reply` per rule; the longest command that fits is taken. Lines of a reply are parted by " / ",
replies to the first, second, ... use of a rule by " ; " (the last one stays). `connect` is the greeting, `.` the end of data.
Instead of a reply line: <hang> says nothing more, <drip> sends an octet of a reply now and then for ever, <drop> closes, <reset>
closes hard, <endless> sends lines for ever, <stop-reading> reads nothing more, <garbage> answers whatever comes with nonsense,
<tls> starts TLS.
"""

import asyncio
import contextlib
import ssl
from types import TracebackType
from typing import Self

GOOD = """
connect = 220 mx.test ESMTP
EHLO = 250-mx.test / 250-PIPELINING / 250-8BITMIME / 250 SIZE 10000000
HELO = 250 mx.test
MAIL = 250 2.1.0 Ok
RCPT = 250 2.1.5 Ok
DATA = 354 Go
. = 250 2.0.0 queued
RSET = 250 2.0.0 Ok
QUIT = 221 2.0.0 Bye
STARTTLS = 220 Go / <tls>
"""


class ScriptedServer:
    """Listens on loopback while its `async with` lasts; `said` has the commands, `mails` the contents still dot-stuffed."""

    def __init__(self, script: str = "", *, context: ssl.SSLContext | None = None, at_once: bool = False) -> None:
        self._rules: dict[str, list[str]] = {}
        for line in (GOOD + script).strip().splitlines():
            command, _, replies = line.strip().partition(" = ")
            self._rules[command] = replies.split(" ; ")
        self._context = context
        self._at_once = at_once
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self.port = 0
        self.connections = 0
        self.said: list[str] = []
        self.mails: list[bytes] = []

    async def __aenter__(self) -> Self:
        tls = self._context if self._at_once else None
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=64 * 1024 * 1024, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._server is not None
        self._server.close()
        for _ in range(5):  # a connection may be half accepted, and an aborted one is closed a step later
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for writer in self._writers:  # a task that was cancelled before its first step closes nothing
                writer.transport.abort()
            await asyncio.sleep(0)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._talk(reader, writer)
        finally:
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._answer("connect", reader, writer)
        while line := await reader.readline():
            command = line.decode("utf-8", "replace").rstrip("\r\n")
            self.said.append(command)
            code = await self._answer(command, reader, writer)
            if command == "QUIT":
                return
            if code == "354":
                await self._take(reader)
                await self._answer(".", reader, writer)

    async def _take(self, reader: asyncio.StreamReader) -> None:
        lines: list[bytes] = []
        while (line := await reader.readline()) != b".\r\n":
            if not line:
                raise ConnectionResetError
            lines.append(line)
        self.mails.append(b"".join(lines))

    async def _answer(self, command: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        rule = max((name for name in self._rules if command.startswith(name)), key=len, default="")
        replies = self._rules.get(rule, ["500 5.5.1 unknown"])
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        for line in reply.split(" / "):
            if line == "<tls>":
                assert self._context is not None
                await writer.start_tls(self._context)
            elif line.startswith("<"):
                await self._misbehave(line, reader, writer)
            else:
                writer.write(line.encode() + b"\r\n")
        await writer.drain()
        return reply[:3]

    async def _misbehave(self, how: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await writer.drain()
        match how:
            case "<hang>":
                await reader.read(-1)
            case "<stop-reading>":
                writer.transport.pause_reading()  # type: ignore[attr-defined]
                await asyncio.get_running_loop().create_future()
            case "<drip>":
                writer.write(b"250-")
                while True:
                    writer.write(b".")
                    await writer.drain()
                    await asyncio.sleep(0.01)
            case "<endless>":
                while True:
                    writer.write(b"250-and so on\r\n" * 1000)
                    await writer.drain()
            case "<garbage>":
                await reader.read(1)
                writer.write(b"what is TLS?\r\n")
                await writer.drain()
            case "<reset>":
                writer.transport.abort()
        raise ConnectionResetError
