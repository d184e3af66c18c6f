"""Whether PostgreSQL keeps what it acknowledged, as it is set up."""

from collections.abc import Sequence

from sqlalchemy import Connection

from mailwright.values import Finding
from mailwright.values.finding import warning

# https://www.postgresql.org/docs/current/runtime-config-wal.html: each must not be off.
_NEEDED = {
    "fsync": "A crash of its machine or a power cut can destroy the whole database.",
    "full_page_writes": "A crash of its machine or a power cut can leave pages half written, and damage the database.",
    "synchronous_commit": "A crash of PostgreSQL loses the mail that was acknowledged in the last moments before it.",
}


def weaknesses(connection: Connection) -> Sequence[Finding]:
    """A finding for each setting that lets acknowledged mail be lost."""
    found = {name: connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in _NEEDED}
    return tuple(
        warning(
            "database-forgets",
            f"PostgreSQL runs with {name} = off.",
            why=f"Mail is promised to be safe once it is taken. {why}",
            do=f"Set {name} = on in postgresql.conf, and reload PostgreSQL.",
            evidence=(f"{name} = {found[name]}",),
        )
        for name, why in _NEEDED.items()
        if found[name] == "off"
    )
