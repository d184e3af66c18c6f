"""The file with the keys that encrypt every stored secret: 0600, replaced as a whole, never in the database or its backups.

One key per line, `id base64`; the last one seals, those above it only open what they sealed.
"""

import binascii
import errno
import fcntl
import os
import stat
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mailwright.values import Conflict, Malformed, Unavailable

KEY_BYTES = 32  # AES-256
ID_BYTES = 4
MAX_FILE = 64 * 1024  # octets; hundreds of keys, where two are usual
_HEADING = (
    "# The keys that encrypt Mailwright's stored secrets; the last one seals.\n"
    "# Keep a copy in a safe place, apart from the backups of the database. Without it, every stored secret is lost.\n"
)
_RESTORE = "Restore the file from its copy. Without it the stored passwords and DKIM keys cannot be read."
_HANDED_OVER = (
    "systemd hands it over: put LoadCredential= into the unit and start the service. "
    "Other commands get it with systemd-run, as docs/running.md shows."
)

Randomness = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Key:
    """A key-encryption key; `id` is what envelopes name."""

    id: bytes
    secret: bytes = field(repr=False)

    @staticmethod
    def fresh(random: Randomness) -> "Key":
        """A new key."""
        return Key(random(ID_BYTES), random(KEY_BYTES))


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys of a file, oldest first; at least one."""

    keys: tuple[Key, ...]

    @property
    def newest(self) -> Key:
        """The key that seals."""
        return self.keys[-1]

    def with_key(self, key: Key) -> "Keyring":
        """The same with a new key that seals from now on."""
        return Keyring((*self.keys, key))


@dataclass(frozen=True, slots=True)
class KeyringFile:
    """Where the keyring is. A systemd credential (systemd.exec(5)) is made by the administrator and never written here."""

    path: Path
    credential: bool = False

    def read(self) -> Keyring:
        """The keys. Raises Unavailable: missing, not to be read, open to others; Malformed: damaged."""
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as fault:
            raise self._unreadable(fault) from None
        try:
            self._check_private(os.fstat(handle))
        except Unavailable:
            os.close(handle)
            raise
        with os.fdopen(handle, "rb") as file:
            return _parsed(file.read(MAX_FILE + 1), self.path)

    def create(self, random: Randomness = os.urandom) -> Keyring:
        """Make the file with its first key; where another process was quicker, read what it made."""
        if self.credential:
            raise Unavailable(
                f"The credential {self.path} with the keyring is missing.",
                "Set LoadCredential= in the unit, or take `credential` away.",
            )
        new = Keyring((Key.fresh(random),))
        with self._writing(), self._spare(new) as spare:
            try:
                os.link(spare, self.path)  # unlike rename, this never replaces a keyring that is there
            except FileExistsError:
                return self.read()
            self._settle_folder()
        return new

    def replace(self, keyring: Keyring) -> None:
        """Put a new keyring in place of the old one: after a crash the file is the one or the other."""
        if self.credential:
            raise Conflict(
                f"{self.path} is a credential of systemd and is not changed here.", "Use a keyring file to rotate keys."
            )
        with self._writing(), self._spare(keyring) as spare:
            spare.replace(self.path)
            self._settle_folder()

    def mark(self) -> tuple[int, int, int] | None:
        """What changes when the file does; None where it is gone."""
        try:
            seen = os.lstat(self.path)
        except OSError:
            return None
        return seen.st_ino, seen.st_mtime_ns, seen.st_size

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from changing the file. Raises Conflict where one does so now."""
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _lock(folder)
            yield
        finally:
            os.close(folder)

    def _unreadable(self, fault: OSError) -> Unavailable:
        if fault.errno in {errno.ENOENT, errno.EACCES} and self.credential:
            return Unavailable(f"There is no credential {self.path}, or it may not be read by this user.", _HANDED_OVER)
        if fault.errno == errno.ENOENT:
            return Unavailable(f"The keyring {self.path} is missing.", _RESTORE)
        if fault.errno == errno.ELOOP:
            return Unavailable(f"The keyring {self.path} is a symbolic link.", "Name the file itself in the settings.")
        return Unavailable(
            f"The keyring {self.path} cannot be read: {fault.strerror}.",
            "Let the user that runs Mailwright own and read the file.",
        )

    def _check_private(self, seen: os.stat_result) -> None:
        """Nobody else may read it. Beside a credential's mode stands an ACL that shows as group bits; its folder is closed."""
        if not stat.S_ISREG(seen.st_mode):
            raise Unavailable(f"The keyring {self.path} is not a file.", _RESTORE)
        if seen.st_uid not in {os.geteuid(), 0}:
            raise Unavailable(
                f"The keyring {self.path} belongs to another user.", f"Take it over: chown {os.geteuid()} {self.path}"
            )
        if stat.S_IMODE(seen.st_mode) & (0o007 if self.credential else 0o077):
            raise Unavailable(f"Other users can read or change the keyring {self.path}.", f"Close it: chmod 600 {self.path}")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as fault:
            raise Unavailable(
                f"The keyring {self.path} cannot be written: {fault.strerror}.",
                "Make room, and let Mailwright write to its folder.",
            ) from fault

    @contextmanager
    def _spare(self, keyring: Keyring) -> Iterator[Path]:
        """The keyring in a durable file of its own beside the real one; gone at the end, unless it became the real one."""
        spare = self.path.with_name(f"{self.path.name}.{os.urandom(8).hex()}")
        try:
            handle = os.open(spare, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(_written(keyring))
                file.flush()
                os.fsync(handle)
            yield spare
        finally:
            spare.unlink(missing_ok=True)

    def _settle_folder(self) -> None:
        """A new name is durable once its folder is (fsync(2))."""
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _lock(folder: int) -> None:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Conflict("Another process is changing the keyring.", "Wait until it has ended, then try again.") from None


def _written(keyring: Keyring) -> bytes:
    lines = (f"{key.id.hex()} {b64encode(key.secret).decode()}\n" for key in keyring.keys)
    return (_HEADING + "".join(lines)).encode("ascii")


def _parsed(text: bytes, path: Path) -> Keyring:
    """Every line or none; what is in a bad line is never repeated."""
    if len(text) > MAX_FILE:
        raise Malformed(f"The keyring {path} is too large to be one.", _RESTORE)
    keys: list[Key] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith(b"#"):
            continue
        key = _key(line)
        if key is None or key.id in {other.id for other in keys}:
            raise Malformed(f"Line {number} of the keyring {path} is damaged.", _RESTORE)
        keys.append(key)
    if not keys:
        raise Malformed(f"The keyring {path} is empty.", _RESTORE)
    return Keyring(tuple(keys))


def _key(line: bytes) -> Key | None:
    name, _, secret = line.strip().partition(b" ")
    try:
        key = Key(bytes.fromhex(name.decode("ascii")), b64decode(secret, validate=True))
    except (ValueError, binascii.Error):
        return None
    return key if len(key.id) == ID_BYTES and len(key.secret) == KEY_BYTES else None
