"""The writer's hand on SQLite: a process that runs the statements of a group, away from the interpreter's lock.

A thread took and gave that lock some ten times a mail (docs/decisions/0004-writing-process.md).
"""

import asyncio
import logging
import marshal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from mailwright.storage import writer_process
from mailwright.storage.engine import WRITER_CACHE_KIB, pragmas
from mailwright.storage.writer_process import FAILED, KEPT, LENGTH, Step
from mailwright.values import Unavailable

END_SECONDS = 5.0  # for the process to end by itself

log = logging.getLogger(__name__)


class Gone(Unavailable):
    """The process ended before it answered: the group was kept, or it was not."""


class WritingProcess(asyncio.Protocol):
    """Writes one group after the other; started when it is first wanted, and again where it ended."""

    def __init__(self, path: Path, seconds: float, *, shared: Sequence[int]) -> None:
        """`seconds` to wait for another program that holds the database; `shared` files stay open as long as the process."""
        self._settings = (str(path), seconds, pragmas(WRITER_CACHE_KIB))
        self._transport: asyncio.Transport | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._answer: asyncio.Future[bytes] | None = None
        self._buffer = b""
        self._shared = shared

    @property
    def pid(self) -> int | None:
        """The process, while it runs."""
        return self._process.pid if self._process is not None and self._transport is not None else None

    async def write(self, steps: Sequence[Step]) -> bool:
        """Run the steps in one durable transaction; False where one touched other rows than it should: then nothing was kept.

        Raises sqlite3.Error, and Gone.
        """
        if self._transport is None:
            await self.close()
            await self.start()
        self._answer = asyncio.get_running_loop().create_future()
        if self._transport is None:
            raise _gone()
        self._say(steps)
        kind, *more = marshal.loads(await self._answer)  # noqa: S302 - from our own process
        if kind == FAILED:
            raise _fault(*more)
        return bool(kind == KEPT)

    async def start(self) -> None:
        """Start the process. Raises Gone."""
        ours, theirs = socket.socketpair()
        number = theirs.fileno()
        try:
            with theirs:
                self._process = subprocess.Popen(  # noqa: ASYNC220 - it returns at once, before Python has started there
                    [sys.executable, "-I", "-S", writer_process.__file__, str(number)],
                    pass_fds=(number, *self._shared),
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,
                )
            await asyncio.get_running_loop().create_connection(lambda: self, sock=ours)
        except OSError as fault:
            ours.close()
            raise _gone() from fault
        self._say(self._settings)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket pair is there; the process may still be starting."""
        self._transport = cast("asyncio.Transport", transport)
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        """An answer, whole or in pieces; there is one at a time."""
        self._buffer += data
        if len(self._buffer) < LENGTH.size or len(self._buffer) - LENGTH.size < LENGTH.unpack_from(self._buffer)[0]:
            return
        said, self._buffer = self._buffer[LENGTH.size :], b""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(said)

    def connection_lost(self, exc: Exception | None) -> None:
        """The process ended, or is let go."""
        self._transport = None
        if self._answer is not None and not self._answer.done():
            log.error("The process that writes to the database ended; it is started again.", exc_info=exc)
            self._answer.set_exception(_gone())

    async def close(self) -> None:
        """Let it end."""
        if self._transport is not None:
            self._transport.close()
        if self._process is not None:
            await asyncio.to_thread(_reaped, self._process)
            self._process = None

    def _say(self, value: Any) -> None:
        octets = marshal.dumps(value)
        if self._transport is not None:
            self._transport.write(LENGTH.pack(len(octets)) + octets)


def _reaped(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _gone() -> Gone:
    return Gone("The process that writes to the database ended.", "It is started again by itself.")


def _fault(constraint: bool, code: int, words: str) -> sqlite3.Error:
    """What SQLite said there, said here."""
    fault = sqlite3.IntegrityError(words) if constraint else sqlite3.OperationalError(words)
    fault.sqlite_errorcode = code
    return fault
