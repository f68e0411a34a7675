"""Indexes by which old inbox entries and idempotency records are found."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create both indexes."""
    finished = sa.text("finished")
    op.create_index("ix_inbox_finished", "inbox", ["at"], sqlite_where=finished, postgresql_where=finished)
    op.create_index("ix_idempotency_created_at", "idempotency", ["created_at"])
