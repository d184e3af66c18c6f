"""The storage as a whole: opened by a URL, started in an event loop, closed at the end."""

import asyncio
from collections.abc import Sequence

from sqlalchemy import select

from mailwright.storage.checkpoint import Checkpoints
from mailwright.storage.directory import SqlDirectory
from mailwright.storage.door import Door
from mailwright.storage.durability import weaknesses
from mailwright.storage.engine import Engines, engines_for
from mailwright.storage.faults import unavailable
from mailwright.storage.hooks import SqlEvents, SqlHooks
from mailwright.storage.hung import Watch
from mailwright.storage.lock import LockFile
from mailwright.storage.messages import SqlStore
from mailwright.storage.migrate import check, upgrade
from mailwright.storage.queue import SqlQueue
from mailwright.storage.requests import SqlRequests
from mailwright.storage.suppressions import SqlSuppressions
from mailwright.storage.written import WritingProcess
from mailwright.values import Finding, Unavailable


class Storage:
    """The doors over one database."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._lock = None if engines.path is None else LockFile(engines.path.with_name(engines.path.name + ".lock"))
        self._checkpoints = Checkpoints(engines)
        self._door = Door(engines, self._checkpoints.after_turn)
        self._watch = Watch(self._door)
        self.store = SqlStore(self._door)
        self.queue = SqlQueue(self._door)
        self.directory = SqlDirectory(self._door)
        self.hooks = SqlHooks(self._door)
        self.events = SqlEvents(self._door)
        self.requests = SqlRequests(self._door)
        self.suppressions = SqlSuppressions(self._door)
        self.weaknesses: Sequence[Finding] = ()  # how the database was found at the start

    @property
    def alone(self) -> bool:
        """Whether this process is the only one that serves this database (SQLite): leases are void at its start."""
        return self._engines.sqlite

    @property
    def trouble(self) -> Unavailable | None:
        """What the last write met, None where it went well; a process at work writes every few seconds."""
        return self._door.trouble

    @property
    def faults(self) -> int:
        """How many writes failed so far because of the store; where the connection broke, they may have been kept."""
        return self._door.faults

    async def start(self, *, serve: bool = True) -> None:
        """Open the database; SQLite is brought to this version. `serve` takes the lock of an SQLite database.

        Raises Unavailable where it does not answer, Conflict where another process serves it or its version does not fit.
        """
        if serve and self._lock is not None:
            self._lock.take()
        try:
            await asyncio.to_thread(self._open)
            self._checkpoints.start()
            await self._door.start(hand=await self._hand() if serve else None)
            if serve:
                self._watch.start()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Write what was handed in and let go of everything."""
        await self._door.finish()
        await self._watch.close()  # until here somebody's locks may be in the way
        await self._door.close()
        await asyncio.to_thread(self._checkpoints.close)
        self._engines.close()
        if self._lock is not None:
            self._lock.free()

    async def ready(self) -> None:
        """One cheap read. Raises Unavailable."""
        await self._door.read(lambda connection: connection.execute(select(1)).scalar())

    async def _hand(self) -> WritingProcess | None:
        """It holds the lock with us: after our end nobody serves the database before it has ended too."""
        if self._lock is None or self._engines.path is None:
            return None
        hand = WritingProcess(self._engines.path, self._engines.busy_seconds, shared=self._lock.files)
        await hand.start()
        return hand

    def _open(self) -> None:
        try:
            if self._engines.path is not None:
                self._engines.path.touch(mode=0o600)  # mail is nobody else's to read; SQLite gives its other files the same mode
            if self._engines.sqlite:
                upgrade(self._engines.write)
            else:
                check(self._engines.read)
                with self._engines.write.connect() as connection:
                    self.weaknesses = weaknesses(connection)
        except Exception as error:
            gone = unavailable(error)
            if gone is None:
                raise
            raise gone from error


def open_storage(url: str) -> Storage:
    """The storage at `sqlite:///path`, `sqlite://` (in memory) or `postgresql://user:password@host/name`. Raises Malformed."""
    return Storage(engines_for(url))
