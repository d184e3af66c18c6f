"""What goes wrong with a database: said in words, nothing half kept, and work goes on by itself when it is mended."""

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

from mailwright.storage import Storage, migrate, open_storage
from mailwright.values import Conflict, MailwrightError, Malformed, Unavailable
from tests.storage.mails import Mails, claim, states, worker
from tests.storage.pg import CARELESS, INSTALL, Postgres, binaries


@pytest_asyncio.fixture
async def lite(tmp_path: Path) -> AsyncIterator[Storage]:
    storage = open_storage(f"sqlite:///{tmp_path}/mail.db?timeout=0.1")
    await storage.start()
    yield storage
    await storage.close()


@pytest_asyncio.fixture
async def big(postgres: Postgres) -> AsyncIterator[Storage]:
    storage = open_storage(postgres.fresh("migrated"))
    await storage.start()
    yield storage
    await storage.close()


def pragma(storage: Storage, text: str) -> None:
    """Set something on the writer's connection; it ends with the connection, that is, with the first fault."""
    with closing(storage._engines.write.raw_connection()) as connection:
        connection.cursor().execute(f"PRAGMA {text}").close()


async def refused(storage: Storage, mails: Mails, *, number: int = 30) -> Unavailable:
    """Hand in several mails at once: each is refused, and nothing of any is kept."""
    before = len(await storage.store.messages(account=None))
    tries = [mails.accept(storage, content=[b"x" * 20_000]) for _ in range(number)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert [type(result) for result in results] == [Unavailable] * number
    assert len(await storage.store.messages(account=None)) == before
    return results[0]  # type: ignore[return-value]


async def goes_on(storage: Storage, mails: Mails) -> None:
    """Mail is taken and handed out again."""
    me = await worker(storage)
    message, _ = await mails.accept(storage)
    (job,) = [job for job in await claim(storage, me) if job.message == message.id]
    await storage.queue.begin([job.delivery], worker=me)
    await storage.ready()


async def test_sqlite_full(lite: Storage, mails: Mails) -> None:
    await mails.accept(lite)
    pragma(lite, "max_page_count = 1")  # SQLite raises it to the present size; the next group has room again
    assert str(await refused(lite, mails, number=1)) == "The disk with the database is full."
    await goes_on(lite, mails)


def test_files_that_may_not_grow(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.storage.full_disk", str(tmp_path / "mail.db")]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        command, cwd=root, capture_output=True, text=True, check=False, env={"PYTHONPATH": f"{root}/src:{root}"}
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["kept"] > 3
    assert seen["refused"][0] == [
        "The disk with the database reports an error.",
        "Look into the system's log; check the disk and its free space.",
    ]
    assert seen["intact"]


async def test_sqlite_read_only(lite: Storage, mails: Mails) -> None:
    pragma(lite, "query_only = ON")
    assert str(await refused(lite, mails, number=1)) == "The database cannot be written."
    await goes_on(lite, mails)


async def test_sqlite_locked_by_another_program(lite: Storage, mails: Mails) -> None:
    with closing(sqlite3.connect(str(lite._engines.path), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        fault = await refused(lite, mails)
        assert str(fault) == "The database is locked by another program."
        assert "backup" in fault.remedy
        await lite.ready()
        with pytest.raises(Unavailable):
            await lite.queue.register(host="here", pid=1)
        other.execute("ROLLBACK")
    await goes_on(lite, mails)


async def test_postgresql_ends_the_connections(big: Storage, postgres: Postgres, mails: Mails) -> None:
    me = await worker(big)
    message, _ = await mails.accept(big)
    (job,) = await claim(big, me)
    postgres.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 't%'")
    tries = await asyncio.gather(
        mails.accept(big),
        big.queue.begin([job.delivery], worker=me),
        big.queue.heartbeat(me),
        big.ready(),
        return_exceptions=True,
    )
    assert all(isinstance(result, Unavailable) or not isinstance(result, BaseException) for result in tries)
    assert any(isinstance(result, Unavailable) for result in tries)
    await goes_on(big, mails)
    assert len(await states(big, message.id)) == 1


async def test_postgresql_takes_no_writes(big: Storage, postgres: Postgres, mails: Mails) -> None:
    postgres.execute("ALTER ROLE mailwright SET default_transaction_read_only = on")
    big._engines.forget()
    try:
        fault = await refused(big, mails)
    finally:
        postgres.execute("BEGIN READ WRITE; ALTER ROLE mailwright SET default_transaction_read_only = off; COMMIT")
    assert str(fault) == "PostgreSQL takes no writes: it is a standby, or set to read-only."
    await goes_on(big, mails)


async def test_postgresql_stops_and_comes_back(mails: Mails) -> None:
    programs = binaries()
    if programs is None:
        pytest.skip(INSTALL)
    server = Postgres(programs, **CARELESS)
    try:
        server.start()
        url = server.fresh()
        migrate(url)
        storage = open_storage(url)
        await storage.start()
        await goes_on(storage, mails)
        server.stop("fast")
        for door in (storage.ready, lambda: mails.accept(storage), lambda: worker(storage), storage.directory.version):
            with pytest.raises(Unavailable, match=r"PostgreSQL|database does not answer"):
                await door()
        with pytest.raises(Unavailable):
            await open_storage(url).start()
        server.start()
        await goes_on(storage, mails)
        await storage.close()
        server.stop()
    finally:
        server.remove()


async def test_one_process_serves_an_sqlite_database(lite: Storage, tmp_path: Path) -> None:
    second = open_storage(f"sqlite:///{tmp_path}/mail.db")
    with pytest.raises(Conflict, match=r"Another Mailwright process .process .* serves this database already"):
        await second.start()
    command = open_storage(f"sqlite:///{tmp_path}/mail.db")
    await command.start(serve=False)
    assert await command.directory.version() == 0
    await command.close()


@pytest.mark.parametrize(
    ("url", "kind", "says"),
    [
        ("mysql://x/y", Malformed, "no such database as mysql"),
        ("not a url", Malformed, "cannot be read"),
        ("sqlite:////nowhere/at/all/mail.db", Unavailable, "cannot be opened"),
        ("postgresql://nobody@127.0.0.1:1/x", Unavailable, "does not answer"),
    ],
)
async def test_a_database_that_cannot_be_opened(url: str, kind: type[MailwrightError], says: str) -> None:
    with pytest.raises(kind, match=says) as caught:
        await open_storage(url).start()
    assert caught.value.remedy


async def test_a_folder_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "mail.db").write_text("this is a letter, not a database\n" * 100)
    with pytest.raises(Unavailable, match="not an SQLite database"):
        await open_storage(f"sqlite:///{tmp_path}/mail.db").start()


async def test_nobody_else_may_read_the_mail(lite: Storage, mails: Mails) -> None:
    await mails.accept(lite)
    assert lite._engines.path is not None
    files = [*lite._engines.path.parent.glob("mail.db*")]
    assert len(files) >= 3
    assert {oct(file.stat().st_mode & 0o077) for file in files if file.suffix != ".lock"} == {"0o0"}


async def test_a_store_that_is_not_started(tmp_path: Path, mails: Mails) -> None:
    storage = open_storage(f"sqlite:///{tmp_path}/mail.db")
    with pytest.raises(Unavailable, match="not open"):
        await mails.accept(storage)
    await storage.close()
