"""What customers and agents made of the articles behind answers and drafts."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

TIME = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")
SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the table and its index."""
    op.create_table(
        "article_signals",
        sa.Column("sequence", SEQUENCE, sa.Identity(), nullable=False),
        sa.Column("article_id", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("signal", sa.Text, nullable=False),
        sa.Column("share", sa.Float, nullable=False),
        sa.Column("ticket_id", sa.Text, nullable=False),
        sa.Column("turn", sa.Integer, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("author_name", sa.Text, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_article_signals"),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.ticket_id"], name="fk_article_signals_ticket_id"),
    )
    op.create_index("ix_article_signals_ticket_id", "article_signals", ["ticket_id"])
