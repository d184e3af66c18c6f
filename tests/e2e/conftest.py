"""The house of a case, on SQLite unless it asks for both engines; PostgreSQL is started once for each test process."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Protocol

import pytest
import pytest_asyncio

from mailwright.storage import migrate
from tests.e2e.served import LISTEN, Served
from tests.storage.pg import INSTALL, Postgres, binaries


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    programs = binaries()
    if programs is None:
        pytest.skip(INSTALL)
    server = Postgres(programs)
    try:
        server.start()
        server.execute("CREATE DATABASE migrated TEMPLATE template0")
        migrate(server.url("migrated"))
        yield server
        server.stop()
    finally:
        server.remove()


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """ "" is SQLite in the folder of the case; `@pytest.mark.parametrize("database", BOTH, indirect=True)` adds PostgreSQL."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return ""
    server: Postgres = request.getfixturevalue("postgres")
    return server.fresh("migrated")


MEMORY = Path("/dev/shm")  # a disk that syncs at once, where there is one: durability is shown elsewhere (tests/crash)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for a house."""
    with tempfile.TemporaryDirectory(prefix="mw-e2e-", dir=MEMORY if MEMORY.is_dir() else None) as made:
        yield Path(made)


class Serve(Protocol):
    """Opens a house with these settings; it is closed at the end of the case."""

    async def __call__(self, settings: str = "", *, delivery: str = "live", listen: str = LISTEN) -> Served: ...


@pytest_asyncio.fixture
async def serve(folder: Path, database: str) -> AsyncIterator[Serve]:
    opened: list[Served] = []

    async def open_one(settings: str = "", *, delivery: str = "live", listen: str = LISTEN) -> Served:
        served = Served(folder, settings, delivery=delivery, listen=listen, database=database)
        await served.start()
        opened.append(served)
        return served

    yield open_one
    for served in opened:
        await served.stop()


BOTH = pytest.mark.parametrize("database", ("sqlite", "postgresql"), indirect=True)
