"""Engines: the ways into a database, and which of its errors mean that it cannot be used now."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL, Engine, ExceptionContext, event, make_url
from sqlalchemy.exc import ArgumentError, DataError, IntegrityError, NotSupportedError, ProgrammingError

from helpdesk.errors import InvalidSetting, StoreUnavailable

_DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg", "sqlite": "sqlite+pysqlite"}
_EXAMPLE = (
    "such as postgresql://user:password@host/database, with what is special in user and password percent-encoded, "
    "as %40 for an @"
)

# These say that a statement or its values are wrong, not that the database is in trouble.
_OUR_FAULT = (DataError, IntegrityError, NotSupportedError, ProgrammingError)


@dataclass(frozen=True, slots=True)
class Engines:
    """The ways into one database.

    Attributes:
        writing: begins transactions that write.
        reading: begins transactions that only read, and block nobody.
        migrating: begins transactions that change the schema, and may take longer.
        can_commit: whether the transaction on this driver's connection is still whole.
    """

    writing: Engine
    reading: Engine
    migrating: Engine
    can_commit: Callable[[Any], bool]

    def close(self) -> None:
        """Close every connection."""
        for engine in (self.writing, self.reading, self.migrating):
            engine.dispose()


def parse_url(url: str | URL) -> URL:
    """Return the URL with the driver that we use.

    Raises:
        InvalidSetting: it is no URL, or names a database that Helpdesk does not run on. The URL itself, which may
            hold a password, is not repeated.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # the latter, of a port that is none, quotes a part of the password
        raise InvalidSetting("not a database URL", field="DATABASE_URL", remedy=_EXAMPLE) from None
    backend = parsed.drivername.partition("+")[0]
    if backend not in _DRIVERS:
        raise InvalidSetting(f"{backend} is not supported", field="DATABASE_URL", remedy=_EXAMPLE)
    return parsed.set(drivername=_DRIVERS[backend])


def translate_errors(engine: Engine) -> None:
    """Raise StoreUnavailable wherever the database refuses service: at connect, statement, commit and roll-back."""

    @event.listens_for(engine, "handle_error")
    def translate(context: ExceptionContext) -> StoreUnavailable | None:
        if isinstance(context.sqlalchemy_exception, _OUR_FAULT) and not context.is_disconnect:
            return None
        return unavailable(context.original_exception)


def unavailable(error: BaseException) -> StoreUnavailable:
    """Return the port's error for a driver's."""
    reason = " ".join(str(error).split())
    return StoreUnavailable(f"The database cannot be used now: {reason}")
