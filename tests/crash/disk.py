"""A disk that loses what was not synced, or fails: the shim of disk.c, and what a test does with its journal."""

import os
import shutil
import struct
import subprocess
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

INSTALL = "There is no C compiler. Install one:  apt-get install gcc libc6-dev"
REPLACED, SYNCED = 1, 2
_SOURCE = Path(__file__).with_name("disk.c")
_HEAD = struct.Struct("=QQQqq")


@dataclass(frozen=True, slots=True)
class Replaced:
    """A write as the journal has it: what was at that place before, and how long the file was."""

    place: int  # in the journal
    at: int
    size: int
    octets: bytes


class Disk:
    """The disk below a folder."""

    def __init__(self, shim: Path, folder: Path, beside: Path) -> None:
        self._journal, self._fault = beside / "undo", beside / "fault"
        self.env = {
            "LD_PRELOAD": str(shim),
            "DISK_FOLDER": f"{folder.resolve()}/",
            "DISK_UNDO": str(self._journal),
            "DISK_FAULT": str(self._fault),
        }

    def fail(self, number: int) -> None:
        """From now on writes fail with this error number."""
        part = self._fault.with_suffix(".new")
        part.write_text(str(number))
        part.replace(self._fault)

    def mend(self) -> None:
        """Writes succeed again."""
        self._fault.unlink()

    def cut_power(self, chance: Random) -> int:
        """After a SIGKILL: of the writes that no sync covered, a disk has kept some; here the first few of each file, or none.
        Returns how many were lost."""
        lost = 0
        for path, writes in self._unsynced().items():
            kept = chance.choice((0, chance.randint(0, len(writes))))
            for write in reversed(writes[kept:]):
                _put_back(path, write)
                lost += 1
        self._journal.unlink(missing_ok=True)
        return lost

    def _unsynced(self) -> dict[str, list[Replaced]]:
        found: dict[str, list[Replaced]] = defaultdict(list)
        octets = self._journal.read_bytes() if self._journal.exists() else b""
        place = 0
        while place + _HEAD.size <= len(octets):
            kind, length, replaced, at, size = _HEAD.unpack_from(octets, place)
            start = place + _HEAD.size + length
            path = octets[start - length : start].decode()
            if kind == SYNCED:
                found[path] = [write for write in found[path] if write.place >= at]
            elif start + replaced <= len(octets):  # else the kill came first, and nothing was written
                found[path].append(Replaced(place, at, size, octets[start : start + replaced]))
            place = start + replaced
        return found


def build(folder: Path) -> Path:
    """The shim; skips the test where it cannot be made."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip(INSTALL)
    shim = folder / "disk.so"
    subprocess.run([compiler, "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(shim), str(_SOURCE), "-ldl"], check=True)
    return shim


def _put_back(path: str, write: Replaced) -> None:
    """Undo one write; a file that was removed meanwhile stays removed."""
    if not os.path.exists(path):
        return
    with open(path, "r+b") as file:
        file.seek(write.at)
        file.write(write.octets)
        file.truncate(write.size)
