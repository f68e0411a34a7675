"""Questions that the machine asks back: marked as such, and found again where the customer does not reply."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

ASKED = sa.text("status IN ('asked')")


def upgrade() -> None:
    """Mark messages and answers, and index the tickets that wait for their customer."""
    for table in ("messages", "answers"):
        op.add_column(table, sa.Column("is_question", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_index("ix_tickets_asked", "tickets", ["deadline_at"], sqlite_where=ASKED, postgresql_where=ASKED)
