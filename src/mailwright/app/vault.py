"""The vault of this installation, and the names of the places that secrets are bound to."""

from mailwright.app.settings import Settings
from mailwright.storage.vault import FileVault, vault_at


def open_vault(settings: Settings, *, sealed: int) -> FileVault:
    """The vault; its keyring is made at the first run, while nothing is `sealed` yet. Raises MailwrightError."""
    return vault_at(settings.keyring, sealed=sealed, credential=settings.credential is not None)


def dkim_place(account: int, key: int) -> str:
    """Where a DKIM key's envelope opens."""
    return f"{account}/dkim_key/{key}"


def transport_place(account: int, transport: int) -> str:
    """Where a transport's password opens."""
    return f"{account}/transport/{transport}"


def webhook_place(account: int, webhook: int) -> str:
    """Where a webhook's secrets open, the present one and the one before."""
    return f"{account}/webhook/{webhook}"


def operator_place(name: str) -> str:
    """Where a secret of the operator's opens."""
    return f"0/operator/{name}"
