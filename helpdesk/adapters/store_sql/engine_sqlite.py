"""SQLite: write-ahead log, every commit on disk, one writer at a time, readers that block nobody."""

import os
import sqlite3
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry

from helpdesk.adapters.store_sql.engine import Engines, dump_json, translate_errors
from helpdesk.errors import InvalidSetting, StoreUnavailable
from helpdesk.settings import StoreSettings


def sqlite_engines(url: URL, settings: StoreSettings) -> Engines:
    """Return engines on a database file, which is created where it is missing, readable by its owner only.

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
    writing = create_engine(
        url, pool_size=1, max_overflow=0, pool_timeout=settings.busy_wait_s, json_serializer=dump_json
    )
    reading = create_engine(url, pool_size=settings.pool_size, max_overflow=-1, json_serializer=dump_json)
    _configure(writing, settings, begin="BEGIN IMMEDIATE", read_only=False)
    _configure(reading, settings, begin="BEGIN", read_only=True)
    return Engines(writing=writing, reading=reading)


def _create_file(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreUnavailable(f"The database file {path} cannot be opened: {error.strerror}.") from error


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
