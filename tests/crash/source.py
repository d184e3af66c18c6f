"""The handing-in side: sessions that hand in mail after mail, and know which got its 250; nothing is sent twice."""

import asyncio
from collections.abc import Callable
from itertools import count

DOMAIN = "acme.example"
LINE = b"Dear Mrs Miller, your invoice of October is ready; please find it in your account.\r\n"
AGAIN = 0.02  # seconds until a listener that is not there, or refuses, is tried again


class Source:
    """Mails are numbered; `accepted` has the server's id of each that got its 250, `refused` the reply of each other one."""

    def __init__(self, *, size: int = 1024, name: str = "m") -> None:
        self.accepted: dict[str, str] = {}
        self.refused: dict[str, str] = {}
        self.unheard: set[str] = set()  # sent, and no answer came: they may arrive or not
        self.on_accept: Callable[[str], None] = lambda _: None
        self.changed = asyncio.Event()
        self._numbers = count()
        self._size, self._name = size, name

    async def pump(self, port: int, *, sessions: int, until: Callable[[], bool]) -> None:
        """Hand in over some sessions at once until something is true."""
        await asyncio.gather(*(self._session(port, until) for _ in range(sessions)))

    async def until(self, what: Callable[[], bool], *, seconds: float) -> None:
        """Wait until something is true of what was answered. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while not what():
                self.changed.clear()
                await self.changed.wait()

    async def _session(self, port: int, until: Callable[[], bool]) -> None:
        while not until():
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(AGAIN)
                continue
            try:
                await self._hand_in(reader, writer, until)
            except (OSError, asyncio.IncompleteReadError):
                await asyncio.sleep(AGAIN)
            finally:
                writer.close()

    async def _hand_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, until: Callable[[], bool]) -> None:
        await reply(reader)
        writer.write(b"EHLO app.example\r\n")
        await reply(reader)
        while not until():
            mail = f"{self._name}{next(self._numbers)}"
            await self._one(mail, reader, writer)

    async def _one(self, mail: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"MAIL FROM:<app@{DOMAIN}>\r\nRCPT TO:<{mail}@dest.example>\r\nDATA\r\n".encode())
        for _ in range(3):
            if (said := await reply(reader))[0] not in "23":
                self._heard(mail, said)
                raise ConnectionResetError(said)
        self.unheard.add(mail)
        writer.write(letter(mail, self._size))
        said = await reply(reader)
        self.unheard.discard(mail)
        self._heard(mail, said)
        if said.startswith("421"):
            raise ConnectionResetError(said)
        if not said.startswith("250"):
            await asyncio.sleep(AGAIN)

    def _heard(self, mail: str, said: str) -> None:
        if said.startswith("250"):
            self.accepted[mail] = said.rsplit(" ", 1)[-1]
            self.on_accept(mail)
        else:
            self.refused[mail] = said
        self.changed.set()


async def reply(reader: asyncio.StreamReader) -> str:
    """One reply, its last line. Raises IncompleteReadError."""
    while (line := await reader.readuntil(b"\n"))[3:4] == b"-":
        pass
    return line.decode().rstrip()


def letter(mail: str, size: int, line: bytes = LINE) -> bytes:
    """A mail of about so many octets, with its dot."""
    head = (
        f"From: Acme <billing@{DOMAIN}>\r\nTo: {mail}@dest.example\r\nSubject: {mail}\r\n"
        f"Date: Thu, 09 Oct 2025 08:53:20 +0000\r\nMessage-ID: <{mail}@app.example>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    ).encode()
    return head + line * max(1, (size - len(head)) // len(line)) + b".\r\n"
