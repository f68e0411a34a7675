"""Deadlines of tickets, whether they are kept, and the indexes by which they and the results of answers are found.

Tickets from before: replies and ends are taken from what is stored. What is closed was promised nothing and gets no
deadline; what is open is looked at by the relay's first round, which gives it its deadlines, from its submission on.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

TIME = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")
AWAITS_PERSON = "status IN ('failed', 'queued', 'review')"
BACKFILL = (
    "UPDATE tickets SET upset = (sentiment IS NOT NULL AND sentiment <= -0.65)",  # the bound of the policy so far
    """
    UPDATE tickets SET (first_replied_at, first_replied_by) = (
        SELECT created_at, author FROM answers
        WHERE answers.ticket_id = tickets.ticket_id AND sent ORDER BY sequence LIMIT 1
    )
    """,
    "UPDATE tickets SET paused_at = updated_at WHERE status IN ('answered', 'replied', 'resolved')",
    "UPDATE tickets SET resolved_at = updated_at WHERE status = 'resolved'",
    "UPDATE tickets SET alert_at = created_at WHERE paused_at IS NULL",
)


def where(condition: str) -> dict[str, Any]:
    """Return what makes an index partial."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    """Add the columns, fill them, and create the indexes."""
    for name in ("upset", "hurried"):
        op.add_column("tickets", sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false()))
    for name in ("sla", "first_reply_sla", "resolution_sla"):
        op.add_column("tickets", sa.Column(name, sa.Text, nullable=False, server_default="ok"))
    for name in ("due_at", "first_reply_due_at", "first_replied_at", "resolution_due_at"):
        op.add_column("tickets", sa.Column(name, TIME))
    for name in ("resolved_at", "paused_at", "alert_at"):
        op.add_column("tickets", sa.Column(name, TIME))
    op.add_column("tickets", sa.Column("first_replied_by", sa.Text))
    op.add_column("tickets", sa.Column("paused_s", sa.Float, nullable=False, server_default="0"))
    for statement in BACKFILL:
        op.execute(statement)
    _create_indexes()


def _create_indexes() -> None:
    op.drop_index("ix_tickets_waiting", "tickets")
    waiting = ["queue", "priority", "due_at", "queued_at", "sla", "upset"]
    op.create_index("ix_tickets_waiting", "tickets", waiting, **where(AWAITS_PERSON))
    op.create_index("ix_tickets_due", "tickets", ["due_at", "ticket_id"], **where("due_at IS NOT NULL"))
    op.create_index("ix_tickets_alert", "tickets", ["alert_at"], **where("alert_at IS NOT NULL"))
    op.create_index("ix_tickets_sla", "tickets", ["sla", "created_at", "ticket_id"], **where("sla <> 'ok'"))
    op.create_index("ix_tickets_user", "tickets", ["user", "created_at", "ticket_id"])
    given = ["created_at", "ticket_id", "turn", "author", "sent"]
    op.create_index("ix_answers_sent", "answers", given, **where("sent"))
    op.create_index("ix_decisions_at", "decisions", ["at", "ticket_id", "outcome"])
