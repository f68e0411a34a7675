"""Revisions of the schema: which one is stored, which one this code needs, and the way there."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from helpdesk.errors import StoreUnavailable

_LOCK_ID = 4_729_163_085  # any number, the same in every process: it names the lock that migrations take
_LOCK_WAIT_S = 120


def upgrade(connection: Connection) -> None:
    """Bring the schema to this code's revision, within the caller's transaction; others wait for its end.

    Raises:
        StoreUnavailable: a newer version of Helpdesk has migrated the database.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_WAIT_S}s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": _LOCK_ID})
    _require_known(_stored(connection))
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def require_current(connection: Connection) -> None:
    """Raise StoreUnavailable unless the schema is the one that this code needs; the message says what to do."""
    stored = _stored(connection)
    _require_known(stored)
    wanted = _known()[0]
    if stored != wanted:
        raise StoreUnavailable(
            f"The database's schema is at revision {stored or 'none'}; this version of Helpdesk needs {wanted}. "
            "Starting a service with `helpdesk run` migrates it."
        )


def _require_known(stored: str | None) -> None:
    if stored is not None and stored not in _known():
        raise StoreUnavailable(
            f"A newer version of Helpdesk has migrated the database (to revision {stored}). Update this installation."
        )


def _stored(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


@cache
def _known() -> tuple[str, ...]:
    """Return every revision that this code has, newest first."""
    return tuple(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config
