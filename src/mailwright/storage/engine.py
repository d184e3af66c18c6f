"""From a URL to engines: one for writing, one for reading, with what each database needs to be durable and quick."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from mailwright.values import Malformed

if TYPE_CHECKING:
    import psycopg  # SQLAlchemy loads it where it is wanted: 9 MB that a process on SQLite does without

OLDEST_SQLITE = (3, 35)  # RETURNING; UPDATE ... FROM came with 3.33
BUSY_MS = 5_000  # how long to wait for another program that holds an SQLite database
WRITER_CACHE_KIB, READER_CACHE_KIB = 16_384, 2_048  # of each SQLite connection: a process at rest stays small
READERS = 4  # connections, and threads, that read
WRITERS = 6  # connections that write to PostgreSQL: the groups, and what runs alone
# When PostgreSQL counts as gone, in seconds (the last in milliseconds): a network that swallows packets must not hold the writer.
_GONE = {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 15_000}
HUNG_SECONDS = 15  # a process that hangs within a transaction: its locks must be gone when others take over its mail
WAL_KEPT = 64 * 1024 * 1024  # octets that the WAL file keeps on disk at most, after it was folded back
_MEMORY = "file:/mailwright-{}?vfs=memdb&uri=true"  # shared by all connections of this process


@dataclass(slots=True)
class Age:
    """Connections of another age than now's are stale."""

    now: int = 0

    def watch(self, engine: Engine) -> Engine:
        """Let the pool of an engine hand out connections of this age only."""

        @event.listens_for(engine, "connect")
        def made(_: Any, record: ConnectionPoolEntry) -> None:
            record.info["age"] = self.now

        @event.listens_for(engine, "checkout")
        def wanted(_: Any, record: ConnectionPoolEntry, __: Any) -> None:
            if record.info["age"] != self.now:
                raise DisconnectionError  # the pool closes it and makes a new one

        return engine


@dataclass(frozen=True, slots=True)
class Engines:
    """Where to write and where to read; `path` is the SQLite file, None for PostgreSQL and for a database in memory."""

    write: Engine
    read: Engine
    path: Path | None
    age: "Age"
    busy_seconds: float = BUSY_MS / 1000  # how long to wait for another program that holds an SQLite database

    @property
    def sqlite(self) -> bool:
        """Whether this is SQLite: one writer at a time."""
        return self.write.dialect.name == "sqlite"

    def forget(self) -> None:
        """After a fault: each connection is replaced when it is next wanted."""
        if not self.sqlite or self.path is not None:  # a database in memory lives as long as its connections
            self.age.now += 1

    def close(self) -> None:
        """Close every connection."""
        self.write.dispose()
        self.read.dispose()


def engines_for(text: str) -> Engines:
    """Engines for `sqlite:///path`, `sqlite://` (in memory) or `postgresql://user@host/name`. Raises Malformed.

    `?timeout=` is how many seconds to wait for another program that holds an SQLite database, `?prepare_threshold=none`
    is for a PostgreSQL pooler that cannot keep prepared statements; anything else goes to the driver.
    """
    try:
        url = make_url(text)
    except ArgumentError as fault:
        raise Malformed("The database URL cannot be read.", _EXAMPLES) from fault
    backend = url.get_backend_name()
    if backend == "sqlite":
        return _sqlite(url)
    if backend in {"postgresql", "postgres"}:
        return _postgresql(url)
    raise Malformed(f"There is no such database as {backend}.", _EXAMPLES)


_EXAMPLES = "Write sqlite:///folder/mailwright.db, or postgresql://user:password@host/mailwright."


def _sqlite(url: URL) -> Engines:
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise Malformed(f"SQLite {sqlite3.sqlite_version} is too old.", "Use a Python with SQLite 3.35 or newer.")
    path = None if url.database in {None, "", ":memory:"} else Path(str(url.database))
    target = url.set(drivername="sqlite+pysqlite")
    if path is None:
        target = make_url("sqlite+pysqlite:///" + _MEMORY.format(id(url)))
    seconds = float(str(url.query.get("timeout", BUSY_MS / 1000)))
    write = _sqlite_engine(target, "BEGIN IMMEDIATE", WRITER_CACHE_KIB, seconds, connections=1)
    read = _sqlite_engine(target, "BEGIN", READER_CACHE_KIB, seconds, connections=READERS)
    age = Age()
    return Engines(age.watch(write), age.watch(read), path, age, seconds)


def pragmas(cache_kib: int) -> tuple[str, ...]:
    """How each connection to an SQLite database is set."""
    return (
        "journal_mode = WAL", "synchronous = FULL", f"cache_size = -{cache_kib}", "temp_store = MEMORY",
        "wal_autocheckpoint = 0",  # see checkpoint.py
        f"journal_size_limit = {WAL_KEPT}",
    )  # fmt: skip


def _sqlite_engine(url: URL, begin: str, cache_kib: int, seconds: float, *, connections: int) -> Engine:
    engine = create_engine(
        url, poolclass=QueuePool, pool_size=connections, max_overflow=0,
        connect_args={"isolation_level": None, "check_same_thread": False, "timeout": seconds, "cached_statements": 256},
    )  # fmt: skip

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: Any) -> None:
        for pragma in pragmas(cache_kib):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        driver = cast("sqlite3.Connection", connection.connection.driver_connection)
        level = "NORMAL" if connection.get_execution_options().get("quick") else "FULL"
        if connection.info.get("synchronous", "FULL") != level:
            driver.execute(f"PRAGMA synchronous = {level}").close()
            connection.info["synchronous"] = level
        driver.execute(begin).close()

    return engine


def _postgresql(url: URL) -> Engines:
    arguments: dict[str, Any] = _GONE | {"application_name": "mailwright"}
    if "prepare_threshold" in url.query:  # "none" for poolers that cannot keep prepared statements
        asked = str(url.query["prepare_threshold"])
        arguments["prepare_threshold"] = int(asked) if asked.isdigit() else None
    arguments = {name: value for name, value in arguments.items() if name not in url.query or name == "prepare_threshold"}
    target = url.set(drivername="postgresql+psycopg").difference_update_query(["prepare_threshold"])

    def engine(size: int, **more: Any) -> Engine:
        return create_engine(target, pool_size=size, max_overflow=0, pool_use_lifo=True, connect_args=arguments, **more)

    write = engine(WRITERS)

    @event.listens_for(write, "connect")
    def prepare(connection: "psycopg.Connection[Any]", _: Any) -> None:
        connection.execute(f"SET idle_in_transaction_session_timeout = '{HUNG_SECONDS}s'".encode())
        connection.commit()

    @event.listens_for(write, "begin")
    def start(connection: Connection) -> None:
        if connection.get_execution_options().get("quick"):
            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")

    age = Age()
    return Engines(age.watch(write), age.watch(engine(READERS, isolation_level="AUTOCOMMIT")), None, age)
