"""Three answers, never two: there it is, there is none, it could not be found out."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from mailwright.dns.records import Mx, Record, Txt


class Cause(StrEnum):
    """Why a question has no answer."""

    TIMEOUT = "timeout"  # nobody answered in time
    SERVFAIL = "servfail"  # the server tried and failed (RFC 1035 §4.1.1), or talked nonsense
    REFUSED = "refused"  # the server does not want to answer us
    BOGUS = "bogus"  # DNSSEC validation failed (RFC 4035 §4.3)


@dataclass(frozen=True, slots=True)
class Found:
    """There are records. `ttl` in seconds, of the shortest-lived part; `authenticated` is the AD bit (RFC 4035 §3.2.3).

    `chain` are the alias targets that led here, in order: the last one owns the records (RFC 1034 §3.6.2).
    """

    records: tuple[Record, ...]
    ttl: int = 0
    authenticated: bool = False
    chain: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """The joined texts of TXT records."""
        return tuple([record.text for record in self.records if isinstance(record, Txt)])

    @property
    def names(self) -> tuple[str, ...]:
        """The names or addresses of A, AAAA, CNAME, PTR or NS records."""
        return tuple([record for record in self.records if isinstance(record, str)])

    @property
    def exchangers(self) -> tuple[Mx, ...]:
        """The MX records, as they came."""
        return tuple([record for record in self.records if isinstance(record, Mx)])


@dataclass(frozen=True, slots=True)
class Missing:
    """There is no such record: `name_exists` tells NODATA from NXDOMAIN (RFC 2308 §2), for the end of the chain (RFC 6604 §3)."""

    name_exists: bool
    ttl: int = 0
    authenticated: bool = False
    chain: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """It could not be found out; `detail` says for people what happened. Never to be read as "there is none"."""

    cause: Cause
    detail: str = ""


Answer: TypeAlias = Found | Missing | Failed
