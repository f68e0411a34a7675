"""SQLite: write-ahead log, every commit on disk, one writer at a time, readers that block nobody."""

import os
import random
import sqlite3
import time
from pathlib import Path
from typing import cast

from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry

from helpdesk.adapters.store_sql.engine import Engines, translate_errors, unavailable
from helpdesk.errors import InvalidSetting, StoreUnavailable
from helpdesk.settings import StoreSettings

LOOK_AGAIN_S = 0.000_2, 0.001
"""How long a writer sleeps between two looks at whether the database is free; drawn anew each time."""


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
    writing = create_engine(url, pool_size=1, max_overflow=0, pool_timeout=settings.busy_wait_s, hide_parameters=True)
    reading = create_engine(url, pool_size=settings.pool_size, max_overflow=-1, hide_parameters=True)
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
        if not read_only:
            connection.execute("PRAGMA busy_timeout = 0")

    @event.listens_for(engine, "begin")
    def do_begin(connection: Connection) -> None:
        _begin(_driver_connection(connection), begin, settings.busy_wait_s)

    @event.listens_for(engine, "handle_error")
    def give_up_transaction(context: ExceptionContext) -> None:
        """Let no statement follow where SQLite has rolled back by itself, as on a full disk: it would stand alone."""
        if context.connection is not None and not _is_open(_driver_connection(context.connection)):
            context.is_disconnect = True
            context.invalidate_pool_on_disconnect = False


def _begin(connection: sqlite3.Connection, statement: str, wait_s: float) -> None:
    """Begin as soon as no other process writes.

    SQLite's own way of waiting sleeps up to 0.1 s between two looks, so that under load some writers starve.
    """
    give_up_at = time.monotonic() + wait_s
    while True:
        try:
            connection.execute(statement)
        except sqlite3.Error as error:
            is_busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() > give_up_at:
                raise unavailable(error) from error
        else:
            return
        time.sleep(random.uniform(*LOOK_AGAIN_S))


def _driver_connection(connection: Connection) -> sqlite3.Connection:
    return cast(sqlite3.Connection, connection.connection.dbapi_connection)
