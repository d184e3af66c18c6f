"""API keys: shown once, kept as a hash, found by their prefix."""

import hashlib
import hmac
from dataclasses import dataclass
from enum import StrEnum

from mailwright.values import Address, Malformed

PREFIX_BYTES = 5  # 8 characters: enough to find a key, useless alone
SECRET_BYTES = 20  # 160 random bits
_DIGITS = "abcdefghijklmnopqrstuvwxyz234567"  # RFC 4648 §6, in lower case


class Scope(StrEnum):
    """What a key may do."""

    SEND = "send"
    READ = "read"
    ADMIN = "admin"
    OPERATOR = "operator"  # of all accounts; the key belongs to none


OPERATOR = 0  # the account number of what is the operator's own: its keys, its DKIM key


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as stored. `send_as` limits the authors: addresses, or domains as "@example.com"; empty = all of the account."""

    id: int
    account: int  # OPERATOR: of none
    prefix: str
    digest: bytes  # SHA-256 of the whole key text
    name: str = ""
    scopes: frozenset[Scope] = frozenset({Scope.SEND})
    send_as: tuple[str, ...] = ()
    created_at: int = 0
    revoked_at: int | None = None

    def admits(self, text: str) -> bool:
        """Whether `text` is this key, compared in constant time, and it was not revoked."""
        same = hmac.compare_digest(self.digest, digest(text))
        return same and self.revoked_at is None

    def may_send_as(self, author: Address) -> bool:
        """Whether the key's own list lets it write as `author`."""
        if Scope.SEND not in self.scopes:
            return False
        return not self.send_as or str(author) in self.send_as or f"@{author.domain}" in self.send_as


def key_text(random: bytes) -> str:
    """A new key from PREFIX_BYTES + SECRET_BYTES random octets: mw_<prefix>_<secret>."""
    if len(random) != PREFIX_BYTES + SECRET_BYTES:
        raise Malformed(f"A key needs {PREFIX_BYTES + SECRET_BYTES} random bytes, not {len(random)}.")
    return f"mw_{_base32(random[:PREFIX_BYTES])}_{_base32(random[PREFIX_BYTES:])}"


def prefix_of(text: str) -> str:
    """The prefix by which a key is found; "" where the text is no key."""
    mark, _, rest = text.partition("_")
    prefix, _, secret = rest.partition("_")
    return prefix if mark == "mw" and len(prefix) == 8 and len(secret) == 32 else ""


def digest(text: str) -> bytes:
    """What is stored of a key; a fast hash is right for 160 random bits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _base32(octets: bytes) -> str:
    number, digits = int.from_bytes(octets), len(octets) * 8 // 5
    return "".join(_DIGITS[(number >> (5 * n)) & 31] for n in range(digits - 1, -1, -1))
