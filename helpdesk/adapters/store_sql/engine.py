"""Engines: how each database is connected to, and which of its errors mean that it cannot be used now."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL, Engine, ExceptionContext, event, make_url
from sqlalchemy.exc import ArgumentError, DataError, IntegrityError, NotSupportedError, ProgrammingError

from helpdesk.errors import InvalidSetting, StoreUnavailable


@dataclass(frozen=True, slots=True)
class Engines:
    """The two ways into one database."""

    writing: Engine
    reading: Engine


def parse_url(url: str) -> URL:
    """Return the URL with the driver that we use.

    Raises:
        InvalidSetting: it is no URL, or names a database that Helpdesk does not run on. The URL itself, which may
            hold a password, is not repeated.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise InvalidSetting("not a database URL", field="DATABASE_URL", remedy=_EXAMPLE) from None
    backend = "postgresql" if parsed.drivername == "postgres" else parsed.get_backend_name()
    driver = _DRIVERS.get(backend)
    if driver is None:
        raise InvalidSetting(f"{backend} is not supported", field="DATABASE_URL", remedy=_EXAMPLE)
    return parsed.set(drivername=driver)


_DRIVERS = {"postgresql": "postgresql+psycopg", "sqlite": "sqlite+pysqlite"}
_EXAMPLE = "such as postgresql://user:password@host/database"


def dump_json(value: Any) -> str:
    """Return compact JSON; not-a-number is refused here because one of the databases would refuse it later."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)


def _plain(value: object) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be stored as JSON")


_OUR_FAULT = (DataError, IntegrityError, NotSupportedError, ProgrammingError)
"""These say that a statement or its values are wrong, not that the database is in trouble."""


def translate_errors(engine: Engine) -> None:
    """Raise StoreUnavailable wherever the database refuses service: at connect, statement, commit and roll-back."""

    @event.listens_for(engine, "handle_error")
    def translate(context: ExceptionContext) -> StoreUnavailable | None:
        if isinstance(context.sqlalchemy_exception, _OUR_FAULT) and not context.is_disconnect:
            return None
        reason = " ".join(str(context.original_exception).split())
        return StoreUnavailable(f"The database cannot be used now: {reason}")
