"""The vault of this installation, and the names of the places that secrets are bound to."""

import os

from mailwright.app.settings import Settings
from mailwright.storage.vault import EnvelopeVault, Keyring
from mailwright.values import MailwrightError


def dkim_place(account: int, key: int) -> str:
    """Where a DKIM key's envelope opens."""
    return f"{account}/dkim_key/{key}"


def transport_place(account: int, transport: int) -> str:
    """Where a transport's password opens."""
    return f"{account}/transport/{transport}"


def operator_place(name: str) -> str:
    """Where a secret of the operator's opens."""
    return f"0/operator/{name}"
