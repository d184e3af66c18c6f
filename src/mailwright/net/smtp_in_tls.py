"""Clients that begin with TLS (RFC 8314 §3): accepted here, so that they count before their handshake and not only after it."""

import asyncio
import logging
import os
import socket
import ssl
from collections.abc import Callable
from typing import Protocol

from mailwright.net.smtp_in_connection import Connection
from mailwright.net.smtp_in_service import Service, plain_ip

AT_ONCE = 100  # clients that are let in before the loop sees to others
AGAIN_SECONDS = 1.0  # when no client can be let in, since there are no file descriptors left

log = logging.getLogger("mailwright.smtp_in")


class Bound(Protocol):
    """What a server of an event loop shows of its socket."""

    def fileno(self) -> int: ...


class Acceptor:
    """Takes clients from a bound socket of a server that does not serve."""

    def __init__(self, bound: Bound, backlog: int, service: Service, context: ssl.SSLContext) -> None:
        self._sock = socket.socket(fileno=os.dup(bound.fileno()))
        self._sock.setblocking(False)
        self._sock.listen(backlog)
        self._service, self._context = service, context
        self._loop = asyncio.get_running_loop()
        self._pause: asyncio.TimerHandle | None = None
        self._watch()

    def close(self) -> None:
        """Take nobody new."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._sock)
        self._sock.close()

    def _watch(self) -> None:
        self._pause = None
        self._loop.add_reader(self._sock, self._accept)

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            try:
                sock, peer = self._sock.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as fault:
                log.warning("no client can be let in", extra={"cause": fault.strerror})
                self._loop.remove_reader(self._sock)
                self._pause = self._loop.call_later(AGAIN_SECONDS, self._watch)
                return
            sock.setblocking(False)
            Handshake(self._service, plain_ip(str(peer[0]))).begin(sock, self._context)


class Handshake:
    """A client that is still to agree on TLS. Too many are turned away without a word: they would understand none."""

    def __init__(self, service: Service, peer_ip: str) -> None:
        self._service, self._peer_ip = service, peer_ip
        self._since = service.clock()
        self._counted = True
        self._refused = service.admit(self, peer_ip) is not None
        self._task: asyncio.Task[None] | None = None

    def begin(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        """Shake hands, unless there are too many."""
        if self._refused:
            sock.close()
            self.over()
        else:
            self._task = self._service.in_background(self._shake_hands(sock, context))

    def over(self) -> None:
        """It is counted no more: TLS stands and its connection is, or it is gone."""
        if self._counted:
            self._counted = False
            self._service.leave(self, self._peer_ip)

    def check(self, now: float) -> None:
        """End what takes too long."""
        if now - self._since > self._service.rules.handshake:
            self.abort()

    def wind_up(self) -> None:
        """The listener closes."""
        self.abort()

    def part(self) -> None:
        """The grace is over."""
        self.abort()

    def abort(self) -> None:
        """End it now."""
        if self._task is not None:
            self._task.cancel()

    async def _shake_hands(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: Encrypted(self._service, self.over),
                sock,
                ssl=context,
                ssl_handshake_timeout=self._service.rules.handshake,
            )
        except OSError as fault:  # ssl.SSLError is one
            log.info("TLS handshake failed", extra={"peer": self._peer_ip, "cause": str(fault)})
        finally:
            self.over()


class Encrypted(Connection):
    """A connection that was counted as a handshake until now."""

    __slots__ = ("_begun",)

    def __init__(self, service: Service, begun: Callable[[], None]) -> None:
        super().__init__(service)
        self._begun = begun

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._begun()
        super().connection_made(transport)
