"""Mail that leaves later, with tags and a user; idempotency keys know what they stood for."""

from alembic import op
from sqlalchemy import BigInteger, Column, Text

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Columns only: older rows were neither tagged nor scheduled."""
    op.add_column("message", Column("tags", Text, nullable=False, server_default=""))
    op.add_column("message", Column("scheduled_at", BigInteger, nullable=True))
    op.add_column("message", Column("app_user", Text, nullable=False, server_default=""))
    op.add_column("idempotency", Column("digest", Text, nullable=False, server_default=""))
