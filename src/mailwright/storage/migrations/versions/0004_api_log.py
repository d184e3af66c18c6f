"""What was asked over HTTP, and what the DNS said of a domain when it was last asked."""

from alembic import op
from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, SmallInteger, Table, Text

Id = BigInteger().with_variant(Integer, "sqlite")

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

metadata = MetaData()
api_log = Table(
    "api_log",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("account", BigInteger, nullable=False),
    Column("key", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("agent", Text, nullable=False),
    Index("api_log_account", "account", "id"),
)
domain_check = Table(
    "domain_check",
    metadata,
    Column("domain", Id, primary_key=True, autoincrement=False),
    Column("account", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("standings", Text, nullable=False),
    Index("domain_check_account", "account"),
)


def upgrade() -> None:
    """To this version."""
    metadata.create_all(op.get_bind())
