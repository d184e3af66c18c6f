"""The door to secrets: sealed with a key that never lies beside them."""

from typing import Protocol


class Vault(Protocol):
    """AES-GCM envelopes; `bound_to` (such as "3/transport/17") is associated data: it opens nowhere else."""

    def seal(self, secret: bytes, *, bound_to: str) -> bytes:
        """The envelope: version, key id, nonce, ciphertext."""
        ...

    def open(self, sealed: bytes, *, bound_to: str) -> bytes:
        """The secret. Raises Unavailable where the key is missing, Malformed where the envelope was changed or moved."""
        ...
