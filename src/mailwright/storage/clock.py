"""The database's own clock in milliseconds: it decides who is alive, whatever the clocks of the machines say."""

from typing import Any

from sqlalchemy import BigInteger, Connection, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class now_ms(FunctionElement[int]):  # noqa: N801 - an SQL function
    """Milliseconds since 1970 at this moment, also inside a transaction."""

    type = BigInteger()
    inherit_cache = True
    name = "now_ms"


@compiles(now_ms, "sqlite")
def _on_sqlite(*_: Any, **__: Any) -> str:
    return "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER)"  # unixepoch('subsec') is not in SQLite < 3.42


@compiles(now_ms, "postgresql")
def _on_postgresql(*_: Any, **__: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"


def read_clock(connection: Connection) -> int:
    """The time of the database."""
    return int(connection.execute(select(now_ms())).scalar_one())
