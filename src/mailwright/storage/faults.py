"""What a driver's exception means to people: the store does not answer now, or this one piece of work is wrong."""

import errno
import sqlite3
import sys
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mailwright.values import NoRoom, Unavailable

if TYPE_CHECKING:
    import psycopg

_MAKE_ROOM = "Free some space on it; nothing was lost, and work goes on by itself."
_FULL, _FULL_THERE = ("The disk with the database is full.", _MAKE_ROOM), ("The disk of PostgreSQL is full.", _MAKE_ROOM)
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}

# https://www.sqlite.org/rescode.html, a code or its low 8 bits: what happened, and what to do.
_SQLITE = {
    sqlite3.SQLITE_IOERR_SHMSIZE: _FULL,  # the log took the mail, and its index could not grow
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_READONLY: (
        "The database cannot be written.",
        "Check the rights of its file and folder, and that the disk is not mounted read-only.",
    ),
    sqlite3.SQLITE_BUSY: (
        "The database is locked by another program.",
        "End the program that holds it, such as a backup or a shell.",
    ),
    sqlite3.SQLITE_LOCKED: (
        "The database is locked by another program.",
        "End the program that holds it, such as a backup or a shell.",
    ),
    sqlite3.SQLITE_IOERR: (
        "The disk with the database reports an error.",
        "Look into the system's log; check the disk and its free space.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "The database file cannot be opened.",
        "Check that its folder exists and may be written, and that the disk has room.",
    ),
    sqlite3.SQLITE_NOMEM: ("There is no memory left for the database.", "Give the process more memory."),
    sqlite3.SQLITE_CORRUPT: ("The database file is damaged.", "Stop Mailwright and restore the last backup; check the disk."),
    sqlite3.SQLITE_NOTADB: ("The database file is not an SQLite database.", "Check `database` in the settings."),
}

# https://www.postgresql.org/docs/current/errcodes-appendix.html, by class or code.
_POSTGRESQL = {
    "08": ("PostgreSQL is gone.", "Start it, or check the network; work goes on by itself."),
    "25006": ("PostgreSQL takes no writes: it is a standby, or set to read-only.", "Point `database` at the primary."),
    "25P03": ("PostgreSQL ended a transaction that hung.", "Look at the load of this machine; work goes on by itself."),
    "28": ("PostgreSQL refuses the login.", "Check user and password in `database`."),
    "3D000": ("PostgreSQL has no such database.", "Create it, or check `database`."),
    "42501": ("PostgreSQL denies access to a table.", "Grant the user of `database` its rights."),
    "53100": _FULL_THERE,
    "53": ("PostgreSQL has run out of memory or connections.", "Raise its limits, or lower the number of processes."),
    "55P03": ("A row of the database is locked for too long.", "Look for a transaction that was left open."),
    "57": ("PostgreSQL is stopping, starting, or ended the work.", "Wait; work goes on by itself."),
    "58": ("The disk of PostgreSQL reports an error.", "Look into its log; check the disk."),
    "XX": ("PostgreSQL reports damage.", "Look into its log before anything else."),
}
_COLLIDED = {"40001", "40P01"}  # serialisation failure, deadlock: the same work may be tried again
_GONE = (
    "The database does not answer, or refuses the login.",  # libpq gives no code for what fails before there is a connection
    "Check that it runs and can be reached, and user, password and name in `database`; work goes on by itself.",
)
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


def unavailable(error: BaseException) -> Unavailable | None:
    """Why the store cannot do anything just now, NoRoom where its disk is full; None where the one piece of work is wrong."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, Unavailable):
        return cause
    if isinstance(cause, sqlite3.Error):
        words = _SQLITE.get(_code(cause)) or _SQLITE.get(_code(cause) & 0xFF)
    elif (of_postgresql := _of_postgresql(cause)) is not None:
        words = _postgresql(of_postgresql)
    elif isinstance(cause, (OSError, PoolTimeout)):
        words = _of_the_system(cause.errno if isinstance(cause, OSError) else None)
    else:
        words = None
    if words is None:
        return None
    return NoRoom(*words) if words in (_FULL, _FULL_THERE) else Unavailable(*words)


def collided(error: BaseException) -> bool:
    """Whether two transactions met in a way that only the database could end."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    of_postgresql = _of_postgresql(cause)
    return of_postgresql is not None and of_postgresql.sqlstate in _COLLIDED


def locked(error: BaseException) -> bool:
    """Whether another program holds the SQLite database, and was waited for in vain."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return isinstance(cause, sqlite3.Error) and _code(cause) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def _of_the_system(number: int | None) -> tuple[str, str]:
    if number in _NO_SPACE:
        return _FULL
    return _SQLITE[sqlite3.SQLITE_READONLY] if number in _FORBIDDEN else _GONE


def _code(cause: sqlite3.Error) -> int:
    """The extended result code; 0 where the fault is the driver's own."""
    return getattr(cause, "sqlite_errorcode", 0)


def _of_postgresql(cause: BaseException | None) -> "psycopg.Error | None":
    """What its driver raised; a process that has not loaded it has nothing from it."""
    driver = sys.modules.get("psycopg")
    return cause if driver is not None and isinstance(cause, driver.Error) else None


def _postgresql(cause: "psycopg.Error") -> tuple[str, str] | None:
    state = cause.sqlstate
    if state is None:  # the connection broke, or was never made: libpq knows no code for that
        driver = sys.modules["psycopg"]
        return _GONE if isinstance(cause, (driver.OperationalError, driver.InterfaceError)) else None
    return _POSTGRESQL.get(state) or _POSTGRESQL.get(state[:2])
