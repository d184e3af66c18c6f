"""The receiving side: an SMTP server that takes everything, and knows which mails it saw and which it answered."""

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Self, cast

END = b"\r\n.\r\n"
GREETING, TAKEN = b"220 sink.example ESMTP\r\n", b"250 2.0.0 taken\r\n"
ANSWERS = {
    b"EHLO": b"250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 0\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 2.0.0 bye\r\n",
}
PLAIN_ANSWERS = ANSWERS | {  # of a sink that demands STARTTLS (RFC 3207 §4)
    b"EHLO": ANSWERS[b"EHLO"].replace(b"\r\n", b"\r\n250-STARTTLS\r\n", 1),
    b"STAR": b"220 2.0.0 go on\r\n",
    b"MAIL": b"530 5.7.0 not without STARTTLS\r\n",
}
Heard = Callable[[str], None]


class Sink:
    """Mails are known by the local part of their (one) recipient. `seen` counts final dots, `answered` our 250s.

    With `context` it demands STARTTLS; `port` is the first of its `ports`.
    """

    def __init__(
        self, *, answer_after: float = 0.0, store_bodies: bool = False, context: ssl.SSLContext | None = None, ports: int = 1
    ) -> None:
        self.seen: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.octets: dict[str, int] = {}
        self.bodies: dict[str, bytes] | None = {} if store_bodies else None
        self.on_dot: Heard = _nothing
        self.on_answer: Heard = _nothing
        self.answer_after = answer_after  # seconds between a dot and its 250: what a crash may hit
        self.silent = False  # dots are seen and not answered any more
        self.context = context
        self.ports = [0] * ports
        self.changed = asyncio.Event()
        self.connections: set[asyncio.Transport] = set()
        self._servers: list[asyncio.Server] = []

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.ports[0]

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._servers = [await loop.create_server(partial(_Session, self), "127.0.0.1", port) for port in self.ports]
        self.ports = [server.sockets[0].getsockname()[1] for server in self._servers]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for server in self._servers:
            server.close()
        for transport in tuple(self.connections):
            transport.abort()
        for server in self._servers:
            await server.wait_closed()

    async def until(self, what: Callable[[], bool], *, seconds: float) -> None:
        """Wait until something is true of what was seen. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while not what():
                self.changed.clear()
                await self.changed.wait()

    def dot(self, mail: str, octets: int, body: bytes) -> None:
        """The end of a mail was heard."""
        self.seen[mail] += 1
        self.octets[mail] = octets
        if self.bodies is not None:
            self.bodies[mail] = body
        self.on_dot(mail)
        self.changed.set()

    def answer(self, mail: str, transport: asyncio.Transport) -> None:
        """Say that it was taken: counted only where somebody is still there to hear it."""
        if transport.is_closing():
            return
        transport.write(TAKEN)
        self.answered[mail] += 1
        self.on_answer(mail)
        self.changed.set()


class _Session(asyncio.Protocol):
    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._transport: asyncio.Transport
        self._rest = b""
        self._mail = ""
        self._content: bytearray | None = None  # what was heard of a mail; where bodies are not kept only its last octets
        self._octets = 0
        self._answers = ANSWERS if sink.context is None else PLAIN_ANSWERS
        self._changing: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._sink.connections.add(self._transport)
        self._transport.write(GREETING)

    def connection_lost(self, exc: Exception | None) -> None:
        self._sink.connections.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        if self._content is not None:
            self._hear_content(data)
        elif self._changing is not None:
            self._rest += data  # it came with the end of the handshake
        else:
            self._hear_commands(self._rest + data)

    def _hear_commands(self, data: bytes) -> None:
        while (end := data.find(b"\r\n")) >= 0:
            line, data = data[:end], data[end + 2 :]
            verb = line[:4].upper()
            if verb == b"RCPT":
                self._mail = line[line.index(b"<") + 1 : line.index(b"@")].decode()
            self._transport.write(self._answers.get(verb, b"250 2.0.0 ok\r\n"))
            if verb == b"QUIT":
                self._transport.close()
                return
            if verb == b"STAR" and self._answers is PLAIN_ANSWERS:
                self._rest = b""
                self._changing = asyncio.get_running_loop().create_task(self._to_tls())
                return
            if verb == b"DATA":
                self._content, self._octets, self._rest = bytearray(b"\r\n"), 0, b""
                if data:
                    self._hear_content(data)
                return
        self._rest = data

    async def _to_tls(self) -> None:
        """RFC 3207: what follows is encrypted, and begins with a new EHLO."""
        plain, context = self._transport, self._sink.context
        assert context is not None, "STARTTLS was not offered"
        try:
            encrypted = await asyncio.get_running_loop().start_tls(plain, self, context, server_side=True)
        except OSError:
            return  # it went away
        assert encrypted is not None
        self._transport, self._answers, self._changing = encrypted, ANSWERS, None
        self._sink.connections.discard(plain)
        self._sink.connections.add(encrypted)
        self._hear_commands(self._rest)

    def _hear_content(self, data: bytes) -> None:
        """Behind a dot there may be a QUIT that did not wait for the answer (RFC 2920 §3.1)."""
        content = self._content
        assert content is not None
        content += data
        self._octets += len(data)
        end = content.find(END, max(0, len(content) - len(data) - len(END)))
        if end < 0:
            if self._sink.bodies is None:
                del content[: -len(END)]
            return
        rest = bytes(content[end + len(END) :])
        self._content = None
        self._sink.dot(
            self._mail, self._octets - len(rest), bytes(content[2 : end + 2]) if self._sink.bodies is not None else b""
        )
        if self._sink.silent:
            return
        if self._sink.answer_after:
            asyncio.get_running_loop().call_later(self._sink.answer_after, self._answer, self._mail, rest)
        else:
            self._answer(self._mail, rest)

    def _answer(self, mail: str, rest: bytes) -> None:
        self._sink.answer(mail, self._transport)
        if rest:
            self._hear_commands(rest)


def _nothing(_: str) -> None:
    pass
