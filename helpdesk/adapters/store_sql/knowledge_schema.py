"""The tables of the knowledge base: each text once, and each version as its changes against the one before."""

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text

from helpdesk.adapters.store_sql.column_types import EnumText, Json, UtcDateTime
from helpdesk.adapters.store_sql.schema import metadata
from helpdesk.ports.knowledge_versions import KnowledgeAction

knowledge_versions = Table(
    "knowledge_versions",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("version", Text, nullable=False),
    Column("checksum", Text, nullable=False),
    Column("action", EnumText(KnowledgeAction), nullable=False),
    Column("by", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("articles", Integer, nullable=False),
    Column("added", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("removed", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index(None, "version"),
)

knowledge_articles = Table(
    "knowledge_articles",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("article", Json, nullable=False),
)

knowledge_changes = Table(
    "knowledge_changes",
    metadata,
    Column("number", Integer, ForeignKey("knowledge_versions.number"), primary_key=True, autoincrement=False),
    Column("article_id", Text, primary_key=True),
    Column("digest", Text, ForeignKey("knowledge_articles.digest"), nullable=True),
    Index(None, "article_id", "number"),
)
"""A change without a digest removed its article."""
