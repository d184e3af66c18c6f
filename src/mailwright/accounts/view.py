"""One account with all that submitting and delivering ask of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from mailwright.accounts.account import Account, SendingDomain, TransportInfo
from mailwright.accounts.key import ApiKey
from mailwright.values import Address, Domain


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account with its domains (by name) and transports (by id)."""

    account: Account
    domains: Mapping[str, SendingDomain]
    transports: Mapping[int, TransportInfo]
    suppresses: bool = False  # whether there is any address to which it does not send

    def domain_of(self, name: Domain) -> SendingDomain | None:
        """The account's domain that covers a name: itself, or a parent whose sub-domains are ticked."""
        found = self.domains.get(name.name)
        rest = name.name
        while found is None and "." in rest:
            rest = rest.partition(".")[2]
            parent = self.domains.get(rest)
            found = parent if parent is not None and parent.subdomains else None
        return found


@dataclass(frozen=True, slots=True)
class Submitter:
    """Who hands in: an account, by one of its keys; `key` None is a client of a trusted range."""

    view: AccountView
    key: ApiKey | None

    def may_send_as(self, author: Address) -> bool:
        """Whether the key's own list admits the author; a trusted range has none."""
        return self.key is None or self.key.may_send_as(author)
