"""What the system calls say: between the end of a mail and its 250 its row is written, and then synced to the disk."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.crash.conftest import Tell
from tests.crash.house import House
from tests.crash.sink import Sink
from tests.crash.source import Source

INSTALL = "strace is not installed. Install it:  apt-get install strace"
MAILS, SESSIONS = 40, 4
CALLS = "read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg,pwrite64,fsync,fdatasync"
_LINE = re.compile(r"^(\d+) +(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)$")
_FILE = re.compile(r"^\d+<([^>]*)>")


@dataclass(slots=True)
class Call:
    """One system call of one thread; `began` and `ended` are line numbers of the trace."""

    thread: str
    name: str
    began: int
    ended: int
    text: str

    @property
    def on_log(self) -> bool:
        """Whether it is about SQLite's write-ahead log."""
        found = _FILE.match(self.text)
        return found is not None and found[1].endswith("-wal")


async def test_each_250_comes_after_its_sync(data: Path, tmp_path: Path, tell: Tell) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip(INSTALL)
    trace = tmp_path / "trace"
    prefix = [strace, "-D", "-f", "-y", "-s", "8192", "-e", f"trace={CALLS}", "-o", str(trace)]
    async with Sink() as sink, House(tmp_path, data, sink=sink.port, prefix=prefix) as house:
        source = Source(name="unmistakable")
        await source.pump(house.port, sessions=SESSIONS, until=lambda: len(source.accepted) >= MAILS)
        await house.stop()
    calls = list(read(trace))
    syncs = [call for call in calls if call.name in {"fsync", "fdatasync"} and call.on_log]
    for mail in source.accepted:
        confirm(mail, source.accepted[mail], calls, syncs)
    tell(f"{len(source.accepted)} mails: each 250 came after the sync of its row; {len(syncs)} syncs of the log")


def confirm(mail: str, number: str, calls: list[Call], syncs: list[Call]) -> None:
    """Its end was read, its row was written, the log was synced, its 250 was sent: each after the one before."""
    word = re.compile(rf"{mail}\D")
    heard = next(call for call in calls if call.name.startswith(("read", "recv")) and word.search(call.text))
    answered = next(call for call in calls if call.name.startswith(("write", "send")) and f"Taken as {number}" in call.text)
    between = [call for call in calls if heard.ended < call.began < answered.began]
    written = [call for call in between if call.name == "pwrite64" and call.on_log and word.search(call.text)]
    assert written, f"{mail} was answered before it was written"
    first = written[0]  # the same page may be written again for a mail that came later
    sync = next(sync for sync in syncs if sync.thread == first.thread and first.ended < sync.began)
    assert sync.ended < answered.began, f"{mail} was answered before its sync"


def read(trace: Path) -> Iterator[Call]:
    """The calls of a trace, in the order in which they ended."""
    open_calls: dict[str, Call] = {}
    for number, line in enumerate(trace.read_text("latin-1").splitlines()):
        found = _LINE.match(line)
        if found is None:
            continue
        thread, resumed, name, text = found.groups()
        if resumed:
            call = open_calls.pop(thread, None)
            if call is not None:
                call.ended, call.text = number, call.text + text
                yield call
        elif text.endswith("<unfinished ...>"):
            open_calls[thread] = Call(thread, name, number, number, text)
        else:
            yield Call(thread, name, number, number, text)
