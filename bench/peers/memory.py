"""How much memory a process and those that it started hold, from /proc, in MB of 10^6 octets."""

from pathlib import Path


def now(pid: int) -> float:
    """Their resident memory, each counted for itself: pages that they share are counted more than once."""
    return field(pid, "VmRSS")


def most(pid: int) -> float:
    """The most that each held since its start, or since `forget_most`."""
    return field(pid, "VmHWM")


def forget_most(pid: int) -> None:
    """Begin anew with `most`: proc(5) clear_refs."""
    for one in family(pid):
        Path(f"/proc/{one}/clear_refs").write_text("5")


def field(pid: int, name: str) -> float:
    """A field of proc(5) status that is counted in kB, summed over the process and those that it started."""
    return sum(_field(one, name) for one in family(pid))


def family(pid: int) -> list[int]:
    """A process and those that it started."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    return [pid, *(one for child in children for one in family(child))]


def _field(pid: int, name: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1]) * 1024 / 1e6
