"""The table of the policy's versions; rows are only ever added."""

from sqlalchemy import Column, Index, Integer, Table, Text

from helpdesk.adapters.store_sql.column_types import EnumText, UtcDateTime
from helpdesk.adapters.store_sql.schema import metadata
from helpdesk.ports.policies import PolicyAction

policy_versions = Table(
    "policy_versions",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
    Column("checksum", Text, nullable=False),
    Column("action", EnumText(PolicyAction), nullable=False),
    Column("by", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index(None, "checksum"),
)
