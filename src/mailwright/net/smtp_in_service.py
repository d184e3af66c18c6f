"""What all connections of one SMTP listener share: the door, the rules, who is connected."""

import asyncio
import logging
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol

from mailwright.net.logins import FailedLogins
from mailwright.net.smtp_door import Door
from mailwright.smtp.server_events import Setup
from mailwright.values import Reply

log = logging.getLogger("mailwright.smtp_in")

UNAVAILABLE = Reply.of(451, "4.3.0", "The mail store does not answer at the moment; nothing was lost, try again later")
NO_ROOM = Reply.of(452, "4.3.1", "The disk of this mail server is full; nothing was lost, try again later")  # RFC 5321 §4.2.2
UNEXPECTED = Reply.of(451, "4.3.0", "Something went wrong on this server; its operator was told, try again later")
LOGIN_UNAVAILABLE = Reply.of(454, "4.7.0", "Logins cannot be checked at the moment; try again later")  # RFC 4954 §6
UNKNOWN_LOGIN = Reply.of(535, "5.7.8", "Name or password is not right; the password is an API key that may send")  # RFC 4954 §6
TOO_MANY_CONNECTIONS = Reply.of(421, "4.7.0", "Too many connections from your address; use fewer at once")
FULL = Reply.of(421, "4.3.2", "Too many connections at the moment; try again soon")
SHUTTING_DOWN = Reply.of(421, "4.3.2", "The server restarts; try again soon")  # RFC 5321 §3.8
TOO_SLOW = Reply.of(421, "4.4.2", "Nothing was heard for too long; closing")
TOO_SLOW_TO_LOG_IN = Reply.of(421, "4.7.0", "Nobody logged in for too long; closing")


@dataclass(frozen=True, slots=True)
class Rules:
    """How many clients, and how slow they may be; times in seconds."""

    connections: int = 2000
    per_address: int = 200
    command: float = 300.0  # RFC 5321 §4.5.3.2.7
    data: float = 180.0  # for one block of content, RFC 5321 §4.5.3.2.5
    octets_per_second: float = 1000.0  # content that comes slower all in all is given up
    handshake: float = 30.0
    login: float = 120.0  # programs log in at once
    write: float = 300.0  # for a client that does not read its replies
    linger: float = 2.0  # for the last reply to arrive
    tick: float = 1.0  # how often the clocks are looked at


class Member(Protocol):
    """A connection, as the listener sees it."""

    def check(self, now: float) -> None: ...
    def wind_up(self) -> None: ...
    def part(self) -> None: ...
    def abort(self) -> None: ...


def plain_ip(text: str) -> str:
    """An IPv4 address on an IPv6 socket is written as itself (RFC 4291 §2.5.5.2); a zone is cut off."""
    return text[7:] if text.startswith("::ffff:") and "." in text else text.partition("%")[0]


@dataclass(slots=True, eq=False)
class Service:
    """Shared by the connections of one listener; lives on one event loop."""

    door: Door
    setup: Setup
    rules: Rules
    clock: Callable[[], float]  # steady seconds
    logins: FailedLogins
    context: ssl.SSLContext | None = None
    members: set[Member] = field(default_factory=set)
    empty: asyncio.Event = field(default_factory=asyncio.Event)
    _by_address: dict[str, int] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def admit(self, member: Member, peer_ip: str) -> Reply | None:
        """Count a new connection; a Reply where there are too many (it is counted until it leaves all the same)."""
        here = self._by_address.get(peer_ip, 0) + 1
        self._by_address[peer_ip] = here
        self.members.add(member)
        self.empty.clear()
        if len(self.members) > self.rules.connections:
            return FULL
        return TOO_MANY_CONNECTIONS if here > self.rules.per_address else None

    def leave(self, member: Member, peer_ip: str) -> None:
        """A connection is gone."""
        self.members.discard(member)
        left = self._by_address.get(peer_ip, 0) - 1
        if left > 0:
            self._by_address[peer_ip] = left
        else:
            self._by_address.pop(peer_ip, None)
        if not self.members:
            self.empty.set()

    def in_background(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run what nobody waits for; its failure is logged."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def settle(self) -> None:
        """Wait for what runs in the background."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("background work failed", exc_info=task.exception())
