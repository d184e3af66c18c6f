"""What the client machine tells its driver."""

from dataclasses import dataclass
from enum import Enum

from mailwright.smtp.transaction import Lost
from mailwright.values import Finding, Reply


class Starttls(Enum):
    """Whether a clear connection is to be encrypted (RFC 3207)."""

    NEVER = "never"
    TRY = "try"
    MUST = "must"


@dataclass(frozen=True, slots=True)
class NeedTls:
    """The server said go: the driver starts TLS now and then says `tls_started`."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The session is open: a transaction may begin."""


@dataclass(frozen=True, slots=True)
class Pour:
    """The server waits for the content: `content` for each chunk, then `end`."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The session is over; what is still in `outgoing` may be sent before closing."""

    finding: Finding
    reply: Reply | None = None


@dataclass(frozen=True, slots=True)
class TransactionDone:
    """Every recipient has its answer."""

    answers: dict[str, Reply | Lost]


Event = NeedTls | Ready | Pour | Failed | TransactionDone
