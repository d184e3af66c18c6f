"""What the SMTP listener asks of the application behind it: the door, and the values that go through it."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

from mailwright.smtp.commands import MailFrom
from mailwright.values import Address, Reply


@dataclass(frozen=True, slots=True)
class TlsInfo:
    """How a connection is encrypted, for Received and for the story of a mail."""

    version: str  # "TLSv1.3"
    cipher: str


@dataclass(slots=True)
class Session:
    """One connection as the door sees it; `identity` is what the door gave for it, None before login."""

    peer_ip: str
    peer_port: int
    identity: object | None = None
    helo: str = ""
    tls: TlsInfo | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is known of a mail besides its content."""

    identity: object | None
    peer_ip: str
    peer_port: int
    helo: str
    tls: TlsInfo | None
    protocol: str  # the word after `with` in Received: ESMTP, ESMTPSA, UTF8SMTPSA ... (RFC 3848, RFC 6531 §4.3)
    mail_from: Address | None  # None is the null reverse-path
    recipients: tuple[Address, ...]
    size: int  # octets, RFC 1870 §5
    eight_bit: bool  # the content has an octet above 127
    long_line: bool  # the content has a line over 998 octets
    smtputf8: bool  # the client announced it
    body: str  # "7BIT", "8BITMIME" or "" where the client said nothing


class Spooled(Protocol):
    """A mail too large to be handed over in one piece: its content goes to the store while it arrives."""

    async def write(self, chunk: bytes) -> None:
        """Put away the next octets, at most Limits.chunk of them; the client is not read until this is done."""
        ...

    async def abort(self) -> None:
        """Throw away what was written: the mail will not come. Never called after `submit` was."""
        ...


class Door(Protocol):
    """The application behind a listener. What needs no waiting is answered at once; an Awaitable is waited for.

    Raise Unavailable where a store does not answer: the client is told to try again (451 4.3.0, 454 4.7.0; 452 4.3.1 for NoRoom).
    Any other exception is logged with its cause and told as the same 4xx; nothing of it goes on the wire.
    """

    def trusted(self, peer_ip: str) -> object | None:
        """Who this address is without logging in; None for everybody else."""
        ...

    def login(self, peer_ip: str, mechanism: str, username: str, password: str) -> object | Awaitable[object]:
        """Who logs in: an identity, or the Reply that refuses (None: 535 5.7.8)."""
        ...

    def mail(self, session: Session, mail_from: MailFrom) -> Reply | Awaitable[Reply | None] | None:
        """Whether this sender is let in: None is yes. Asked only where Setup.ask_mail says so."""
        ...

    def recipient(self, session: Session, address: Address) -> Reply | Awaitable[Reply | None] | None:
        """Whether this recipient is let in: None is yes. Asked only where Setup.ask_recipient says so."""
        ...

    def spool(self, session: Session) -> Spooled:
        """A place for a mail that has grown beyond Limits.chunk."""
        ...

    def submit(self, envelope: Envelope, content: bytes | Spooled) -> Reply | Awaitable[Reply]:
        """Take the mail: a 250 promises that it is safe. A Spooled that is not taken is for the door to throw away."""
        ...
