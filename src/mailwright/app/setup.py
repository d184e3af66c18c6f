"""What the commands and the HTTP API set up alike: keys, domains with their DKIM key, transports, webhooks."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mailwright.accounts import Account, ApiKey, DkimKeyInfo, Scope, SendingDomain, TransportInfo
from mailwright.accounts.key import digest, key_text, prefix_of
from mailwright.app.vault import dkim_place, transport_place, webhook_place
from mailwright.auth import DkimKey, public_record
from mailwright.ports import Directory, Hooks, Vault
from mailwright.transports import KINDS
from mailwright.values import Address, Conflict, Domain
from mailwright.webhooks import Secret, Webhook
from mailwright.webhooks.sign import ROTATION_MS, SECRET_BYTES
from mailwright.webhooks.types import checked
from mailwright.webhooks.url import receiver

MOST_WEBHOOKS = 50  # of one account: each costs a row for every event
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


async def add_webhook(
    hooks: Hooks, vault: Vault, number: int, account: int, *, url: str, events: Sequence[str], random: Callable[[int], bytes],
    now: int,
) -> tuple[Webhook, Secret]:  # fmt: skip
    """Make a webhook, and the secret that its receiver needs, which is shown once. Raises Malformed, Conflict."""
    made = Webhook(number, account, receiver(url).url, checked(events), created_at=now)
    if sum(hook.account == account for hook in await hooks.webhooks(account=account)) >= MOST_WEBHOOKS:
        raise Conflict(f"There are {MOST_WEBHOOKS} webhooks already.", "Remove one that is not needed, or let one hear more.")
    secret = Secret(random(SECRET_BYTES))
    await hooks.add(made, vault.seal(secret.octets, bound_to=webhook_place(account, number)))
    return made, secret


async def rotate_webhook(hooks: Hooks, vault: Vault, hook: Webhook, *, random: Callable[[int], bytes], now: int) -> Secret:
    """A new secret for a webhook; for a day calls are signed with the one before too."""
    secret = Secret(random(SECRET_BYTES))
    sealed = vault.seal(secret.octets, bound_to=webhook_place(hook.account, hook.id))
    await hooks.rotate(hook.id, sealed, account=None, until=now + ROTATION_MS)
    return secret
