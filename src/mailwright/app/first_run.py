"""The first account, so that a first mail can be sent a minute after the download."""

import secrets
from dataclasses import dataclass

from mailwright.accounts import Account, ApiKey, DkimKeyInfo, Scope, SendingDomain
from mailwright.accounts.key import PREFIX_BYTES, SECRET_BYTES, digest, key_text, prefix_of
from mailwright.app.vault import dkim_place
from mailwright.auth import make_key, public_record
from mailwright.ports import Directory, Vault
from mailwright.values import Domain
from mailwright.values.ids import IdMaker

ACCOUNT = "demo"
DOMAIN = Domain("demo.example")  # RFC 2606 §2: nobody's
SELECTOR = "mw1"


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
    await directory.add_domain(SendingDomain(ids.next(now), account.id, DOMAIN))
    signer, number = make_key(DOMAIN, SELECTOR), ids.next(now)
    info = DkimKeyInfo(number, account.id, DOMAIN, SELECTOR, signer.algorithm, public_record(signer))
    await directory.add_dkim_key(info, vault.seal(signer.secret(), bound_to=dkim_place(account.id, number)))
    text = key_text(secrets.token_bytes(PREFIX_BYTES + SECRET_BYTES))
    scopes = frozenset({Scope.SEND, Scope.READ, Scope.ADMIN})  # one key for all, as users of Resend know it
    await directory.add_key(ApiKey(ids.next(now), account.id, prefix_of(text), digest(text), "first key", scopes, (), now))
    return FirstAccount(ACCOUNT, text, DOMAIN)
