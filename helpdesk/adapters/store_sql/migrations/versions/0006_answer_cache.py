"""Checked answers that tickets which ask the same may get again."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

TIME = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    """Create the table and its index."""
    op.create_table(
        "answer_cache",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("writer", sa.Text, nullable=False),
        sa.Column("prompt_version", sa.Text, nullable=False),
        sa.Column("blocks", sa.Text, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_answer_cache"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_answer_cache_created_at", "answer_cache", ["created_at"])
