"""Every version of the knowledge base, with its articles."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

TIME = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    """Create the three tables."""
    op.create_table(
        "knowledge_versions",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("checksum", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("articles", sa.Integer(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_knowledge_versions"),
    )
    op.create_index("ix_knowledge_versions_version", "knowledge_versions", ["version"])
    op.create_table(
        "knowledge_articles",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("article", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_knowledge_articles"),
    )
    op.create_table(
        "knowledge_changes",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("article_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["number"], ["knowledge_versions.number"], name="fk_knowledge_changes_number_knowledge_versions"
        ),
        sa.ForeignKeyConstraint(
            ["digest"], ["knowledge_articles.digest"], name="fk_knowledge_changes_digest_knowledge_articles"
        ),
        sa.PrimaryKeyConstraint("number", "article_id", name="pk_knowledge_changes"),
    )
    op.create_index("ix_knowledge_changes_article_id_number", "knowledge_changes", ["article_id", "number"])
