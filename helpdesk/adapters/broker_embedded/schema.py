"""The table of waiting messages, and connections to the file that holds it."""

import sqlite3
import time
from pathlib import Path

from helpdesk.errors import BrokerMisconfigured, BrokerUnavailable

LOCK_WAIT_S = 0.5
"""How long one attempt waits for a lock; who wants to wait longer tries again."""

# A 'ready' message is there for anyone, a 'leased' one is with a consumer, a 'delayed' one waits for its next attempt.
# `due_at` is when a lease or a delay ends, on the monotonic clock: all processes of a machine share it, and no change
# of the wall clock moves it. The first index is also what a search for a message id reads, instead of the bodies.
_SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS queue_messages (
        seq INTEGER PRIMARY KEY,
        destination TEXT NOT NULL,
        message_id TEXT NOT NULL,
        state TEXT NOT NULL,
        due_at REAL NOT NULL,
        token TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        priority TEXT NOT NULL,
        correlation_id TEXT NOT NULL,
        headers TEXT NOT NULL,
        body BLOB NOT NULL
    )
    """,
    """
    CREATE INDEX IF NOT EXISTS queue_messages_ready ON queue_messages (destination, seq, message_id)
    WHERE state = 'ready'
    """,
    "CREATE INDEX IF NOT EXISTS queue_messages_due ON queue_messages (due_at) WHERE state <> 'ready'",
)

_MISCONFIGURED = ("unable to open", "readonly", "not a database", "permission")


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, create what is missing of the schema, and return a connection without implicit transactions.

    Raises:
        BrokerUnavailable: locked or out of space.
        BrokerMisconfigured: not a database, or not writable for this user.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=LOCK_WAIT_S, isolation_level=None, check_same_thread=False)
    except (sqlite3.Error, OSError) as error:
        raise translate(error, path) from error
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        present = connection.execute("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'queue#_messages%' ESCAPE '#'")
        if present.fetchone() != (len(_SCHEMA),):
            for statement in _SCHEMA:
                connection.execute(statement)
    except sqlite3.Error as error:
        connection.close()
        raise translate(error, path) from error
    return connection


def translate(error: Exception, path: Path) -> BrokerUnavailable:
    """Return our error for one of sqlite3's or the operating system's."""
    if isinstance(error, OSError) or any(sign in str(error).lower() for sign in _MISCONFIGURED):
        return BrokerMisconfigured(f"the embedded queue cannot use {path}: {error}")
    return BrokerUnavailable(f"the embedded queue is not available: {error}")


def now() -> float:
    """Return the time that ``due_at`` is measured in."""
    return time.monotonic()
