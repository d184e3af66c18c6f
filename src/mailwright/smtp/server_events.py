"""What the SMTP server machine tells the outside, and the limits it holds."""

from dataclasses import dataclass

from mailwright.smtp.commands import MailFrom
from mailwright.smtp.login import Login
from mailwright.values import Address, Domain, Reply


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of everything one session may use; sizes in octets."""

    size: int = 26_214_400  # 25 MiB for one mail
    recipients: int = 1000  # RCPT commands in one mail, refused ones too; at least 100, RFC 5321 §4.5.3.1.8
    header_fields: int = 1000
    header_octets: int = 256 * 1024
    errors: int = 20  # commands that failed since the last mail that was taken
    idle_commands: int = 200  # NOOP, RSET, EHLO and their like since the last mail that was taken
    chunk: int = 256 * 1024  # content beyond this is passed on while it arrives
    ahead: int = 1 << 20  # octets that may wait while the outside thinks; more ends the session


@dataclass(frozen=True, slots=True)
class Setup:
    """What is the same for all sessions of one listener."""

    host: Domain  # how the server calls itself
    limits: Limits = Limits()
    starttls: bool = False  # whether there is a certificate to begin TLS with
    login: bool = True  # whether AUTH is there at all
    ask_mail: bool = False  # whether each MAIL is a question to the outside, or answered by the machine
    ask_recipient: bool = True  # the same for RCPT


@dataclass(frozen=True, slots=True)
class StartTls:
    """The client was told to begin TLS: write what is outgoing, shake hands, then call `tls_started`."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """A recipient that the outside is asked about; a positive reply takes it."""

    address: Address


@dataclass(frozen=True, slots=True)
class Chunk:
    """Content that is passed on before its end, at most Limits.chunk octets; answer with `taken`."""

    content: bytes


@dataclass(frozen=True, slots=True)
class EndOfData:
    """The whole mail is here: `content` is all of it, or what came after the last Chunk."""

    content: bytes
    size: int  # octets, RFC 1870 §5
    eight_bit: bool  # there is an octet above 127
    long_line: bool  # there is a line over 998 octets, RFC 5322 §2.1.1


@dataclass(frozen=True, slots=True)
class ContentRefused:
    """The machine refused the content: throw away the chunks of this mail."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Closed:
    """The session is over: write what is outgoing, then close. `why` is a word for the log; `polite` after QUIT."""

    why: str
    polite: bool = False


Event = StartTls | Login | MailFrom | Recipient | Chunk | EndOfData | ContentRefused | Closed
