"""Webhooks and their calls."""

from typing import Any

from alembic import op
from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, SmallInteger, Table, Text, text

Id = BigInteger().with_variant(Integer, "sqlite")

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

metadata = MetaData()


def _where(predicate: str) -> dict[str, Any]:
    return {"sqlite_where": text(predicate), "postgresql_where": text(predicate)}


def _number(name: str, *, null: bool = False, default: str | None = None) -> Column[int]:
    return Column(name, BigInteger, nullable=null, server_default=default)


def _small(name: str, *, default: str | None = None) -> Column[int]:
    return Column(name, SmallInteger, nullable=False, server_default=default)


def _text(name: str, *, default: str | None = None) -> Column[str]:
    return Column(name, Text, nullable=False, server_default=default)


webhook = Table(
    "webhook",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    _number("account"),
    _text("url"),
    _text("events"),
    _text("kinds"),
    _small("state"),
    _text("notice"),
    _number("created_at"),
    Column("sealed", LargeBinary, nullable=False),
    Column("sealed_old", LargeBinary, nullable=True),
    _number("old_until", null=True),
    _number("failing_since", null=True),
    _number("failures", default="0"),
    _number("rests_until", default="0"),
    Index("webhook_account", "account"),
)
webhook_call = Table(
    "webhook_call",
    metadata,
    Column("webhook", BigInteger, primary_key=True, autoincrement=False),
    Column("event", BigInteger, primary_key=True, autoincrement=False),
    _number("message"),
    _small("state", default="0"),
    _number("due_at"),
    _number("since"),
    _number("lease", null=True),
    _number("attempts", default="0"),
    _text("tries", default="[]"),
    Index("webhook_call_due", "webhook", "due_at", "event", **_where("state = 0")),
    Index("webhook_call_open", "webhook", "message", "event", **_where("state IN (0, 1)")),
    Index("webhook_call_lease", "lease", **_where("state = 1")),
)


def upgrade() -> None:
    """To this version."""
    metadata.create_all(op.get_bind())
