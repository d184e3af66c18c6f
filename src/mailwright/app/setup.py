"""What the commands and the HTTP API set up alike: API keys, domains with their DKIM key, transports with their password."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from mailwright.accounts import Account, ApiKey, DkimKeyInfo, Scope, SendingDomain, TransportInfo
from mailwright.accounts.key import digest, key_text, prefix_of
from mailwright.app.vault import dkim_place, transport_place
from mailwright.auth import DkimKey, public_record
from mailwright.ports import Directory, Vault
from mailwright.transports import KINDS
from mailwright.values import Address, Domain

SELECTOR = "mw1"  # of the DKIM key that comes with a domain


def new_key(
    number: int, account: int, random: bytes, *, name: str, scopes: Iterable[Scope], send_as: Iterable[str] = (), now: int
) -> tuple[ApiKey, str]:
    """A key from PREFIX_BYTES + SECRET_BYTES random octets, and its text, which is shown once and not kept."""
    text = key_text(random)
    return ApiKey(number, account, prefix_of(text), digest(text), name, frozenset(scopes), tuple(send_as), now), text


def sender(entry: str) -> str:
    """An address, or @domain, that a key may send as, in its canonical form. Raises Malformed."""
    return f"@{Domain.parse(entry[1:])}" if entry.startswith("@") else str(Address.parse(entry))


async def keep_domain(directory: Directory, vault: Vault, new_id: Callable[[], int], domain: SendingDomain, key: DkimKey) -> None:
    """Give an account a domain and the key that signs for it. Raises Conflict where anybody has the domain."""
    await directory.add_domain(domain)
    await keep_dkim_key(directory, vault, new_id(), domain.account, key)


async def keep_dkim_key(directory: Directory, vault: Vault, number: int, account: int, key: DkimKey) -> None:
    """Keep a DKIM key, its private half sealed."""
    sealed = vault.seal(key.secret(), bound_to=dkim_place(account, number))
    info = DkimKeyInfo(number, account, key.domain, key.selector, key.algorithm, public_record(key))
    await directory.add_dkim_key(info, sealed)


async def keep_transport(
    directory: Directory,
    vault: Vault,
    owner: Account,
    made: TransportInfo,
    password: bytes,
    *,
    default: bool,
) -> TransportInfo:
    """Keep a transport, its password sealed; `default` lets all mail of the account leave by it."""
    sealed = vault.seal(password, bound_to=transport_place(owner.id, made.id)) if password else None
    kept = replace(made, has_secret=sealed is not None)
    await directory.add_transport(kept, sealed)
    if default:
        await directory.change_account(replace(owner, default_transport=made.id))
    return kept


def wants_password(kind: str, settings: Mapping[str, Any]) -> bool:
    """Whether a transport with these settings logs in. Raises Malformed where they cannot be used."""
    return KINDS[kind].read(settings).login is not None
