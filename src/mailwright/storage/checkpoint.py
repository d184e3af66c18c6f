"""SQLite's write-ahead log is folded back into the database beside the writer, so that no commit waits for it.

A commit that runs the checkpoint itself waits for all of it (77 ms in the 99th percentile of 100 clients). So a thread with
its own connection copies pages while the writer goes on. The log can only begin anew when nothing of it is left; what came
while the thread was copying is little, and the writer folds that back itself, between two groups.
"""

import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from threading import Event, Thread
from typing import cast

from sqlalchemy.exc import SQLAlchemyError

from mailwright.storage.engine import BUSY_MS, Engines

PAUSE_SECONDS = 0.5  # between two looks: as much log as a busy second half writes is folded at once
LONG = 8_000  # pages of log (32 MB at 4 KiB): beyond, it shall begin anew
SHORT = 2_000  # pages that the writer folds itself: some 5 ms
FAULT_SECONDS = 5.0  # until the next try after the disk reported an error

log = logging.getLogger(__name__)


class Checkpoints:
    """Does nothing on PostgreSQL, in memory, and before `start`."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._written = Event()  # there may be something to fold
        self._stop = Event()
        self._finish = False  # the writer shall fold the rest
        self._thread: Thread | None = None

    def start(self) -> None:
        """Start the thread, where there is a log at all."""
        if self._engines.path is not None:
            self._thread = Thread(target=self._run, args=(str(self._engines.path),), name="storage-checkpoint", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End the thread; SQLite itself folds what is left when the last connection closes."""
        self._stop.set()
        self._written.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def after_turn(self) -> Callable[[], None] | None:
        """Called by the writer between two transactions, outside of both; what it has to do then, in a thread."""
        if not self._written.is_set():
            self._written.set()
        return self._fold_the_rest if self._finish else None

    def _fold_the_rest(self) -> None:
        """A fault is left to the thread of ours, which says it."""
        self._finish = False
        with suppress(sqlite3.Error, SQLAlchemyError), closing(self._engines.write.raw_connection()) as pooled:
            _fold(cast("sqlite3.Connection", pooled.driver_connection))

    def _run(self, path: str) -> None:
        while not self._stop.is_set():
            try:
                with closing(sqlite3.connect(path, isolation_level=None, timeout=BUSY_MS / 1000)) as connection:
                    self._fold_what_is_written(connection)
            except sqlite3.Error as fault:
                log.warning("The write-ahead log could not be folded back, mail is safe in it: %s", fault)
                self._stop.wait(FAULT_SECONDS)

    def _fold_what_is_written(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA cache_size = -256")
        while self._written.wait() and not self._stop.is_set():
            self._written.clear()
            in_log, folded = _fold(connection)
            self._finish = in_log > LONG and in_log - folded < SHORT
            self._stop.wait(PAUSE_SECONDS)


def _fold(connection: sqlite3.Connection) -> tuple[int, int]:
    """Copy what may be copied without making anybody wait: pages in the log, and how many of them are folded back."""
    _, in_log, folded = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return int(in_log), int(folded)
