"""A PostgreSQL that may forget what it acknowledged is told at the start."""

from mailwright.storage import open_storage
from tests.storage.pg import CARELESS, Postgres


async def test_each_careless_setting_is_told(postgres: Postgres) -> None:
    url = postgres.fresh("migrated")
    database = url.partition("?")[0].rpartition("/")[2]
    postgres.execute(f"ALTER DATABASE {database} SET synchronous_commit = off")
    storage = open_storage(url)
    await storage.start()
    await storage.close()
    assert {finding.code for finding in storage.weaknesses} == {"database-forgets"}
    assert [finding.what for finding in storage.weaknesses] == [
        f"PostgreSQL runs with {name} = off." for name in ("fsync", "full_page_writes", "synchronous_commit")
    ]
    assert {"fsync", "full_page_writes"} <= CARELESS.keys()
    assert all(finding.why and finding.do for finding in storage.weaknesses)


async def test_sqlite_is_always_durable(tmp_path: object) -> None:
    storage = open_storage(f"sqlite:///{tmp_path}/mail.db")
    await storage.start()
    await storage.close()
    assert storage.weaknesses == ()
