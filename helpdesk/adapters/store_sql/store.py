"""The store: opens transactions on SQLite or PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Self

from sqlalchemy import URL
from sqlalchemy.exc import PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from helpdesk.adapters.store_sql.engine import parse_url
from helpdesk.adapters.store_sql.engine_postgresql import postgresql_engines
from helpdesk.adapters.store_sql.engine_sqlite import sqlite_engines
from helpdesk.adapters.store_sql.revisions import require_current, upgrade
from helpdesk.adapters.store_sql.scope import Timed, untimed
from helpdesk.adapters.store_sql.transaction import SqlTransaction
from helpdesk.errors import StoreUnavailable
from helpdesk.settings import Settings, StoreSettings
from helpdesk.sla import load_sla_policy, timed


class SqlStore:
    """Implements the port's ``Store``. Safe for use by many threads and, on the same database, many processes.

    Args:
        timed: winds the clocks of every ticket that is written (default: nothing is promised).
    """

    def __init__(self, url: str | URL, settings: StoreSettings, *, timed: Timed = untimed) -> None:
        self._timed = timed
        parsed = parse_url(url)
        make_engines = sqlite_engines if parsed.get_backend_name() == "sqlite" else postgresql_engines
        self._engines = make_engines(parsed, settings)

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Return the store on PostgreSQL where ``DATABASE_URL`` is set, else on SQLite in the state directory.

        Raises:
            InvalidData: the SLA policy, by which it winds the clocks of tickets, does not fit.
        """
        clocks = partial(timed, policy=load_sla_policy(settings.sla.policy_file))
        if settings.database_url is not None and settings.database_url.get_secret_value():
            return cls(settings.database_url.get_secret_value(), settings.store, timed=clocks)
        path = settings.state_dir / "helpdesk.db"
        return cls(URL.create("sqlite", database=str(path)), settings.store, timed=clocks)

    @contextmanager
    def transaction(self) -> Iterator[SqlTransaction]:
        """Open a transaction for writing."""
        with _translated(), self._engines.writing.begin() as connection:
            yield SqlTransaction(connection, locking=True, timed=self._timed)
            if not self._engines.can_commit(connection.connection.dbapi_connection):
                raise StoreUnavailable("A statement of the transaction had failed, so that nothing of it was stored.")

    @contextmanager
    def reading(self) -> Iterator[SqlTransaction]:
        """Open a transaction that only reads and blocks no writer."""
        with _translated(), self._engines.reading.begin() as connection:
            yield SqlTransaction(connection, locking=False)

    def migrate(self) -> None:
        """Bring the schema up to date. Safe when several processes do it at once."""
        with _translated(), self._engines.migrating.begin() as connection:
            upgrade(connection)

    def check(self) -> None:
        """Raise StoreUnavailable unless the store answers and its schema is the one this code needs."""
        with _translated(), self._engines.reading.begin() as connection:
            require_current(connection)

    def close(self) -> None:
        """Close every connection."""
        self._engines.close()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except PoolTimeout as error:
        raise StoreUnavailable("All connections to the database were in use for too long.") from error
    except PendingRollbackError as error:
        raise StoreUnavailable("The transaction was lost before its end, so that nothing of it was stored.") from error
