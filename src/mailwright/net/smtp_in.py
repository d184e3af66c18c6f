"""The SMTP listener: STARTTLS or implicit TLS, one machine per connection, one clock for all of them."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace

from mailwright.net.logins import FailedLogins
from mailwright.net.smtp_door import Door
from mailwright.net.smtp_in_connection import Connection
from mailwright.net.smtp_in_service import Rules, Service
from mailwright.net.smtp_in_tls import Acceptor
from mailwright.smtp.server_events import Setup

BACKLOG = 1024  # connections that the system keeps for us while the loop is busy


class Listener:
    """Listens on one or more addresses; made and used on one event loop."""

    def __init__(
        self,
        door: Door,
        setup: Setup,
        *,
        context: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        rules: Rules | None = None,
        logins: FailedLogins | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """With a `context`: STARTTLS, or TLS from the first octet where `implicit_tls`. `logins` may be shared by listeners."""
        self._service = Service(
            door=door,
            setup=replace(setup, starttls=context is not None and not implicit_tls),
            rules=rules or Rules(),
            clock=clock or asyncio.get_running_loop().time,
            logins=logins if logins is not None else FailedLogins(),
            context=context,
        )
        self._implicit = context if implicit_tls else None
        self._acceptors: list[Acceptor] = []
        self._servers: list[asyncio.Server] = []
        self._timer: asyncio.TimerHandle | None = None

    async def open(self, host: str | None = None, port: int = 0, *, sock: socket.socket | None = None) -> None:
        """Listen on `host` and `port`, or on a bound socket. Raises OSError where the address is taken or not ours."""
        loop, plain = asyncio.get_running_loop(), self._implicit is None
        if sock is not None:
            server = await loop.create_server(self._connection, sock=sock, backlog=BACKLOG, start_serving=plain)
        else:
            server = await loop.create_server(self._connection, host, port, backlog=BACKLOG, start_serving=plain)
        self._servers.append(server)
        if self._implicit is not None:
            self._acceptors += [Acceptor(bound, BACKLOG, self._service, self._implicit) for bound in server.sockets]
        if self._timer is None:
            self._timer = loop.call_later(self._service.rules.tick, self._tick)

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens."""
        return [sock.getsockname()[:2] for server in self._servers for sock in server.sockets]

    @property
    def connections(self) -> int:
        """How many clients there are now."""
        return len(self._service.members)

    def sweep(self) -> None:
        """End what takes too long."""
        now = self._service.clock()
        for member in tuple(self._service.members):
            member.check(now)

    async def close(self, grace: float = 30.0) -> None:
        """Take nobody new, tell the idle to come back (421), let mails on their way end within `grace` seconds, then close.

        Whose mail is still coming in then is told as well, and has a moment to hear it.
        """
        while self._acceptors:
            self._acceptors.pop().close()
        for server in self._servers:
            server.close()
        for member in tuple(self._service.members):
            member.wind_up()
        await self._wait_for_the_last(grace)
        for member in tuple(self._service.members):
            member.part()
        await self._wait_for_the_last(self._service.rules.linger)
        for member in tuple(self._service.members):
            member.abort()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self._service.settle()

    async def _wait_for_the_last(self, seconds: float) -> None:
        if not self._service.members:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._service.empty.wait()
        except TimeoutError:
            return

    def _connection(self) -> Connection:
        return Connection(self._service)

    def _tick(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._service.rules.tick, self._tick)
        self.sweep()
