"""One serving process for one SQLite database: a lock file that the kernel frees when its holder dies."""

import fcntl
import os
from pathlib import Path
from typing import IO

from mailwright.values import Conflict, Unavailable


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
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as fault:
            file.close()
            raise Conflict(
                f"Another Mailwright process{self._holder()} serves this database already.",
                "Stop it first. One SQLite database is served by one process; several processes need PostgreSQL.",
            ) from fault
        file.truncate(0)
        file.write(b"%d\n" % os.getpid())
        file.flush()
        self._held = file

    def free(self) -> None:
        """Let the next one have it."""
        if self._held is not None:
            self._held.close()
            self._held = None

    def _holder(self) -> str:
        number = self._path.read_bytes().strip()[:20]
        return f" (process {number.decode()})" if number.isdigit() else ""
