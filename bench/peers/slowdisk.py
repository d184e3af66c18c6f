"""Builds the shim that makes every sync of a program slower (slowdisk.c)."""

import subprocess
from pathlib import Path

from bench.peers.program import Absent, find

SLOW_MS = 8  # a sync on a busy disk, or on one across a network
_SOURCE = Path(__file__).with_name("slowdisk.c")


def build(folder: Path) -> Path:
    """The shim for LD_PRELOAD. Raises Absent where there is no C compiler."""
    compiler = find("cc", "gcc libc6-dev")
    shim = folder / "slowdisk.so"
    made = subprocess.run(
        [compiler, "-O2", "-shared", "-fPIC", f"-DSLOW_MS={SLOW_MS}", "-o", str(shim), str(_SOURCE), "-ldl"],
        check=False,
        capture_output=True,
        text=True,
    )
    if made.returncode:
        raise Absent(f"the slow disk could not be built (sudo apt-get install gcc libc6-dev): {made.stderr.strip()[-300:]}")
    return shim
