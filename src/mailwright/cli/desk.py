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
from mailwright.app.settings import SQLITE, SYSTEM_CONFIG, Settings, load, settings_file
from mailwright.app.vault import open_vault
from mailwright.ports import Vault
from mailwright.storage import Storage
from mailwright.values import NotFound
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

    @property
    def file(self) -> Path | None:
        """The settings file that holds here; None where there is none."""
        return settings_file(self.config, os.environ)

    def data_to_keep(self, file: Path) -> Path | None:
        """The data folder that was in use while there was no settings file, for a new `file` to name; None where none was.

        A file of the system's is for a service, not for what a person tried.
        """
        if self.file is not None or file.absolute().is_relative_to(SYSTEM_CONFIG):
            return None
        return self.settings.data if self._database_file().is_file() else None

    def run(self, work: Callable[[Office], Awaitable[T]]) -> T:
        """Open the storage, do the work, close it. What is not there is told with where it was looked for."""
        try:
            return asyncio.run(self._run(work))
        except NotFound as fault:
            raise NotFound(str(fault), f"{fault.remedy} {self.looked()}") from fault

    def looked(self) -> str:
        """Which database a command looks at: with the wrong settings file it is another one."""
        found = self.file
        place = self._database_file() if self.settings.database.engine == SQLITE else "the PostgreSQL database"
        return f"Looked in {place}, as {found or 'the defaults'} say{'s' if found else ''}."

    def _database_file(self) -> Path:
        return Path(self.settings.database.url.removeprefix("sqlite:///"))

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
