"""Addresses to which an account does not send."""

from alembic import op
from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table, Text, UniqueConstraint

Id = BigInteger().with_variant(Integer, "sqlite")

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

metadata = MetaData(naming_convention={"uq": "%(table_name)s_%(column_0_name)s_unique"})
suppression = Table(
    "suppression",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("account", BigInteger, nullable=False),
    Column("address", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("source", BigInteger, nullable=True),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("account", "address"),
    Index("suppression_account", "account", "id"),
)


def upgrade() -> None:
    """To this version."""
    metadata.create_all(op.get_bind())
