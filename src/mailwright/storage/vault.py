"""Secrets at rest: AES-256-GCM envelopes under the keys of the keyring (NIST SP 800-38D), each bound to its place.

An envelope is version (1 octet), key id (4), nonce (12), ciphertext and tag (16). Version, key id and the place
("3/transport/17") are associated data: an envelope that was changed, or moved to another row, does not open.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mailwright.storage.keyring import ID_BYTES, Key, Keyring, KeyringFile, Randomness
from mailwright.values import Malformed, Unavailable

VERSION = b"\x01"
NONCE_BYTES = 12  # SP 800-38D §8.2.2: drawn at random, safe for 2**32 envelopes under one key
TAG_BYTES = 16
_HEAD = len(VERSION) + ID_BYTES
_LEAST = _HEAD + NONCE_BYTES + TAG_BYTES

MAX_PASSES = 5  # of a rotation; the second one finds nothing, unless another process sealed a secret just then

Renew = Callable[[bytes, str], bytes]


@dataclass(frozen=True, slots=True)
class _Loaded:
    """The keys as last read, replaced as a whole: threads see the old ones or the new ones."""

    mark: object
    newest: bytes
    ciphers: Mapping[bytes, AESGCM] = field(repr=False)


class FileVault:
    """The Vault whose keys are in a file; follows the file when another process rotates them. Safe in any thread."""

    def __init__(self, file: KeyringFile, random: Randomness = os.urandom) -> None:
        self.file = file
        self._random = random
        self._loaded = _load(file)

    def __repr__(self) -> str:
        return f"FileVault({str(self.file.path)!r}, {len(self._loaded.ciphers)} keys)"

    def seal(self, secret: bytes, *, bound_to: str) -> bytes:
        """The envelope, under the newest key of the file. Raises Unavailable where the file is gone."""
        keys = self._followed()  # a key that another process dropped must not seal once more
        head, nonce = VERSION + keys.newest, self._random(NONCE_BYTES)
        return head + nonce + keys.ciphers[keys.newest].encrypt(nonce, secret, _place(head, bound_to))

    def open(self, sealed: bytes, *, bound_to: str) -> bytes:
        """The secret. Raises Unavailable where its key is missing, Malformed where the envelope was changed or moved."""
        head, nonce, text = sealed[:_HEAD], sealed[_HEAD : _HEAD + NONCE_BYTES], sealed[_HEAD + NONCE_BYTES :]
        if len(sealed) < _LEAST or not head.startswith(VERSION):
            raise _damaged(bound_to)
        try:
            return self._cipher(head[len(VERSION) :]).decrypt(nonce, text, _place(head, bound_to))
        except InvalidTag:
            raise _damaged(bound_to) from None

    def renew(self, sealed: bytes, bound_to: str) -> bytes:
        """The same secret under the newest key; what is under it already stays as it is."""
        if sealed.startswith(VERSION + self._loaded.newest):
            return sealed
        return self.seal(self.open(sealed, bound_to=bound_to), bound_to=bound_to)

    def add_key(self) -> None:
        """A new key seals from now on; the old ones still open. Durable when it returns."""
        self.file.replace(self.file.read().with_key(Key.fresh(self._random)))
        self._loaded = _load(self.file)

    def drop_old_keys(self) -> None:
        """Keep the newest key alone: nothing may be left that another one sealed."""
        self.file.replace(Keyring((self.file.read().newest,)))
        self._loaded = _load(self.file)

    def _followed(self) -> _Loaded:
        if self.file.mark() != self._loaded.mark:
            self._loaded = _load(self.file)
        return self._loaded

    def _cipher(self, key: bytes) -> AESGCM:
        cipher = self._loaded.ciphers.get(key) or self._followed().ciphers.get(key)
        if cipher is None:
            raise Unavailable(
                f"A secret was sealed with the key {key.hex()}, which is not in {self.file.path}.",
                "Restore the keyring file that belongs to this database.",
            )
        return cipher


def vault_at(path: Path, *, sealed: int, credential: bool = False) -> FileVault:
    """The vault at start. The keyring is made at the first run, that is, while `sealed` (secrets in the database) is 0.

    Raises Unavailable where it is missing although secrets are stored, is open to others, or cannot be read.
    """
    file = KeyringFile(path, credential)
    if file.mark() is None and not sealed:
        file.create()
    return FileVault(file)


async def rotate(vault: FileVault, reseal: Callable[[Renew], Awaitable[int]]) -> int:
    """Seal every secret anew under a new key, then drop the old keys; returns how many secrets there are.

    `reseal` puts `renew` on every secret in one transaction (Directory.reseal). The old keys go only after a pass that
    found nothing left to renew, so neither a crash at any step nor a secret sealed meanwhile is lost: run it again.
    """
    with vault.file.locked():
        await asyncio.to_thread(vault.add_key)
        total = await _reseal_all(vault, reseal)
        await asyncio.to_thread(vault.drop_old_keys)
    return total


async def _reseal_all(vault: FileVault, reseal: Callable[[Renew], Awaitable[int]]) -> int:
    changed = 0

    def renew(sealed: bytes, bound_to: str) -> bytes:
        nonlocal changed
        fresh = vault.renew(sealed, bound_to)
        changed += fresh != sealed
        return fresh

    for _ in range(MAX_PASSES):
        changed = 0
        total = await reseal(renew)
        if not changed:
            return total
    raise Unavailable("Secrets are still written under an old key.", "Restart Mailwright, then rotate again; nothing was lost.")


def _load(file: KeyringFile) -> _Loaded:
    mark = file.mark()  # before reading: a change meanwhile is seen the next time
    keyring = file.read()
    return _Loaded(mark, keyring.newest.id, {key.id: AESGCM(key.secret) for key in keyring.keys})


def _place(head: bytes, bound_to: str) -> bytes:
    return head + bound_to.encode("utf-8")


def _damaged(bound_to: str) -> Malformed:
    return Malformed(
        f"The stored secret of {bound_to} was changed, cut short, or belongs to another row.",
        "Set the password or key again, or restore the database from a backup.",
    )
