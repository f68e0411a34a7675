"""The tables of the desk's people: their records, their sessions, and the links that let them in once."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, Text

from helpdesk.adapters.store_sql.column_types import EnumText, TextList, UtcDateTime
from helpdesk.adapters.store_sql.schema import metadata
from helpdesk.people import DeskRole, Theme

people = Table(
    "people",
    metadata,
    Column("name", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("roles", TextList(DeskRole), nullable=False),
    Column("queues", TextList(str), nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("theme", EnumText(Theme), nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("session_sha256", Text, primary_key=True),
    Column("person", Text, ForeignKey("people.name"), nullable=True),
    Column("key_id", Text, ForeignKey("api_keys.key_id"), nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Index(None, "person"),
    Index(None, "key_id"),
    Index(None, "expires_at"),
)

sign_in_links = Table(
    "sign_in_links",
    metadata,
    Column("link_sha256", Text, primary_key=True),
    Column("person", Text, ForeignKey("people.name"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Index(None, "person"),
)
