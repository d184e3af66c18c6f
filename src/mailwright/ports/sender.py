"""The door out: a session to one site, over which mails are sent one after the other."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mailwright.smtp.credentials import Login
from mailwright.smtp.transaction import Lost
from mailwright.transports import Tls
from mailwright.values import Finding, Reply

__all__ = ["HostAddress", "Login", "Lost", "OutgoingMail", "Sender", "Sent", "Session", "Target", "Unreachable"]


BeforeDot = Callable[[], bool | Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class HostAddress:
    """One address to try."""

    name: str
    ip: str
    port: int


@dataclass(frozen=True, slots=True)
class Target:
    """Where a session leads: addresses in the order in which they are tried, and how to speak there."""

    hosts: tuple[HostAddress, ...]
    tls: Tls
    ehlo: str
    login: Login | None = None
    source_ip: str | None = None
    allow_private: bool = False  # only for the operator's own routes


@dataclass(slots=True)
class OutgoingMail:
    """One mail transaction. `content` holds CRLF lines; an async iterator where the mail is large. `size` in octets."""

    mail_from: str
    recipients: Sequence[str]
    content: Sequence[bytes] | AsyncIterator[bytes]
    size: int
    eightbit: bool = False
    smtputf8: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """Capture mode: the mail was kept instead of sent."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What the server answered for each recipient."""

    answers: Mapping[str, Reply | Lost | Kept]
    transcript: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No session came about. `finding` tells it to a person; `reply` is the server's refusal where it spoke."""

    finding: Finding
    reply: Reply | None = None
    host: str = ""
    ip: str = ""
    transcript: str = ""
    permanent: bool = False


class Session(Protocol):
    """An open connection, ready for the next mail."""

    host: str
    ip: str
    tls: str  # "" is no TLS, else version and cipher
    note: str  # such as why TLS was not used
    used: int  # mails sent so far

    @property
    def alive(self) -> bool:
        """Whether another mail may be sent over it."""
        ...

    async def send(self, mail: OutgoingMail, *, before_dot: BeforeDot | None = None) -> Sent:
        """Send one mail. `before_dot` is asked before the final dot: False abandons the transaction."""
        ...

    async def quit(self) -> None:
        """End it politely."""
        ...


class Sender(Protocol):
    """Opens sessions; in capture mode nothing leaves the machine."""

    async def open(self, target: Target) -> Session | Unreachable:
        """A session, or why there is none."""
        ...
