"""Column types that carry the domain's values unchanged through both databases.

Each returns the converters themselves, so that no more than one call is made per value.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, String, Text, TypeDecorator
from sqlalchemy.types import TypeEngine

Converter = Callable[[Any], Any]


def _to_utc(value: datetime) -> datetime:
    if value.tzinfo is UTC:
        return value
    if value.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone")
    return value.astimezone(UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """A timezone-aware time in UTC, to the microsecond.

    SQLite has no such type: there it is ISO 8601 text of fixed width, whose order is the order in time.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column's type in this database."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(32))
        return dialect.type_descriptor(DateTime(timezone=True))

    def bind_processor(self, dialect: Dialect) -> Converter:
        """Return what makes a time one that the driver takes; a time without zone is an error."""
        if dialect.name == "sqlite":
            return lambda value: None if value is None else _to_utc(value).isoformat(timespec="microseconds")
        return lambda value: None if value is None else _to_utc(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Converter:
        """Return what makes a stored time one in UTC, whatever zone the session has."""
        if dialect.name == "sqlite":
            return lambda value: None if value is None else datetime.fromisoformat(value)
        return lambda value: None if value is None else value.astimezone(UTC)


class EnumText(TypeDecorator[StrEnum]):
    """A member of a StrEnum, stored as its value."""

    impl = Text
    cache_ok = True

    def __init__(self, members: type[StrEnum]) -> None:
        super().__init__()
        self.members = members

    def bind_processor(self, dialect: Dialect) -> Converter:
        """Return what makes a member a plain string."""
        return lambda value: None if value is None else str(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Converter:
        """Return what makes a value the member; an unknown value is a KeyError."""
        by_value: dict[str | None, StrEnum | None] = {member.value: member for member in self.members}
        return (by_value | {None: None}).__getitem__


def _plain(value: object) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be stored as JSON")


# Not-a-number is refused for both databases, because PostgreSQL refuses it.
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain).encode


class Json(TypeDecorator[Any]):
    """A mapping of plain values, stored as JSON text as it was written."""

    impl = JSON
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Converter:
        """Return the encoder: the drivers' own wrappers are slower, and differ."""
        return _encode


class RecordList(Json):
    """A tuple of flat dataclass records, stored as a JSON list of objects."""

    cache_ok = True

    def __init__(self, record: type[Any]) -> None:
        super().__init__()
        self.record = record

    def bind_processor(self, dialect: Dialect) -> Converter:
        """Return the encoder of such a tuple."""
        return lambda records: _encode([asdict(record) for record in records])

    def process_result_value(self, value: Any, dialect: Dialect) -> tuple[Any, ...]:
        """Return the records."""
        return tuple(self.record(**item) for item in value)


class TextList(Json):
    """A tuple of texts, or of members of a StrEnum, stored as a JSON list."""

    cache_ok = True

    def __init__(self, kind: type[str]) -> None:
        super().__init__()
        self.kind = kind

    def bind_processor(self, dialect: Dialect) -> Converter:
        """Return the encoder of such a tuple."""
        return lambda texts: _encode([str(text) for text in texts])

    def process_result_value(self, value: Any, dialect: Dialect) -> tuple[Any, ...]:
        """Return the texts."""
        return tuple(self.kind(text) for text in value)
