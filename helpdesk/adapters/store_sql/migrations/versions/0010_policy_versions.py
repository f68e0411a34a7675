"""Versions of the policy, and what decisions are listed by."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

TIME = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")

# What the decisions of before say in their JSON, as the insertion of new ones writes it into columns.
_FILL_SQLITE = """
UPDATE decisions SET
    intent = json_extract(prediction, '$.predicted_label'),
    confidence = json_extract(prediction, '$.prediction_confidence'),
    policy = json_extract(versions, '$.policy'),
    model = json_extract(versions, '$.model'),
    codes = (
        SELECT '|' || group_concat(code, '|') || '|'
        FROM (SELECT DISTINCT json_extract(value, '$.code') AS code FROM json_each(reasons))
    )
"""
_FILL_POSTGRESQL = """
UPDATE decisions SET
    intent = prediction ->> 'predicted_label',
    confidence = (prediction ->> 'prediction_confidence')::double precision,
    policy = versions ->> 'policy',
    model = versions ->> 'model',
    codes = (
        SELECT '|' || string_agg(DISTINCT reason ->> 'code', '|') || '|'
        FROM json_array_elements(reasons) AS reason
    )
"""


def upgrade() -> None:
    """Create the table, add and fill the columns, and index them."""
    op.create_table(
        "policy_versions",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("checksum", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_policy_versions"),
    )
    op.create_index("ix_policy_versions_checksum", "policy_versions", ["checksum"])
    op.add_column("decisions", sa.Column("intent", sa.Text(), nullable=True))
    op.add_column("decisions", sa.Column("confidence", sa.Float(), nullable=True))
    op.add_column("decisions", sa.Column("policy", sa.Text(), nullable=True))
    op.add_column("decisions", sa.Column("model", sa.Text(), nullable=True))
    op.add_column("decisions", sa.Column("codes", sa.Text(), nullable=True))
    op.execute(_FILL_SQLITE if op.get_context().dialect.name == "sqlite" else _FILL_POSTGRESQL)
    op.create_index(
        "ix_decisions_log",
        "decisions",
        ["at", "ticket_id", "turn", "outcome", "queue", "intent", "confidence", "policy", "model", "codes"],
    )
