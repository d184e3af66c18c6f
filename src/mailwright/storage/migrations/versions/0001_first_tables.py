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
    op.execute("INSERT INTO counter (name, value) VALUES ('worker', 0), ('version', 0)")
