"""The store on SQLite or PostgreSQL, through SQLAlchemy Core."""

from helpdesk.adapters.store_sql.store import SqlStore

__all__ = ["SqlStore"]
