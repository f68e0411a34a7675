"""What answers cost: tokens and price with each decision, and a ledger that budgets are measured by."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

TIME = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")
SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add both columns and the ledger."""
    op.add_column("decisions", sa.Column("usage", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("decisions", sa.Column("cost_usd", sa.Float))
    op.create_table(
        "spending",
        sa.Column("sequence", SEQUENCE, sa.Identity(), nullable=False),
        sa.Column("ticket_id", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("usd", sa.Float, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_spending"),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.ticket_id"], name="fk_spending_ticket_id"),
    )
    op.create_index("ix_spending_at", "spending", ["at"])
    op.create_index("ix_spending_ticket_id", "spending", ["ticket_id"])
