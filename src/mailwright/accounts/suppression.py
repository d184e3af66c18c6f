"""Addresses to which an account does not send again, and why."""

from dataclasses import dataclass
from enum import StrEnum

from mailwright.values import Address


class Origin(StrEnum):
    """Where a suppression came from."""

    MANUAL = "manual"
    BOUNCE = "bounce"
    COMPLAINT = "complaint"


@dataclass(frozen=True, slots=True)
class Suppression:
    """One address of one account. `address` as `suppressed_as` writes it; `source` is the message that brought it about."""

    id: int
    account: int
    address: str
    reason: str
    origin: Origin
    created_at: int  # milliseconds since 1970
    source: int | None = None


def suppressed_as(address: Address) -> str:
    """In small letters: hardly any server tells `Bob@` from `bob@`, and whoever is not to be written to is meant either way."""
    return str(address).lower()
