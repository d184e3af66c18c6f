"""Secrets at rest: what opens, what does not, and a keyring that survives an interruption at every step."""

import asyncio
import logging
import os
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.ports import Vault
from mailwright.storage.keyring import KEY_BYTES, Key, Keyring, KeyringFile
from mailwright.storage.vault import FileVault, Renew, rotate, vault_at
from mailwright.values import Conflict, MailwrightError, Malformed, Unavailable

SECRET = b"correct horse battery staple"
PLACE = "3/transport/17"


@pytest.fixture
def vault(tmp_path: Path) -> FileVault:
    return vault_at(tmp_path / "keyring", sealed=0)


def test_what_was_sealed_opens_in_the_next_process(vault: FileVault) -> None:
    door: Vault = vault
    sealed = door.seal(SECRET, bound_to=PLACE)
    assert SECRET not in sealed
    assert door.seal(SECRET, bound_to=PLACE) != sealed  # a nonce of its own
    assert vault_at(vault.file.path, sealed=1).open(sealed, bound_to=PLACE) == SECRET


@given(st.binary(max_size=300), st.text(max_size=40))
def test_any_secret_and_place(tmp_path_factory: pytest.TempPathFactory, secret: bytes, place: str) -> None:
    place = place.encode("utf-8", "replace").decode()
    vault = vault_at(tmp_path_factory.getbasetemp() / "keyring-of-any", sealed=0)
    assert vault.open(vault.seal(secret, bound_to=place), bound_to=place) == secret


ATTACKS = [  # what is done to the envelope, because
    (lambda sealed: sealed[:-1], "cut short by one octet"),
    (lambda sealed: sealed[:20], "cut within the nonce"),
    (lambda sealed: b"", "nothing left"),
    (lambda sealed: sealed + b"\0", "an octet more"),
    (lambda sealed: b"\x02" + sealed[1:], "another version"),
    (lambda sealed: b"\0" * 60, "zeros"),
]


@pytest.mark.parametrize("change, because", ATTACKS)
def test_a_changed_envelope_does_not_open(vault: FileVault, change: Callable[[bytes], bytes], because: str) -> None:
    with pytest.raises(Malformed, match="3/transport/17"):
        vault.open(change(vault.seal(SECRET, bound_to=PLACE)), bound_to=PLACE)


def test_no_flipped_bit_opens(vault: FileVault) -> None:
    sealed = vault.seal(SECRET, bound_to=PLACE)
    for bit in range(len(sealed) * 8):
        flipped = bytearray(sealed)
        flipped[bit // 8] ^= 1 << (bit % 8)
        with pytest.raises(MailwrightError):
            vault.open(bytes(flipped), bound_to=PLACE)


@pytest.mark.parametrize("other", ["3/transport/18", "4/transport/17", "3/dkim/17", "", "3/transport/17 "])
def test_an_envelope_moved_to_another_row_does_not_open(vault: FileVault, other: str) -> None:
    with pytest.raises(Malformed, match="belongs to another row"):
        vault.open(vault.seal(SECRET, bound_to=PLACE), bound_to=other)


def test_an_envelope_under_a_key_that_is_not_there(vault: FileVault, tmp_path: Path) -> None:
    stranger = vault_at(tmp_path / "another", sealed=0)
    with pytest.raises(Unavailable, match="is not in") as told:
        vault.open(stranger.seal(SECRET, bound_to=PLACE), bound_to=PLACE)
    assert "Restore the keyring" in told.value.remedy


def test_a_key_id_that_was_put_in_place_of_another_does_not_open(vault: FileVault) -> None:
    first = vault.seal(SECRET, bound_to=PLACE)
    vault.add_key()
    second = vault.seal(SECRET, bound_to=PLACE)
    with pytest.raises(Malformed):
        vault.open(second[:5] + first[5:], bound_to=PLACE)


def test_nothing_shows_a_key_or_a_secret(vault: FileVault, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    keyring = vault.file.read()
    told = [repr(vault), repr(keyring), repr(keyring.newest), repr(vault.file), str(keyring), repr(vault.__dict__)]
    with pytest.raises(Malformed) as fault:
        vault.open(vault.seal(SECRET, bound_to=PLACE), bound_to="elsewhere")
    told += [repr(fault.value), fault.value.remedy, repr(fault.value.__cause__), caplog.text]
    for text in told:
        assert repr(keyring.newest.secret)[2:-1] not in text
        assert keyring.newest.secret.hex() not in text
        assert SECRET.decode() not in text


# --- the file ---------------------------------------------------------------------------------------------------------


def test_the_first_run_makes_a_closed_file(vault: FileVault, tmp_path: Path) -> None:
    assert stat.S_IMODE(vault.file.path.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["keyring"]  # nothing is left beside it
    assert len(vault.file.read().newest.secret) == KEY_BYTES


def test_a_missing_keyring_with_stored_secrets_refuses_the_start(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="is missing") as told:
        vault_at(tmp_path / "keyring", sealed=1)
    assert "Restore the file" in told.value.remedy
    assert not (tmp_path / "keyring").exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_keyring_that_others_can_open_is_refused(vault: FileVault, mode: int) -> None:
    vault.file.path.chmod(mode)
    with pytest.raises(Unavailable, match="Other users") as told:
        vault_at(vault.file.path, sealed=1)
    assert "chmod 600" in told.value.remedy


def test_a_symbolic_link_is_refused(vault: FileVault, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(vault.file.path)
    with pytest.raises(Unavailable, match="symbolic link"):
        vault_at(tmp_path / "link", sealed=0)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="is not a file"):
        vault_at(tmp_path, sealed=0)
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(Unavailable, match="is not a file"):
        vault_at(tmp_path / "pipe", sealed=0)


GOOD = "00112233 " + "A" * 43 + "="
DAMAGED = [  # text, says, because
    ("", "is empty", "no key at all"),
    ("# only words\n", "is empty", "a heading alone"),
    (GOOD + "\n" + GOOD + "\n", "Line 2", "one id twice"),
    (GOOD[:-5] + "\n", "Line 1", "base64 cut short"),
    ("0011 " + "A" * 43 + "=\n", "Line 1", "an id of two octets"),
    ("00112233 " + "A" * 22 + "==\n", "Line 1", "a key of 16 octets"),
    ("zz112233 " + "A" * 43 + "=\n", "Line 1", "an id that is not hexadecimal"),
    ("\xff\n", "Line 1", "not ASCII"),
    ("#\n" * 40_000, "too large", "a file that cannot be a keyring"),
]


@pytest.mark.parametrize("text, says, because", DAMAGED, ids=[row[2] for row in DAMAGED])
def test_a_damaged_keyring_is_told_and_its_text_is_not(tmp_path: Path, text: str, says: str, because: str) -> None:
    path = tmp_path / "keyring"
    path.touch(0o600)
    path.write_text(text, encoding="latin-1")
    with pytest.raises(Malformed, match=says) as told:
        vault_at(path, sealed=1)
    assert "AAAA" not in str(told.value) + told.value.remedy


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be written"):
        vault_at(tmp_path / "missing" / "keyring", sealed=0)


def test_two_first_runs_agree_on_one_keyring(tmp_path: Path) -> None:
    file = KeyringFile(tmp_path / "keyring")
    assert file.create() == file.create() == file.read()


def test_a_credential_is_read_and_never_made_or_changed(vault: FileVault, tmp_path: Path) -> None:
    path = vault.file.path
    path.chmod(0o440)  # how the ACL of systemd shows
    sealed = vault_at(path, sealed=1, credential=True).seal(SECRET, bound_to=PLACE)
    assert vault_at(path, sealed=1, credential=True).open(sealed, bound_to=PLACE) == SECRET
    with pytest.raises(Conflict, match="credential"):
        vault_at(path, sealed=1, credential=True).add_key()
    with pytest.raises(Unavailable, match="is missing"):
        vault_at(tmp_path / "none", sealed=0, credential=True)
    with pytest.raises(Unavailable, match="There is no credential") as told:
        vault_at(tmp_path / "none", sealed=1, credential=True)
    assert "LoadCredential=" in told.value.remedy
    path.chmod(0o444)
    with pytest.raises(Unavailable, match="Other users"):
        vault_at(path, sealed=1, credential=True)


# --- rotation ---------------------------------------------------------------------------------------------------------


class Rows:
    """Sealed rows as a database keeps them: all new, or all old; `stop` interrupts before or after the commit."""

    def __init__(self, vault: FileVault, count: int) -> None:
        self.rows = {f"1/dkim/{n}": vault.seal(b"secret %d" % n, bound_to=f"1/dkim/{n}") for n in range(count)}
        self.stop = ""
        self.meanwhile: Callable[[], None] = lambda: None

    async def reseal(self, renew: Renew) -> int:
        fresh = {place: renew(sealed, place) for place, sealed in self.rows.items()}
        if self.stop == "before the commit":
            raise KeyboardInterrupt
        self.rows = fresh
        self.meanwhile()
        if self.stop == "after the commit":
            raise KeyboardInterrupt
        return len(self.rows)

    def opened(self, vault: FileVault) -> list[bytes]:
        return [vault.open(sealed, bound_to=place) for place, sealed in self.rows.items()]


async def test_rotation_renews_everything_and_drops_the_old_key(vault: FileVault) -> None:
    rows, old = Rows(vault, 20), vault.file.read()
    before = dict(rows.rows)
    assert await rotate(vault, rows.reseal) == 20
    (new,) = vault.file.read().keys
    assert new not in old.keys
    fresh = vault_at(vault.file.path, sealed=20)
    assert rows.opened(fresh) == [b"secret %d" % n for n in range(20)]
    with pytest.raises(Unavailable, match="is not in"):
        fresh.open(before["1/dkim/0"], bound_to="1/dkim/0")


@pytest.mark.parametrize("stop", ["before the commit", "after the commit"])
async def test_an_interrupted_rotation_loses_nothing_and_can_be_run_again(vault: FileVault, stop: str) -> None:
    rows = Rows(vault, 5)
    rows.stop = stop
    with pytest.raises(KeyboardInterrupt):
        await rotate(vault, rows.reseal)
    again = vault_at(vault.file.path, sealed=5)
    assert rows.opened(again) == [b"secret %d" % n for n in range(5)]
    assert len(vault.file.read().keys) == 2
    rows.stop = ""
    assert await rotate(again, rows.reseal) == 5
    assert len(vault.file.read().keys) == 1
    assert rows.opened(vault_at(vault.file.path, sealed=5)) == [b"secret %d" % n for n in range(5)]


def test_interrupted_after_the_new_key(vault: FileVault) -> None:
    rows = Rows(vault, 5)
    vault.add_key()
    again = vault_at(vault.file.path, sealed=5)
    assert rows.opened(again) == [b"secret %d" % n for n in range(5)]
    assert again.seal(b"", bound_to="")[1:5] == vault.file.read().newest.id


def test_a_spare_file_left_by_a_crash_harms_nothing(vault: FileVault, tmp_path: Path) -> None:
    (tmp_path / "keyring.0123456789abcdef").write_bytes(b"half a li")
    vault.add_key()
    assert len(vault_at(vault.file.path, sealed=1).file.read().keys) == 2


async def test_a_secret_that_cannot_be_opened_stops_the_rotation_and_keeps_the_keys(vault: FileVault) -> None:
    rows = Rows(vault, 3)
    rows.rows["1/dkim/1"] = rows.rows["1/dkim/2"]
    with pytest.raises(Malformed, match="1/dkim/1"):
        await rotate(vault, rows.reseal)
    assert vault_at(vault.file.path, sealed=3).open(rows.rows["1/dkim/0"], bound_to="1/dkim/0") == b"secret 0"


async def test_another_process_follows_the_rotation(vault: FileVault) -> None:
    serving = vault_at(vault.file.path, sealed=0)
    rows = Rows(vault, 3)
    await rotate(vault, rows.reseal)
    assert rows.opened(serving) == [b"secret 0", b"secret 1", b"secret 2"]
    assert serving.seal(SECRET, bound_to=PLACE)[1:5] == vault.file.read().newest.id


async def test_a_secret_sealed_under_the_old_key_during_rotation_is_renewed_too(vault: FileVault) -> None:
    rows = Rows(vault, 3)
    late = vault.seal(b"late", bound_to="1/dkim/late")

    def stored() -> None:
        rows.rows.setdefault("1/dkim/late", late)

    rows.meanwhile = stored
    assert await rotate(vault, rows.reseal) == 4
    assert vault_at(vault.file.path, sealed=4).open(rows.rows["1/dkim/late"], bound_to="1/dkim/late") == b"late"


async def test_secrets_without_end_under_the_old_key_keep_it(vault: FileVault) -> None:
    rows = Rows(vault, 1)
    late = vault.seal(b"late", bound_to="1/dkim/late")
    rows.meanwhile = lambda: rows.rows.update({"1/dkim/late": late})
    with pytest.raises(Unavailable, match="still written"):
        await rotate(vault, rows.reseal)
    assert rows.opened(vault_at(vault.file.path, sealed=2))[1] == b"late"


async def test_two_rotations_at_once_are_told(vault: FileVault) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow(_renew: Renew) -> int:
        entered.set()
        await leave.wait()
        return 0

    async def second() -> int:
        await entered.wait()
        try:
            return await rotate(vault, slow)
        finally:
            leave.set()

    first: Awaitable[int] = asyncio.ensure_future(rotate(vault, slow))
    with pytest.raises(Conflict, match="Another process"):
        await second()
    assert await first == 0


def test_a_vault_whose_file_was_taken_away_opens_but_does_not_seal(vault: FileVault) -> None:
    sealed = vault.seal(SECRET, bound_to=PLACE)
    vault.file.path.unlink()
    assert vault.open(sealed, bound_to=PLACE) == SECRET
    with pytest.raises(Unavailable, match="is missing"):
        vault.seal(SECRET, bound_to=PLACE)


def test_a_keyring_is_written_as_it_is_read(tmp_path: Path) -> None:
    file = KeyringFile(tmp_path / "keyring")
    first, second = Key(b"abcd", b"k" * 32), Key(b"efgh", b"l" * 32)
    file.replace(Keyring((first, second)))
    assert file.read() == Keyring((first, second))
    assert file.read().newest == second
