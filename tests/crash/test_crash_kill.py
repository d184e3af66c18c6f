"""SIGKILL and power cuts at random moments while mail flows: what got its 250 arrives; what arrives twice is told."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from mailwright.queue import State
from mailwright.values.ids import id_text
from tests.crash import disk
from tests.crash.conftest import Cluster, Tell
from tests.crash.house import House
from tests.crash.killing import BEGUN, Books, Kills, confirm, flow, mark, message_of, settled
from tests.crash.sink import Sink
from tests.crash.source import Source

SEED = 5321
ANSWER_SECONDS = 0.002  # between a dot and its 250: what a kill may hit
CONNECTIONS = 400  # slots of a dead process are free only when somebody has seen that it is
SIZES = [pytest.param(600, 2, id="short"), pytest.param(20_000, 20, id="long")]
COMMIT_AND_DIE = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode = WAL")
connection.execute("PRAGMA synchronous = FULL")
connection.execute("CREATE TABLE mail (n)")
connection.execute("PRAGMA synchronous = " + sys.argv[2])
connection.execute("INSERT INTO mail VALUES (1)")
os.kill(os.getpid(), 9)
"""
# PostgreSQL writes down itself what is taken from whom: the dead are struck off the list of workers as soon as somebody sees it.
WATCH = f"""
CREATE TABLE born (worker bigint, pid bigint);
CREATE TABLE taken (recipient text, worker bigint);
CREATE FUNCTION note_birth() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO born VALUES (new.id, new.pid); RETURN NULL; END $$;
CREATE FUNCTION note_taking() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO taken VALUES (old.recipient, old.lease); RETURN NULL; END $$;
CREATE TRIGGER births AFTER INSERT ON worker FOR EACH ROW EXECUTE FUNCTION note_birth();
CREATE TRIGGER takings AFTER UPDATE OF state ON delivery FOR EACH ROW
    WHEN (old.state = {int(State.SENDING)} AND new.state = {int(State.READY)}) EXECUTE FUNCTION note_taking();
"""
TAKEN = "SELECT recipient FROM taken JOIN born USING (worker) WHERE pid IN ({pids})"


@pytest.mark.slow
@pytest.mark.parametrize(("mails", "times"), SIZES[1:])
async def test_kills_on_sqlite(mails: int, times: int, data: Path, tmp_path: Path, tell: Tell) -> None:
    await sqlite_case(mails, times, data, tmp_path, tell, None)


@pytest.mark.slow
@pytest.mark.parametrize(("mails", "times"), SIZES)
async def test_power_cuts_on_sqlite(mails: int, times: int, data: Path, tmp_path: Path, tell: Tell) -> None:
    """Each kill also takes away what was written and not synced: so every 250 came after its fsync, and each mark of a
    begun delivery before its final dot."""
    await sqlite_case(mails, times, data, tmp_path, tell, disk.Disk(disk.build(tmp_path), data, tmp_path))


async def sqlite_case(mails: int, times: int, data: Path, folder: Path, tell: Tell, drive: disk.Disk | None) -> None:
    database, chance = data / "mailwright.db", Random(SEED)
    lost = 0

    def after_kill(_: House) -> list[str]:
        nonlocal lost
        lost += drive.cut_power(chance) if drive is not None else 0
        return begun_in(database, folder)

    def query(sql: str) -> list[tuple[object, ...]]:
        return rows(database, sql)

    async with Sink(answer_after=ANSWER_SECONDS) as sink:
        books = Books(Source(), sink)
        async with House(folder, data, sink=sink.port, env=drive.env if drive is not None else {}) as house:
            kills = Kills(chance, mails=mails, times=times, houses=[house], books=books, whole=drive is not None)
            await flow([house], books, kills, mails=mails, after_kill=after_kill)
            await settled(query)
            await mark(books, f"sqlite:///{database}", query)
            cut = f", power cut each time ({lost:,} writes lost)" if drive is not None else ""
            tell(f"SQLite, {times} kills{cut}: {books}")
            confirm(books, mails=mails)
            for mail in list(books.doubles)[:1]:
                assert "may have arrived twice" in await house.run("why", id_text(message_of(mail, query)))


@pytest.mark.parametrize(("synchronous", "kept"), [("FULL", [(1,)]), ("OFF", [])])
def test_the_power_cut_takes_what_was_not_synced(synchronous: str, kept: list[tuple[int]], tmp_path: Path) -> None:
    (folder := tmp_path / "data").mkdir()
    drive = disk.Disk(disk.build(tmp_path), folder, tmp_path)
    subprocess.run([sys.executable, "-c", COMMIT_AND_DIE, str(folder / "x.db"), synchronous], env=drive.env, check=False)
    assert bool(drive.cut_power(Random(4))) is (not kept)
    assert rows(folder / "x.db", "SELECT n FROM mail") == kept


@pytest.mark.parametrize(("mails", "times"), [pytest.param(20_000, 20, id="long", marks=pytest.mark.slow)])
async def test_kills_of_two_processes_on_postgresql(mails: int, times: int, cluster: Cluster, tmp_path: Path, tell: Tell) -> None:
    """The mail of a dead process is taken over by its successor, or by the other one, which goes on meanwhile."""
    with psycopg.connect(cluster.url, autocommit=True) as connection:

        def query(sql: str) -> list[tuple[object, ...]]:
            return connection.execute(sql.encode()).fetchall()

        killed: list[int] = []

        def after_kill(house: House) -> list[str]:
            """What it had begun is looked up at the end: another process may have taken it over by now."""
            killed.append(house.pid)
            return []

        connection.execute(WATCH.encode())
        async with Sink(answer_after=ANSWER_SECONDS) as sink:
            books = Books(Source(), sink)
            options: Any = {"sink": sink.port, "database": cluster.url, "connections": CONNECTIONS}
            async with (
                House(tmp_path / "a", cluster.data, **options) as one,
                House(tmp_path / "b", cluster.data, **options) as two,
            ):
                kills = Kills(Random(SEED), mails=mails, times=times, houses=[one, two], books=books)
                await flow([one, two], books, kills, mails=mails, after_kill=after_kill)
                await settled(query)
                books.exposed.update(str(row[0]).partition("@")[0] for row in query(TAKEN.format(pids=str(killed)[1:-1])))
                await mark(books, cluster.url, query)
                tell(f"PostgreSQL, two processes, {times} kills: {books}")
                confirm(books, mails=mails)


def begun_in(database: Path, folder: Path) -> list[str]:
    """What a dead process had begun and not settled, read from a copy: the recovery is for the process itself."""
    copy = folder / "copy.db"
    for suffix in ("", "-wal"):
        if (part := database.with_name(database.name + suffix)).exists():
            shutil.copy(part, f"{copy}{suffix}")
    found = [str(row[0]).partition("@")[0] for row in rows(copy, BEGUN)]
    for path in folder.glob("copy.db*"):
        path.unlink()
    return found


def rows(database: Path, sql: str) -> list[tuple[object, ...]]:
    """What a query finds."""
    with closing(sqlite3.connect(database, timeout=30)) as connection:
        return connection.execute(sql).fetchall()
