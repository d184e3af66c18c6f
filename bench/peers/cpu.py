"""How much processor time processes have used, from /proc."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")  # the unit of /proc/PID/stat, proc(5)
_KTHREADD = 2  # kernel threads are its children; they work on our behalf (journal, network)


@dataclass(frozen=True, slots=True)
class Used:
    """Processor time so far, in seconds: of one process, its reaped children included."""

    parent: int
    seconds: float


def everything() -> dict[int, Used]:
    """Every process that can be seen, by its id."""
    seen: dict[int, Used] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                seen[int(entry.name)] = _read((entry / "stat").read_text())
            except OSError:
                continue  # it ended meanwhile; its time is now its parent's
    return seen


def of_trees(roots: Iterable[int], seen: dict[int, Used]) -> float:
    """Seconds used by processes and all their descendants, also those that have ended and were waited for."""
    return sum(seen[pid].seconds for pid in _tree(roots, seen))


def of_others(root: int, seen: dict[int, Used]) -> float:
    """Seconds used by all that is neither below `root` nor a kernel thread."""
    ours = _tree([root], seen)
    return sum(used.seconds for pid, used in seen.items() if pid not in ours and _KTHREADD not in (pid, used.parent))


def stolen() -> float:
    """Seconds that the hypervisor gave to others, proc(5) `steal`, over all cores."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return int(fields[8]) / _TICKS


def _tree(roots: Iterable[int], seen: dict[int, Used]) -> set[int]:
    children: dict[int, list[int]] = {}
    for pid, used in seen.items():
        children.setdefault(used.parent, []).append(pid)
    found: set[int] = set()
    waiting = [pid for pid in roots if pid in seen]
    while waiting:
        pid = waiting.pop()
        found.add(pid)
        waiting.extend(child for child in children.get(pid, ()) if child not in found)
    return found


def _read(stat: str) -> Used:
    """proc(5): after the name in brackets come state, ppid, ... utime(14) stime cutime cstime."""
    fields = stat.rpartition(")")[2].split()
    return Used(int(fields[1]), sum(int(field) for field in fields[11:15]) / _TICKS)
