"""Revisions of the schema: which one is stored, which one this code needs, and the way there."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

_LOCK_ID = 4_729_163_085  # any number, the same in every process: it names the lock that migrations take
_LOCK_WAIT_S = 120


def upgrade(connection: Connection) -> None:
    """Bring the schema to this code's revision, within the caller's transaction; others wait for its end."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_WAIT_S}s'"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": _LOCK_ID})
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def stored_revision(connection: Connection) -> str | None:
    """Return the revision of the database; None when it has no schema of ours."""
    return MigrationContext.configure(connection).get_current_revision()


@cache
def wanted_revision() -> str | None:
    """Return the revision that this code needs."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config
