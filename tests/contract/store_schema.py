"""Compares a migrated database with the schema that the code declares."""

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text

from helpdesk.adapters.store_sql.engine import parse_url
from helpdesk.adapters.store_sql.schema import metadata


def differences(url: str) -> list[Any]:
    """Return what Alembic would change, and every index whose definition is not that of the declared one."""
    engine = create_engine(parse_url(url))
    with engine.connect() as connection:
        found: list[Any] = compare_metadata(MigrationContext.configure(connection), metadata)
        migrated = _indexes(connection)
        metadata.drop_all(connection)
        metadata.create_all(connection)
        declared = _indexes(connection)
        connection.rollback()
    engine.dispose()
    return found + sorted(migrated ^ declared)


def _indexes(connection: Connection) -> set[str]:
    """Return the definitions of all indexes; Alembic does not compare the conditions of partial ones."""
    if connection.dialect.name == "sqlite":
        statement = "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    else:
        statement = "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema()"
    return {row[0] for row in connection.execute(text(statement))} - {None}
