"""Who may be taken for gone at once: a table of processes that are, and of those of which nobody can know."""

import os
import subprocess
import sys

import pytest

from mailwright.app.neighbours import gone, whereabouts

PLACE, _, START = whereabouts().rpartition(" ")
pytestmark = pytest.mark.skipif(not PLACE, reason="this system does not tell what a process is known by (it is not Linux)")


def child() -> tuple[str, int, subprocess.Popen[str]]:
    """A process of this machine: as it registers, its pid, and the means to end it."""
    program = (
        "import os; from mailwright.app.neighbours import whereabouts; print(whereabouts(), os.getpid(), flush=True); input()"
    )
    started = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    registered, _, pid = started.stdout.readline().strip().rpartition(" ")
    return registered, int(pid), started


def test_a_process_is_gone_once_it_ended_and_not_before() -> None:
    registered, pid, process = child()
    try:
        assert registered.rpartition(" ")[0] == PLACE
        assert not gone(registered, pid)
    finally:
        process.kill()
        process.communicate()
    assert gone(registered, pid)


DEAD = 2**22 + 1  # above the most that Linux gives

CASES = [
    (f"{PLACE} {START}", DEAD, True, "its pid is nobody's"),
    (f"{PLACE} {int(START or 0) + 1}", os.getpid(), True, "its pid is another process's by now: ours"),
    (f"{PLACE} {START}", os.getpid(), False, "that is this process"),
    (f"{PLACE} x", 1, os.getuid() == 0, "the pid of somebody else whom we may not ask"),
    (f"other{PLACE} {START}", DEAD, False, "another machine"),
    (f"{PLACE}0 {START}", DEAD, False, "another pid namespace"),
    (PLACE.partition(" ")[0], DEAD, False, "a system that does not tell"),
    ("", DEAD, False, "nothing is known of it"),
]


@pytest.mark.parametrize("registered, pid, expected, because", CASES, ids=[case[3] for case in CASES])
def test_gone(registered: str, pid: int, expected: bool, because: str) -> None:
    assert gone(registered, pid) is expected, because
