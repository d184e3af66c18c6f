"""A storage on each engine; PostgreSQL is started once for each test process."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from mailwright.storage import Storage, migrate, open_storage
from mailwright.storage.schema import metadata
from tests.storage.mails import Mails
from tests.storage.pg import CARELESS, INSTALL, Postgres, binaries

ENGINES = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    programs = binaries()
    if programs is None:
        pytest.skip(INSTALL)
    server = Postgres(programs, **CARELESS)
    try:
        server.start()
        server.execute("CREATE DATABASE migrated TEMPLATE template0")
        migrate(server.url("migrated"))  # the template of the others
        server.execute("CREATE DATABASE used TEMPLATE migrated")
        yield server
        server.stop()
    finally:
        server.remove()


@pytest.fixture(params=ENGINES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database with all tables and nothing in them."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/mail.db"
    server: Postgres = request.getfixturevalue("postgres")
    server.execute("; ".join(f"DELETE FROM {table}" for table in metadata.tables if table != "counter"), "used")
    return server.url("used")


@pytest_asyncio.fixture
async def storage(database: str) -> AsyncIterator[Storage]:
    opened = open_storage(database)
    await opened.start()
    yield opened
    await opened.close()


Another = Callable[[], Awaitable[Storage]]


@pytest_asyncio.fixture
async def another(database: str) -> AsyncIterator[Another]:
    """Opens the same database once more, as another process would."""
    opened: list[Storage] = []

    async def open_one() -> Storage:
        storage = open_storage(database)
        await storage.start(serve=False)
        opened.append(storage)
        return storage

    yield open_one
    for one in opened:
        await one.close()


@pytest.fixture
def mails() -> Mails:
    return Mails()
