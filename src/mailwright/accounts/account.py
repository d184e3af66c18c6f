"""Accounts and what they own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mailwright.values import Domain

RETENTION_DAYS = 30  # how long a body is kept after the final state, unless the account says otherwise


@dataclass(frozen=True, slots=True)
class Account:
    """One customer of the operator; sees nothing of another account."""

    id: int
    name: str  # unique, [a-z0-9-], what the operator types
    retention_days: int = RETENTION_DAYS
    reports: bool = True  # whether a final failure is reported to the submitter's MAIL FROM (RFC 3464)
    hour_limit: int | None = None  # deliveries an hour; what is over waits
    day_limit: int | None = None
    default_transport: int | None = None  # id of a TransportInfo; None = the operator's own_server


@dataclass(frozen=True, slots=True)
class SendingDomain:
    """A domain that an account may send as."""

    id: int
    account: int
    domain: Domain
    subdomains: bool = False  # whether names below it are covered too


@dataclass(frozen=True, slots=True)
class DomainCheck:
    """What the DNS said of a domain's records when it was last asked."""

    domain: int  # id of a SendingDomain
    account: int
    at: int  # milliseconds since 1970
    standings: Mapping[str, str]  # of each record, by its type and name


@dataclass(frozen=True, slots=True)
class TransportInfo:
    """A way for mail to leave, as stored; the password is not in it."""

    id: int
    account: int
    kind: str  # a name in transports.KINDS
    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    has_secret: bool = False


@dataclass(frozen=True, slots=True)
class DkimKeyInfo:
    """A DKIM key of a domain, as stored; the private half is not in it."""

    id: int
    account: int  # 0: the operator's own key
    domain: Domain
    selector: str
    algorithm: str  # "rsa-sha256" or "ed25519-sha256"
    public_record: str  # the TXT to publish at <selector>._domainkey.<domain>
    state: str = "active"  # pending, active, retiring, retired
