"""PostgreSQL through psycopg 3: checked connections, and a limit to every wait."""

from sqlalchemy import URL, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from helpdesk.adapters.store_sql.engine import Engines, dump_json, translate_errors
from helpdesk.settings import StoreSettings

STATEMENT_LIMIT_S = 30
IDLE_LIMIT_S = 60
"""A process that freezes in the middle of a transaction loses its locks after this long."""


def postgresql_engines(url: URL, settings: StoreSettings) -> Engines:
    """Return engines that share one pool of at most ``settings.pool_size`` connections."""
    engine = create_engine(
        url,
        pool_size=settings.pool_size,
        max_overflow=0,
        pool_timeout=settings.busy_wait_s,
        pool_pre_ping=True,
        isolation_level="READ COMMITTED",
        json_serializer=dump_json,
        connect_args={
            "connect_timeout": max(2, round(settings.busy_wait_s)),
            "application_name": "helpdesk",
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "tcp_user_timeout": STATEMENT_LIMIT_S * 1000,
        },
    )
    translate_errors(engine)

    @event.listens_for(engine, "connect")
    def limit_waits(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        limits = {
            "lock_timeout": settings.busy_wait_s,
            "statement_timeout": STATEMENT_LIMIT_S,
            "idle_in_transaction_session_timeout": IDLE_LIMIT_S,
        }
        cursor = connection.cursor()
        for name, limit_s in limits.items():
            cursor.execute("SELECT set_config(%s, %s, false)", (name, f"{int(limit_s * 1000)}ms"))
        cursor.close()
        connection.commit()

    # A snapshot, so that what a reader sees in several statements belongs together.
    reading = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return Engines(writing=engine, reading=reading)
