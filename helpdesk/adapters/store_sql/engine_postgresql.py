"""PostgreSQL through psycopg 3: checked connections, and a limit to every wait."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.pq import TransactionStatus
from sqlalchemy import URL, Connection, Dialect, Engine, ExceptionContext, NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from helpdesk.adapters.store_sql.engine import Engines, translate_errors, unavailable
from helpdesk.errors import InvalidInput
from helpdesk.settings import StoreSettings

STATEMENT_LIMIT_S = 10.0
"""How long the server may work on a statement, beside waiting for locks."""

SILENCE_LIMIT_S = 2.0
"""How long after that the server has to say so; a frozen one says nothing, and keeps the connection open."""

IDLE_LIMIT_S = 60.0
"""A process that freezes within a transaction loses its locks after this long."""

_TO_SERVER: dict[str, Any] = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}


class LimitedConnection(psycopg.Connection[Any]):
    """A connection that is given up when the server does not answer."""

    answer_limit_s: float | None = None

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Wait for the server, at most as long as it may take."""
        try:
            return super().wait(gen, interval=interval, timeout=timeout or self.answer_limit_s)
        except psycopg.OperationalError as error:
            if error.sqlstate is None and self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.close()  # an answer may still come, and would be taken for that of the next statement
                raise psycopg.OperationalError("the server does not answer") from error
            raise


def postgresql_engines(url: URL, settings: StoreSettings) -> Engines:
    """Return engines, of which the writing and the reading one share at most ``settings.pool_size`` connections."""
    arguments = {**_TO_SERVER, "connect_timeout": max(2, round(settings.busy_wait_s)), "application_name": "helpdesk"}
    writing = create_engine(
        url,
        paramstyle="format",
        isolation_level="READ COMMITTED",
        pool_size=settings.pool_size,
        max_overflow=0,
        pool_timeout=settings.busy_wait_s,
        pool_pre_ping=True,
        connect_args=arguments,
        hide_parameters=True,
    )
    _limit_waits(writing, settings)
    # Readers see a snapshot, so that what they read in several statements belongs together.
    reading = writing.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    migrating = create_engine(url, poolclass=NullPool, connect_args=arguments, hide_parameters=True)
    for engine in (writing, migrating):
        translate_errors(engine)
        _hide_rows(engine)
    _refuse_nul(writing)
    return Engines(writing=writing, reading=reading, migrating=migrating, can_commit=_is_whole)


@contextmanager
def in_one_trip(connection: Connection) -> Iterator[None]:
    """Send the statements within without waiting for each one's answer, where the database is PostgreSQL.

    At intake the answers to four statements cost more time than the statements. Errors come at the end.

    Raises:
        StoreUnavailable: the database cannot be used now.
        DBAPIError: a statement or its values are wrong.
    """
    driver_connection: Any = connection.connection.driver_connection
    if not isinstance(driver_connection, psycopg.Connection):
        yield
        return
    try:
        with driver_connection.pipeline():
            yield
    except psycopg.OperationalError as error:
        raise unavailable(error) from error
    except psycopg.Error as error:
        _shorten(error)
        raise DBAPIError.instance(
            None, None, error, psycopg.Error, hide_parameters=True, dialect=connection.dialect
        ) from error


def _is_whole(connection: psycopg.Connection[Any]) -> bool:
    return connection.info.transaction_status is not TransactionStatus.INERROR


def _refuse_nul(engine: Engine) -> None:
    @event.listens_for(engine, "handle_error")
    def refuse(context: ExceptionContext) -> InvalidInput | None:
        if isinstance(context.original_exception, psycopg.DataError) and "NUL" in str(context.original_exception):
            return InvalidInput("a NUL character, which no text can hold", remedy="leave it out")
        return None


def _hide_rows(engine: Engine) -> None:
    @event.listens_for(engine, "handle_error")
    def shorten(context: ExceptionContext) -> None:
        for error in (context.original_exception, context.sqlalchemy_exception):
            if isinstance(error, psycopg.Error | DBAPIError):
                _shorten(error)


def _shorten(error: psycopg.Error | DBAPIError) -> None:
    """Keep the first line of what the server says: the details that follow quote the row, and so a customer's text."""
    if error.args:
        error.args = (str(error.args[0]).partition("\n")[0], *error.args[1:])


def _limit_waits(engine: Engine, settings: StoreSettings) -> None:
    statement_limit_s = settings.busy_wait_s + STATEMENT_LIMIT_S
    limits_s = {
        "lock_timeout": settings.busy_wait_s,
        "statement_timeout": statement_limit_s,
        "idle_in_transaction_session_timeout": IDLE_LIMIT_S,
    }

    @event.listens_for(engine, "do_connect")
    def connect(_: Dialect, __: ConnectionPoolEntry, arguments: list[Any], named: dict[str, Any]) -> LimitedConnection:
        return LimitedConnection.connect(*arguments, **named)

    @event.listens_for(engine, "connect")
    def limit(connection: LimitedConnection, _: ConnectionPoolEntry) -> None:
        connection.answer_limit_s = statement_limit_s + SILENCE_LIMIT_S
        with connection.cursor() as cursor:
            for name, limit_s in limits_s.items():
                cursor.execute("SELECT set_config(%s, %s, false)", (name, str(int(limit_s * 1000))))
        connection.commit()
