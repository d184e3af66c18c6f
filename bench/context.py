"""What a bench is given: a folder on a real disk, how long to measure, and the peers that were missed."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

_MEMORY_DISKS = frozenset({"tmpfs", "ramfs", "overlay"})


@dataclass(slots=True)
class Context:
    """One run of the benches. `seconds` is how long a round shall last; `skipped` collects why a peer is not in the table."""

    root: Path
    rounds: int
    seconds: float
    only: frozenset[str] = frozenset()  # names of systems; empty = all
    skipped: dict[str, str] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    def folder(self, name: str) -> Path:
        """A new folder that every user may enter, for the servers run as users of their own."""
        made = self.root / f"{next(self._numbers)}-{name}"
        made.mkdir()
        return made

    def wants(self, system: str) -> bool:
        """Whether a system shall be measured."""
        return not self.only or system in self.only

    def notes(self) -> list[str]:
        """Notes for the table: who is missing, and a disk that is none."""
        kind = _filesystem(self.root)
        memory = [f"The folder lies on {kind}: fsync costs nothing there. Set TMPDIR to a disk."] if kind in _MEMORY_DISKS else []
        return [*(f"{name}: {why}" for name, why in self.skipped.items()), *memory]


@contextmanager
def fresh_context(*, rounds: int, seconds: float, only: frozenset[str]) -> Iterator[Context]:
    """A context whose folder goes at the end."""
    root = Path(tempfile.mkdtemp(prefix="mailwright-bench-"))
    root.chmod(0o755)
    try:
        yield Context(root, rounds, seconds, only)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _filesystem(path: Path) -> str:
    """The type of the file system that holds `path`, proc(5) mounts: the longest mount point above it."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    above = [fields for fields in mounts if path.resolve().is_relative_to(fields[1])]
    return max(above, key=lambda fields: len(fields[1]))[2] if above else ""
