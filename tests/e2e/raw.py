"""A client that says exactly what a case wants, octet by octet, and hears the replies."""

import asyncio
import base64
import ssl
from types import TracebackType
from typing import Self

from tests.e2e.served import Served

PATIENCE = 10.0  # seconds for a reply


class Raw:
    """One connection; `said` has every reply line. Implicit TLS where `context` is given."""

    def __init__(self, port: int, context: ssl.SSLContext | None = None) -> None:
        self._port, self._context = port, context

    async def __aenter__(self) -> Self:
        name = "localhost" if self._context else None
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port, ssl=self._context, server_hostname=name)
        self.greeting = await self.reply()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.writer.transport.abort()

    async def reply(self) -> str:
        """The next reply, all its lines; "" where the server has hung up."""
        lines = []
        async with asyncio.timeout(PATIENCE):
            while line := (await self.reader.readline()).decode():
                lines.append(line.rstrip("\r\n"))
                if line[3:4] != "-":
                    break
        return "\n".join(lines)

    async def say(self, text: str | bytes) -> str:
        """One command; its reply."""
        self.writer.write((text.encode() if isinstance(text, str) else text) + b"\r\n")
        return await self.reply()

    async def starttls(self, context: ssl.SSLContext) -> None:
        assert (await self.say("STARTTLS")).startswith("220")
        await self.writer.start_tls(context, server_hostname="localhost")

    async def login(self, key: str) -> str:
        return await self.say("AUTH PLAIN " + base64.b64encode(f"\0any\0{key}".encode()).decode())

    async def hand_in(self, mail: bytes, *to: str, mail_from: str, options: str = "") -> str:
        """A whole mail transaction; the last reply, or the first that refuses."""
        for command in (f"MAIL FROM:<{mail_from}>{options}", *(f"RCPT TO:<{one}>" for one in to), "DATA"):
            answer = await self.say(command)
            if answer[0] not in "23":
                return answer
        self.writer.write(mail.replace(b"\r\n.", b"\r\n..") + (b"" if mail.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        return await self.reply()


def raw(served: Served) -> Raw:
    """To the listener with TLS from the first byte."""
    return Raw(served.port(implicit=True), served.client_context())


async def logged_in(served: Served, key: str, connection: Raw) -> Raw:
    """After EHLO and a login that succeeded."""
    await connection.say("EHLO app.example")
    assert (await connection.login(key)).startswith("235")
    return connection
