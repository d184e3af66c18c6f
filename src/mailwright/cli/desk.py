"""What a command works with: the settings, and the storage opened for the time of one command."""

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from mailwright.app.place import storage_of
from mailwright.app.settings import Settings, load, settings_file
from mailwright.app.vault import open_vault
from mailwright.ports import Vault
from mailwright.storage import Storage
from mailwright.values.ids import NODES, IdMaker

T = TypeVar("T")


class Office:
    """Storage, vault, time and ids for one command."""

    def __init__(self, settings: Settings, storage: Storage) -> None:
        self.settings, self.storage = settings, storage
        self._ids = IdMaker(secrets.randbelow(NODES))

    async def vault(self) -> Vault:
        """The vault, opened when a secret is needed."""
        return open_vault(self.settings, sealed=await self.storage.directory.sealed_count())

    def now(self) -> int:
        """Milliseconds since 1970."""
        return time.time_ns() // 1_000_000

    def new_id(self) -> int:
        """An id for something new."""
        return self._ids.next(self.now())


class Desk:
    """Reads the settings once they are needed."""

    def __init__(self, config: Path | None) -> None:
        self.config = config

    @cached_property
    def settings(self) -> Settings:
        """The settings. Raises SettingsError."""
        return load(settings_file(self.config, os.environ), os.environ)

    def run(self, work: Callable[[Office], Awaitable[T]]) -> T:
        """Open the storage, do the work, close it."""
        return asyncio.run(self._run(work))

    async def _run(self, work: Callable[[Office], Awaitable[T]]) -> T:
        async with self._open() as office:
            return await work(office)

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Office]:
        storage = storage_of(self.settings)
        await storage.start(serve=False)
        try:
            yield Office(self.settings, storage)
        finally:
            await storage.close()
