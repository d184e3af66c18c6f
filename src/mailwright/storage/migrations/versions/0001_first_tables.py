"""First tables."""

from alembic import op

from mailwright.storage.schema import metadata

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this version."""
    metadata.create_all(op.get_bind())
    if op.get_bind().dialect.name == "postgresql":  # trying to compress mail, which is mostly base64, took a fifth of an accept
        op.execute("ALTER TABLE body ALTER COLUMN bytes SET STORAGE EXTERNAL")
    op.execute("INSERT INTO counter (name, value) VALUES ('worker', 0), ('version', 0)")
