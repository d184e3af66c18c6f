"""Which transport a mail leaves by, and because of what."""

from collections.abc import Mapping
from dataclasses import dataclass

from mailwright.accounts import Account, TransportInfo
from mailwright.transports import KINDS, Plan


@dataclass(frozen=True, slots=True)
class Choice:
    """A transport and the reason for it in words; `transport` None is the operator's own_server."""

    account: int
    transport: int | None
    name: str
    kind: str
    plan: Plan
    because: str


def choose(account: Account, transports: Mapping[int, TransportInfo]) -> Choice:
    """The account's default transport, else the operator's: own_server. Raises Malformed where its settings cannot be read."""
    chosen = transports.get(account.default_transport) if account.default_transport is not None else None
    if chosen is None:
        return Choice(
            account.id,
            None,
            "own_server",
            "own_server",
            OWN_SERVER,
            "The account has no default transport, so the operator's default serves.",
        )
    plan = KINDS[chosen.kind].read(chosen.settings)
    return Choice(
        account.id, chosen.id, chosen.name, chosen.kind, plan, f"It is the default transport of the account {account.name}."
    )


OWN_SERVER = KINDS["own_server"].read({})
