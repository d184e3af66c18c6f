"""A client of our own, in a process of its own, that hands in as a real application does: TLS, a login, pipelining.

`python -m bench.peers.client PORT` prints when it began, and when each mail got its 250, on the monotonic clock.
"""

import argparse
import asyncio
import base64
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from time import monotonic

import uvloop

from bench.peers.program import OURS, Absent
from tests.crash.source import DOMAIN, letter, reply

_LIMIT = 600.0  # seconds for one run: what takes longer hangs


@dataclass(frozen=True, slots=True)
class Plan:
    """What is handed in: `sessions` at once, mails of `size` octets for `domains` domains of `sites` sites in turn.

    `password` logs in, under TLS; `reuse` sends mail after mail over one connection; `every` is the pace of a session in
    seconds a mail; mails are named `name` and a number.
    """

    sessions: int = 20
    size: int = 5 * 1024
    reuse: bool = True
    password: str = ""
    tls: bool = False
    domains: int = 1
    sites: int = 1
    subsystem: str = ""
    name: str = "m"
    every: float = 0.0


@dataclass(frozen=True, slots=True)
class Taken:
    """Monotonic times: when it began, and when each mail got its 250."""

    began: float
    at: dict[str, float]


def pump(plan: Plan, count: int, port: int) -> Taken:
    """Hand in `count` mails. Raises Absent with the reply where one is refused."""
    command = [sys.executable, "-m", "bench.peers.client", str(port), str(count), json.dumps(asdict(plan))]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_LIMIT, env={**os.environ, **OURS})
    if done.returncode:
        raise Absent(f"it did not take the mail: {done.stderr.strip()[-300:]}")
    return Taken(**json.loads(done.stdout))


def site_name(site: int) -> str:
    """What the names of a site's domains end with."""
    return f"s{site}.example"


class _Client:
    def __init__(self, plan: Plan, count: int, port: int) -> None:
        self._plan, self._port = plan, port
        self._numbers: Iterator[int] = iter(range(count))
        self.at: dict[str, float] = {}
        self._context = ssl.create_default_context()
        self._context.check_hostname, self._context.verify_mode = False, ssl.CERT_NONE  # it made its certificate itself

    async def run(self) -> None:
        await asyncio.gather(*(self._session() for _ in range(self._plan.sessions)))

    async def _session(self) -> None:
        for number in self._numbers:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            try:
                await self._greet(reader, writer)
                await self._send(number, reader, writer)
                if self._plan.reuse:
                    for following in self._numbers:
                        await self._send(following, reader, writer)
                writer.write(b"QUIT\r\n")
                await _said(reader, "221")
            finally:
                writer.close()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _said(reader, "220")
        await _say(b"EHLO app.example\r\n", "250", reader, writer)
        if self._plan.tls:
            await _say(b"STARTTLS\r\n", "220", reader, writer)
            await writer.start_tls(self._context, server_hostname="localhost")
            await _say(b"EHLO app.example\r\n", "250", reader, writer)
        if self._plan.password:
            login = base64.b64encode(f"\0app\0{self._plan.password}".encode())  # RFC 4616
            await _say(b"AUTH PLAIN " + login + b"\r\n", "235", reader, writer)

    async def _send(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The envelope as one group (RFC 2920 §3.1), then the mail."""
        if self._plan.every:
            await asyncio.sleep(self._plan.every)
        mail = f"{self._plan.name}{number}"
        to = f"{mail}@d{number % self._plan.domains}.{site_name(number % self._plan.sites)}"
        writer.write(f"MAIL FROM:<app@{DOMAIN}>\r\nRCPT TO:<{to}>\r\nDATA\r\n".encode())
        for code in ("250", "250", "354"):
            await _said(reader, code)
        field = f"X-Mailwright-Subsystem: {self._plan.subsystem}\r\n".encode() if self._plan.subsystem else b""
        writer.write(field + letter(mail, self._plan.size))
        await _said(reader, "250")
        self.at[mail] = monotonic()


async def _say(line: bytes, code: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(line)
    await _said(reader, code)


async def _said(reader: asyncio.StreamReader, code: str) -> None:
    said = await reply(reader)
    if not said.startswith(code):
        sys.exit(said)


async def _hand_in(plan: Plan, count: int, port: int) -> None:
    began, client = monotonic(), _Client(plan, count, port)
    await client.run()
    print(json.dumps({"began": began, "at": client.at}))


def main() -> None:
    """Hand in what was asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("plan")
    asked = parser.parse_args()
    uvloop.run(_hand_in(Plan(**json.loads(asked.plan)), asked.count, asked.port))


if __name__ == "__main__":
    main()
