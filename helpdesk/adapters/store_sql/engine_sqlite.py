"""SQLite: write-ahead log, every commit on disk, one writer at a time, readers that block nobody."""

import os
import sqlite3
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry

from helpdesk.adapters.store_sql.engine import Engines, translate_errors
from helpdesk.errors import InvalidSetting, StoreUnavailable
from helpdesk.settings import StoreSettings


def sqlite_engines(url: URL, settings: StoreSettings) -> Engines:
    """Return engines on a database file, which is created where it is missing, for its owner's eyes only.

    Raises:
        InvalidSetting: the URL names no file.
        StoreUnavailable: the file cannot be created.
    """
    if not url.database or url.database == ":memory:" or url.query:
        raise InvalidSetting(
            "SQLite needs a plain file path", field="DATABASE_URL", remedy="sqlite:////path/to/file.db"
        )
    _create_file(Path(url.database))
    # One connection writes: threads queue up for it, which is fairer and faster than polling the file's lock.
    writing = create_engine(url, pool_size=1, max_overflow=0, pool_timeout=settings.busy_wait_s)
    reading = create_engine(url, pool_size=settings.pool_size, max_overflow=-1)
    _configure(writing, settings, begin="BEGIN IMMEDIATE", read_only=False)
    _configure(reading, settings, begin="BEGIN", read_only=True)
    return Engines(writing=writing, reading=reading, migrating=writing, can_commit=_is_open)


def _create_file(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreUnavailable(f"The database file {path} cannot be opened: {error.strerror}.") from error


def _is_open(connection: sqlite3.Connection) -> bool:
    return connection.in_transaction


def _configure(engine: Engine, settings: StoreSettings, *, begin: str, read_only: bool) -> None:
    translate_errors(engine)

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # transactions begin where we say so, and hold schema changes too
        connection.execute(f"PRAGMA busy_timeout = {int(settings.busy_wait_s * 1000)}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA query_only = {int(read_only)}")

    @event.listens_for(engine, "begin")
    def do_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    @event.listens_for(engine, "handle_error")
    def give_up_transaction(context: ExceptionContext) -> None:
        """Let no statement follow where SQLite has rolled back by itself, as on a full disk: it would stand alone."""
        connection = context.connection
        if connection is not None and context.statement != begin and not _is_open_below(connection):
            context.is_disconnect = True
            context.invalidate_pool_on_disconnect = False


def _is_open_below(connection: Connection) -> bool:
    driver_connection = connection.connection.dbapi_connection
    return isinstance(driver_connection, sqlite3.Connection) and _is_open(driver_connection)
