"""One serving process for one SQLite database: a lock file that the kernel frees when its holder dies."""

import fcntl
import os
from pathlib import Path
from time import monotonic, sleep
from typing import IO

from mailwright.values import Conflict, Unavailable

LAST_WRITE_SECONDS = 5.0  # for the writing process of a holder that was killed: it ends its last transaction
LOOK_SECONDS = 0.02


class LockFile:
    """Held from `take` to `free`; the file stays, because removing it could let two processes hold two files."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: IO[bytes] | None = None

    def take(self) -> None:
        """Raises Conflict where another process serves this database, Unavailable where the file cannot be written."""
        try:
            file = self._path.open("ab")
        except OSError as fault:
            raise Unavailable(
                f"The lock file {self._path} cannot be opened: {fault.strerror}.", "Check the folder's owner and rights."
            ) from fault
        if not self._locked(file):
            file.close()
            raise Conflict(
                f"Another Mailwright process{self._holder()} serves this database already.",
                "Stop it first. One SQLite database is served by one process; several processes need PostgreSQL.",
            )
        file.truncate(0)
        file.write(b"%d\n" % os.getpid())
        file.flush()
        self._held = file

    @property
    def files(self) -> list[int]:
        """The open file, while it is held: who inherits it holds the lock too."""
        return [] if self._held is None else [self._held.fileno()]

    def free(self) -> None:
        """Let the next one have it."""
        if self._held is not None:
            self._held.close()
            self._held = None

    def _locked(self, file: IO[bytes]) -> bool:
        """Whether it is ours; where its holder was killed, its writing process ends within a moment, and is waited for."""
        ends = monotonic() + LAST_WRITE_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if monotonic() >= ends or self._holder_lives():
                    return False
                sleep(LOOK_SECONDS)
            else:
                return True

    def _holder_lives(self) -> bool:
        number = self._path.read_bytes().strip()[:20]
        try:
            os.kill(int(number), 0)
        except ProcessLookupError:
            return False
        except (OSError, ValueError):  # it is another user's, or nobody has written his number yet
            return True
        return True

    def _holder(self) -> str:
        number = self._path.read_bytes().strip()[:20]
        return f" (process {number.decode()})" if number.isdigit() else ""
