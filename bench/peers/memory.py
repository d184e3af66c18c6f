"""How much memory a process holds, from /proc, in MB of 10^6 octets."""

from pathlib import Path


def now(pid: int) -> float:
    """Its resident memory."""
    return field(pid, "VmRSS")


def most(pid: int) -> float:
    """The most that it held since its start, or since `forget_most`."""
    return field(pid, "VmHWM")


def forget_most(pid: int) -> None:
    """Begin anew with `most`: proc(5) clear_refs."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def field(pid: int, name: str) -> float:
    """A field of proc(5) status that is counted in kB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1]) * 1024 / 1e6
