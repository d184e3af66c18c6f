"""The tables come from the migrations, are those of the schema, and a newer database is refused."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from mailwright.storage import migrate, open_storage
from mailwright.storage.engine import Engines, engines_for
from mailwright.storage.migrate import HEAD
from mailwright.storage.schema import metadata
from mailwright.values import Conflict
from tests.storage.conftest import ENGINES
from tests.storage.pg import Postgres


@pytest.fixture(params=ENGINES)
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/mail.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.fresh()


def execute(engines: Engines, sql: str) -> None:
    with engines.write.begin() as connection:
        connection.execute(text(sql))


def test_the_migrations_make_the_schema(empty: str) -> None:
    assert migrate(empty) == HEAD
    assert migrate(empty) == HEAD, "a second time it has nothing to do"
    engines = engines_for(empty)
    with engines.write.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engines.close()


async def test_a_newer_database_is_refused(empty: str) -> None:
    migrate(empty)
    engines = engines_for(empty)
    execute(engines, "UPDATE alembic_version SET version_num = '9999'")
    engines.close()
    for attempt in (open_storage(empty).start(), open_storage(empty).start(serve=False)):
        with pytest.raises(
            Conflict, match=f"newer Mailwright has changed this database: it is of version 9999, .* knows {HEAD}"
        ) as caught:
            await attempt
        assert "backup" in caught.value.remedy
    with pytest.raises(Conflict):
        migrate(empty)


async def test_sqlite_is_migrated_at_start_and_postgresql_by_command(empty: str) -> None:
    storage = open_storage(empty)
    if storage.alone:
        await storage.start()
        assert await storage.directory.version() == 0
    else:
        with pytest.raises(Conflict, match="no tables yet") as caught:
            await storage.start()
        assert "mailwright migrate" in caught.value.remedy
    await storage.close()


async def test_an_older_postgresql_is_not_changed_at_start(postgres: Postgres) -> None:
    url = postgres.fresh("migrated")
    engines = engines_for(url)
    execute(engines, "UPDATE alembic_version SET version_num = '0000'")
    engines.close()
    with pytest.raises(Conflict, match=f"is of version 0000; this Mailwright needs {HEAD}"):
        await open_storage(url).start()


async def test_a_database_in_memory() -> None:
    storage = open_storage("sqlite://")
    await storage.start()
    assert await storage.directory.version() == 0
    await storage.close()
