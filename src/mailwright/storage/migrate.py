"""Bring a database to this version's tables, and refuse one that a newer version has changed."""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from mailwright.storage.engine import engines_for
from mailwright.storage.faults import unavailable
from mailwright.values import Conflict

_FOLDER = Path(__file__).with_name("migrations")
HEAD = max(path.name[:4] for path in (_FOLDER / "versions").glob("[0-9]*.py"))  # revisions are numbers: 0001, 0002, ...
_TABLE = "alembic_version"


def migrate(url: str) -> str:
    """Upgrade the database of that URL; returns the version that it has now. Raises Unavailable, Conflict, Malformed."""
    engines = engines_for(url)
    try:
        return upgrade(engines.write)
    except Exception as error:
        gone = unavailable(error)
        if gone is None:
            raise
        raise gone from error
    finally:
        engines.close()


def upgrade(engine: Engine) -> str:
    """Run what is missing in one transaction; returns the version."""
    with engine.begin() as connection:
        version = stored_version(connection)
        if version == HEAD:
            return HEAD
        refuse_newer(version)
        from alembic import command  # noqa: PLC0415 - 15 MB that a process at rest does not need
        from alembic.config import Config  # noqa: PLC0415

        config = Config()
        config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return HEAD


def check(engine: Engine) -> None:
    """Raises Conflict where the tables are not of this version."""
    with engine.connect() as connection:
        version = stored_version(connection)
    refuse_newer(version)
    if version != HEAD:
        raise Conflict(
            "The database has no tables yet."
            if version is None
            else f"The database is of version {version}; this Mailwright needs {HEAD}.",
            "Run `mailwright migrate` once, then start again.",
        )


def refuse_newer(version: str | None) -> None:
    """Raises Conflict where a newer Mailwright has changed the tables."""
    if version is not None and version > HEAD:
        raise Conflict(
            f"A newer Mailwright has changed this database: it is of version {version}, this Mailwright knows {HEAD}.",
            "Install the newer Mailwright again, or restore a backup from before the upgrade.",
        )


def stored_version(connection: Connection) -> str | None:
    """The version that the database says it has; None where it is empty."""
    if not inspect(connection).has_table(_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {_TABLE}")).scalar()  # noqa: S608 - a constant
