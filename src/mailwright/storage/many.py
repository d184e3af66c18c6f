"""Many rows in one statement: what group commit writes.

Measured at 100 mails a group while the event loop is busy: the driver's `executemany` takes the interpreter's lock anew for
every row, and waits up to 5 ms for it each time (46 mails/s); one statement for all rows takes it once (2,500/s and more).
On PostgreSQL COPY costs a quarter of the client's time of `executemany` (14 instead of 62 us a mail).
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Column, Connection, Table

from mailwright.storage.writer_process import Step

Row = tuple[Any, ...]
STATEMENT_ROWS = 100  # rows of one SQLite statement; each number of rows is a statement of its own, prepared once


def insert_rows(connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Insert rows, each a tuple in the order of `columns`."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        _copy(connection, table, columns, rows)
        return
    into = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES "  # noqa: S608 - our own names
    for part in _parts(rows):
        connection.exec_driver_sql(into + _values(len(columns), len(part)), tuple(chain.from_iterable(part)))


def run_rows(connection: Connection, sql: str, columns: Sequence[Column[Any]], rows: Sequence[Row]) -> tuple[int, list[Row]]:
    """Run `sql`, where `{rows}` stands for a query that yields `rows` under the columns' names.

    Returns how many rows were touched, and what RETURNING gave.
    """
    touched = 0
    returned: list[Row] = []
    if connection.dialect.name == "postgresql":
        parts: list[tuple[str, Row]] = (
            [(_unnested(connection, columns), tuple(list(column) for column in zip(*rows, strict=True)))] if rows else []
        )
    else:
        parts = [(_selected(columns, len(part)), tuple(chain.from_iterable(part))) for part in _parts(rows)]
    for source, parameters in parts:
        result = connection.exec_driver_sql(sql.replace("{rows}", source), parameters)
        touched += result.rowcount
        if result.returns_rows:
            returned.extend(tuple(row) for row in result.all())
    return touched, returned


def insert_step(table: Table, columns: Sequence[str], rows: Sequence[Row]) -> Step:
    """The same as `insert_rows`, for the process that writes to SQLite: there each row costs what it is."""
    return f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES {_values(len(columns), 1)}", rows, len(rows), ""  # noqa: S608


def row_step(sql: str, columns: Sequence[Column[Any]], rows: Sequence[Row]) -> Step:
    """The same as `run_rows`, for that process; each row must touch one."""
    given = ", ".join(f"? AS {column.name}" for column in columns)
    return sql.replace("{rows}", f"SELECT {given}"), rows, len(rows), ""


def select_listed(connection: Connection, sql: str, numbers: Sequence[int]) -> list[Row]:
    """The rows of `sql`, where `{listed}` stands for being one of `numbers`."""
    if not numbers:
        return []
    if connection.dialect.name == "postgresql":
        result = connection.exec_driver_sql(sql.replace("{listed}", "= ANY(%s)"), (list(numbers),))
    else:
        result = connection.exec_driver_sql(sql.replace("{listed}", f"IN ({', '.join('?' * len(numbers))})"), tuple(numbers))
    return [tuple(row) for row in result.all()]


def _parts(rows: Sequence[Row]) -> Sequence[Sequence[Row]]:
    return [rows[at : at + STATEMENT_ROWS] for at in range(0, len(rows), STATEMENT_ROWS)]


def _values(width: int, count: int) -> str:
    row = f"({', '.join('?' * width)})"
    return ", ".join([row] * count)


def _selected(columns: Sequence[Column[Any]], count: int) -> str:
    names = ", ".join(f"column{n} AS {column.name}" for n, column in enumerate(columns, 1))
    return f"SELECT {names} FROM (VALUES {_values(len(columns), count)})"  # noqa: S608 - our own names


def _unnested(connection: Connection, columns: Sequence[Column[Any]]) -> str:
    """Arrays, one a column: the statement is the same for any number of rows."""
    return "SELECT " + ", ".join(
        f"unnest(%s::{column.type.compile(connection.dialect)}[]) AS {column.name}" for column in columns
    )


def _copy(connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row]) -> None:
    types = [_COPIED[table.c[name].type.compile(connection.dialect)] for name in columns]
    cursor = connection.connection.cursor()
    try:
        with cursor.copy(f"COPY {table.name} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)
    finally:
        cursor.close()


_COPIED = {"BIGINT": "int8", "INTEGER": "int4", "SMALLINT": "int2", "TEXT": "text", "BYTEA": "bytea"}
