"""What goes wrong with a database: said in words, nothing half kept, and work goes on by itself when it is mended."""

import asyncio
import errno
import json
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from sqlalchemy import Connection

from mailwright.storage import Storage, migrate, open_storage
from mailwright.storage.faults import unavailable
from mailwright.values import Conflict, MailwrightError, Malformed, NoRoom, Unavailable
from tests.storage.mails import Mails, claim, states, worker
from tests.storage.pg import CARELESS, INSTALL, Postgres, binaries

MAILS = 30  # that are handed in at once


@pytest_asyncio.fixture(params=["by a process", "by a thread"])
async def lite(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    """Groups are written by either."""
    storage = open_storage(f"sqlite:///{tmp_path}/mail.db?timeout=0.1")
    await storage.start(serve=request.param == "by a process")
    yield storage
    await storage.close()


@pytest_asyncio.fixture
async def threaded(tmp_path: Path) -> AsyncIterator[Storage]:
    """Groups are written by a thread, over a connection that a test can reach."""
    storage = open_storage(f"sqlite:///{tmp_path}/mail.db?timeout=0.1")
    await storage.start(serve=False)
    yield storage
    await storage.close()


@pytest_asyncio.fixture
async def big(postgres: Postgres) -> AsyncIterator[Storage]:
    storage = open_storage(postgres.fresh("migrated"))
    await storage.start()
    yield storage
    await storage.close()


async def in_one_line(storage: Storage, last: Callable[[Connection], object], calls: Sequence[Awaitable[object]]) -> list[object]:
    """What comes of calls that stand in the writer's line behind one transaction; `last` is what that one does in the end."""
    begun, go = Event(), Event()

    def held(connection: Connection) -> None:
        begun.set()
        go.wait()
        last(connection)

    holder = asyncio.ensure_future(storage._door.write(held))
    await asyncio.to_thread(begun.wait)
    try:
        tasks = [asyncio.ensure_future(call) for call in calls]
        while storage._door._writer.in_line < len(tasks):  # noqa: ASYNC110 - nobody is told how long a line is
            await asyncio.sleep(0)
    finally:
        go.set()
    await asyncio.gather(holder, return_exceptions=True)
    return await asyncio.gather(*tasks, return_exceptions=True)


def sqlite_fault(code: int) -> sqlite3.Error:
    """As the driver raises it."""
    fault = sqlite3.OperationalError("something is wrong")
    fault.sqlite_errorcode = code
    return fault


async def change(storage: Storage, *statements: str) -> None:
    """Change the database beside the mail."""

    def run(connection: Connection) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement)

    await storage._door.write(run)


def pragma(text: str) -> Callable[[Connection], object]:
    """Sets something on the writer's connection; it ends with the connection, that is, with the first fault."""
    return lambda connection: connection.exec_driver_sql(f"PRAGMA {text}")


def handed_in(storage: Storage, mails: Mails) -> list[Coroutine[Any, Any, object]]:
    """Several mails at once, too large for the pages that a database has free."""
    return [mails.accept(storage, content=[b"x" * 20_000]) for _ in range(MAILS)]


async def kept(storage: Storage) -> int:
    """How many mails there are."""
    return len(await storage.store.messages(account=None, limit=1000))


async def refused(storage: Storage, mails: Mails, last: Callable[[Connection], object] | None = None) -> Unavailable:
    """Hand in several mails at once, as one group behind what ends with `last`: all are refused, and nothing of any is kept."""
    before, faults = await kept(storage), storage.faults
    if last is None:
        results = await asyncio.gather(*handed_in(storage, mails), return_exceptions=True)
    else:
        results = await in_one_line(storage, last, handed_in(storage, mails))
        assert storage.faults == faults + 1, "they were one transaction"
    (fault,) = set(results)
    assert isinstance(fault, Unavailable)
    assert await kept(storage) == before
    return fault


async def goes_on(storage: Storage, mails: Mails) -> None:
    """Mail is taken and handed out again, as much as before."""
    before = await kept(storage)
    await asyncio.gather(*handed_in(storage, mails))
    assert await kept(storage) == before + MAILS
    me = await worker(storage)
    message, _ = await mails.accept(storage)
    (job,) = [job for job in await claim(storage, me) if job.message == message.id]
    await storage.queue.begin([job.delivery], worker=me)
    await storage.ready()


# What a driver raises, and whether it means that somebody must make room.
FAULTS = [
    (sqlite_fault(sqlite3.SQLITE_FULL), True, "a write found no room"),
    (sqlite_fault(sqlite3.SQLITE_IOERR_SHMSIZE), True, "the write-ahead log had its room, its index had none"),
    (sqlite_fault(sqlite3.SQLITE_IOERR_WRITE), False, "the disk is broken, or the file may not grow"),
    (sqlite_fault(sqlite3.SQLITE_BUSY), False, "another program holds it"),
    (psycopg.errors.DiskFull(), True, "53100"),
    (psycopg.errors.OutOfMemory(), False, "53200: of the same class"),
    (OSError(errno.ENOSPC, "the file cannot be made"), True, "the disk is full"),
    (OSError(errno.EDQUOT, "the file cannot be made"), True, "the share of the disk that this user has is full"),
    (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), False, "nobody is there"),
]


@pytest.mark.parametrize(("raised", "full", "because"), FAULTS, ids=[because for _, _, because in FAULTS])
def test_a_full_disk_is_told_from_other_faults(raised: Exception, full: bool, because: str) -> None:
    said = unavailable(raised)
    assert said is not None
    assert (isinstance(said, NoRoom), "full" in str(said)) == (full, full), because


async def test_sqlite_full(threaded: Storage, mails: Mails) -> None:
    await mails.accept(threaded)
    fault = await refused(threaded, mails, pragma("max_page_count = 1"))  # SQLite raises it to the present size
    assert isinstance(fault, NoRoom)
    assert str(fault) == "The disk with the database is full."
    await goes_on(threaded, mails)


async def test_postgresql_full(big: Storage, mails: Mails) -> None:
    """As PostgreSQL says it; a trigger stands for the disk."""
    await change(
        big,
        "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END$$",
        "CREATE TRIGGER no_room BEFORE INSERT ON message EXECUTE FUNCTION no_room()",
    )
    fault = await refused(big, mails)
    assert isinstance(fault, NoRoom)
    assert str(fault) == "The disk of PostgreSQL is full."
    await change(big, "DROP TRIGGER no_room ON message")
    await goes_on(big, mails)


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


async def test_sqlite_read_only(threaded: Storage, mails: Mails) -> None:
    fault = await refused(threaded, mails, pragma("query_only = ON"))
    assert type(fault) is Unavailable
    assert str(fault) == "The database cannot be written."
    await goes_on(threaded, mails)


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


@pytest.mark.parametrize("first", ["a group", "what runs alone"])
async def test_a_locked_database_refuses_the_whole_line_at_once(first: str, lite: Storage, mails: Mails) -> None:
    """One transaction waits for the lock in vain; nothing of what stands behind it waits once more."""
    await worker(lite)
    before, faults = await kept(lite), lite.faults
    with closing(sqlite3.connect(str(lite._engines.path), isolation_level=None, timeout=0, check_same_thread=False)) as other:

        def last(connection: Connection) -> None:
            if first == "a group":
                connection.exec_driver_sql("COMMIT")  # what runs alone gives the lock away, and the group meets it
            other.execute("BEGIN IMMEDIATE")  # else this is refused, and with it what runs alone

        results = await in_one_line(lite, last, [*handed_in(lite, mails), *(lite.queue.heartbeat(n) for n in range(MAILS))])
        assert {str(result) for result in results} == {"The database is locked by another program."}
        assert {type(result) for result in results} == {Unavailable}
        assert (await kept(lite), lite.faults) == (before, faults + 1)
        other.rollback()
    await goes_on(lite, mails)
    assert lite.trouble is None


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


@pytest.mark.parametrize("lite", ["by a process"], indirect=True)
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
        ("postgresql://nobody@127.0.0.1:1/x", Unavailable, "does not answer, or refuses the login"),
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


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_a_folder_that_may_not_be_written_is_no_database_that_is_away(number: int) -> None:
    told = unavailable(OSError(number, "no"))
    assert told is not None
    assert "cannot be written" in str(told)
    assert "read-only" in told.remedy
