"""A process that writes groups into an SQLite file. Started by its path, so that it loads nothing but what it needs.

One request is one transaction: statements, each with its rows and how many rows it must touch in all. It answers that all is
durable, that one of them touched fewer or more (then nothing was kept), or what SQLite said against it. It ends when the other
side is gone (docs/decisions/0004-writing-process.md).
"""

from __future__ import annotations  # what only types need is not loaded: each MB counts for a process at rest

import marshal
import os
import sqlite3
import struct
import sys
from collections.abc import Callable, Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LENGTH = struct.Struct("!Q")  # of what follows, by marshal: both sides are the same interpreter
KEPT, TOUCHED_OTHERS, FAILED = 0, 1, 2
ANY = -1  # as many as it may be
# A statement, its rows, how many rows of the table it must touch, and a question: without an answer to it the step is left out.
Step = tuple[str, Sequence[tuple["Any", ...]], int, str]


class Pen:
    """One connection, made anew after a fault."""

    def __init__(self, path: str, timeout: float, pragmas: Sequence[str]) -> None:
        self._path, self._timeout, self._pragmas = path, timeout, pragmas
        self._connection: sqlite3.Connection | None = None

    def write(self, steps: Sequence[Step]) -> tuple[Any, ...]:
        """One transaction: what is to be answered."""
        try:
            return self._written(steps)
        except (sqlite3.Error, OSError, OverflowError, ValueError) as fault:
            self.forget()
            name = getattr(fault, "sqlite_errorname", "") or type(fault).__name__
            return FAILED, isinstance(fault, sqlite3.IntegrityError), getattr(fault, "sqlite_errorcode", 0), f"{name}: {fault}"

    def forget(self) -> None:
        """Close the connection; an open transaction is rolled back by that."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()

    def _written(self, steps: Sequence[Step]) -> tuple[Any, ...]:
        connection = self._connection or self._opened()
        connection.execute("BEGIN IMMEDIATE")
        for sql, rows, touches, question in steps:
            if question and connection.execute(question).fetchone() is None:
                continue
            if connection.executemany(sql, rows).rowcount != touches and touches != ANY:
                connection.execute("ROLLBACK")
                return (TOUCHED_OTHERS,)
        connection.execute("COMMIT")
        return (KEPT,)

    def _opened(self) -> sqlite3.Connection:
        self._connection = connection = sqlite3.connect(self._path, timeout=self._timeout, isolation_level=None)
        for pragma in self._pragmas:
            connection.execute(f"PRAGMA {pragma}")
        return connection


def send(link: int, value: Any) -> None:
    """One frame into an open socket."""
    octets = marshal.dumps(value)
    view = memoryview(LENGTH.pack(len(octets)) + octets)
    while view:
        view = view[os.write(link, view) :]


def receive(link: int) -> Any:
    """The next frame; EOFError where the other side is gone."""
    (length,) = LENGTH.unpack(_exactly(link, LENGTH.size))
    return marshal.loads(_exactly(link, length))  # noqa: S302 - from our own process


def serve(link: int, write: Callable[[Sequence[Step]], tuple[Any, ...]]) -> None:
    """Answer until the other side is gone."""
    while True:
        send(link, write(receive(link)))


def _exactly(link: int, length: int) -> bytearray:
    octets = bytearray(length)
    view, at = memoryview(octets), 0
    while at < length:
        came = os.readv(link, [view[at:]])
        if not came:
            raise EOFError
        at += came
    return octets


def main() -> None:
    """Serve the socket whose number is the first argument; the first frame says which file, and how."""
    link = int(sys.argv[1])
    try:
        pen = Pen(*receive(link))
        try:
            serve(link, pen.write)
        finally:
            pen.forget()
    except (ConnectionError, EOFError):
        return  # its end is ours


if __name__ == "__main__":
    main()
