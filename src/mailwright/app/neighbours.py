"""Workers of this machine whose process is gone for sure: what they held need not wait until their silence was long enough.

A process is known by the boot of its machine, its pid namespace, its pid and the moment of its start. Where the system does not
tell all of these (it is not Linux), nobody is judged, and the lease decides as it does between machines.
"""

import os
import socket
from pathlib import Path

from mailwright.ports import Queue

_PROC = Path("/proc")
_AFTER_NAME = 19  # in proc_pid_stat(5): the start in clock ticks since boot is field 22, the third comes behind the name


def whereabouts() -> str:
    """Where this process runs and since when, as it registers: "name boot namespace start", or the machine's name alone."""
    name, start = socket.gethostname(), _start(os.getpid())
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        namespace = os.readlink(_PROC / "self/ns/pid")
    except OSError:
        return name
    return f"{name} {boot} {namespace} {start}" if start else name


def gone(registered: str, pid: int) -> bool:
    """Whether the worker that registered so is certainly no more; False where nobody can know."""
    place, _, start = registered.rpartition(" ")
    if not place or place != whereabouts().rpartition(" ")[0]:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:  # it is another user's: with hidepid even its start would look as if it were not there
        return False
    return _start(pid) not in {"", start}  # the number is another process's by now


async def bury_the_gone(queue: Queue) -> None:
    """Strike them off the list of workers: their slots are free, their rows with the next `free_dead`. Raises Unavailable."""
    for number, host, pid in await queue.workers():
        if gone(host, pid):
            await queue.resign(number)


def _start(pid: int) -> str:
    """When a process started, "" where that cannot be read."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[_AFTER_NAME]
    except (OSError, IndexError):
        return ""
