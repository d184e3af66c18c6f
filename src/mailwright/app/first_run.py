"""The first account, so that a first mail can be sent a minute after the download."""

import secrets
from dataclasses import dataclass

from mailwright.accounts import Account, Scope, SendingDomain
from mailwright.accounts.key import PREFIX_BYTES, SECRET_BYTES
from mailwright.app.setup import SELECTOR, keep_domain, new_key
from mailwright.auth import make_key
from mailwright.ports import Directory, Vault
from mailwright.values import Domain
from mailwright.values.ids import IdMaker

ACCOUNT = "demo"
DOMAIN = Domain("demo.example")  # RFC 2606 §2: nobody's


@dataclass(frozen=True, slots=True)
class FirstAccount:
    """What was made; `key` is shown this once."""

    name: str
    key: str
    domain: Domain


async def first_account(directory: Directory, vault: Vault, ids: IdMaker, *, now: int) -> FirstAccount | None:
    """Make an account with a key, a domain and its DKIM key; None where there is an account already."""
    if await directory.accounts():
        return None
    account = Account(ids.next(now), ACCOUNT)
    await directory.add_account(account)
    domain = SendingDomain(ids.next(now), account.id, DOMAIN)
    await keep_domain(directory, vault, lambda: ids.next(now), domain, make_key(DOMAIN, SELECTOR))
    scopes = (Scope.SEND, Scope.READ, Scope.ADMIN)  # one key for all, as users of Resend know it
    random = secrets.token_bytes(PREFIX_BYTES + SECRET_BYTES)
    key, text = new_key(ids.next(now), account.id, random, name="first key", scopes=scopes, now=now)
    await directory.add_key(key)
    return FirstAccount(ACCOUNT, text, DOMAIN)
