"""smtp-sink: takes mail as fast as it comes, and counts it."""

import os
import re
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

from bench.peers.program import Absent, Program, Served, find, free_port

BACKLOG = 1000  # connections that may wait; more than any system opens
_PACKAGE = "postfix"
_MESSAGES = re.compile(r"mesg=(\d+)")


class Stalled(Absent):
    """Mail stopped arriving before all of it was there."""


class Counted(ABC):
    """Something that takes mail and counts it."""

    @property
    @abstractmethod
    def count(self) -> int:
        """Messages taken so far."""

    def wait_for(self, count: int, *, patience: float = 60.0) -> float:
        """The monotonic time at which `count` messages had come. Raises Stalled when none comes for `patience` seconds."""
        last, since = self.count, time.monotonic()
        while last < count:
            time.sleep(0.01)
            now = self.count
            if now != last:
                last, since = now, time.monotonic()
            elif time.monotonic() - since > patience:
                raise Stalled(f"{last} of {count} mails arrived, then none for {patience:.0f} s.")
        return time.monotonic()


class Sink(Served, Counted):
    """A running smtp-sink on a port of its own; `keep` is a folder for the mails, else they are only counted."""

    def __init__(self, folder: Path, *, port: int | None = None, keep: Path | None = None) -> None:
        self.port = port or free_port()
        counting = ["-c"] if keep is None else ["-d", f"{keep}/%M."]
        user = ["-u", "nobody"] if os.geteuid() == 0 else []  # it refuses to stay root
        if keep is not None:
            keep.chmod(0o777)
        self._program = Program(
            [find("smtp-sink", _PACKAGE), *user, *counting, f"127.0.0.1:{self.port}", str(BACKLOG)],
            folder=folder,
        )

    @property
    def count(self) -> int:
        """Messages taken so far: the last counter that smtp-sink has written."""
        with self._program.log.open("rb") as log:
            log.seek(0, 2)
            log.seek(max(0, log.tell() - 200))
            counters = _MESSAGES.findall(log.read().decode("ascii", "replace"))
        return int(counters[-1]) if counters else 0

    @property
    def place(self) -> int:
        """Where it answers."""
        return self.port

    def __enter__(self) -> Self:
        self._program.log.unlink(missing_ok=True)
        return super().__enter__()
