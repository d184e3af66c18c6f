"""PostgreSQL as an installed one is run: a server of our own, fsync on."""

from pathlib import Path
from types import TracebackType
from typing import Self

from bench.peers.program import Absent
from mailwright.storage import migrate
from tests.storage.pg import INSTALL, Postgres, binaries

SETTINGS = {"shared_buffers": "512MB", "max_wal_size": "4GB"}  # as on a machine that has it to itself, yet not tuned


class Database:
    """A running server with one database of Mailwright's at `url`; gone at the end. Raises Absent with the install line."""

    def __init__(self) -> None:
        programs = binaries()
        if programs is None:
            raise Absent(INSTALL)
        self._server = Postgres(programs, **SETTINGS)
        self.url = ""

    @property
    def pid(self) -> int:
        """The server's process; a connection is a child of it."""
        return int((Path(self._server.folder) / "data" / "postmaster.pid").read_text().split()[0])

    def __enter__(self) -> Self:
        try:
            self._server.start()
            self.url = self._server.fresh()
            migrate(self.url)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self._server.stop()
        finally:
            self._server.remove()
