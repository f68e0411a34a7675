"""The scope in which every noun of a transaction works, and how the domain's records and rows become each other."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, Row, Table
from sqlalchemy.dialects import postgresql, sqlite

Record = TypeVar("Record")


class Scope:
    """One transaction.

    Args:
        connection: has begun the transaction; whoever opened it ends it.
        locking: rows that are read by id stay locked until the end, where the database has row locks.
    """

    def __init__(self, connection: Connection, *, locking: bool) -> None:
        self._connection = connection
        self._locking = locking
        self._dialect = connection.dialect.name


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


@cache
def _getter(kind: Any) -> Callable[[Any], tuple[Any, ...]]:
    return attrgetter(*_names(kind))


def row_of(record: Any) -> dict[str, Any]:
    """Return a dataclass record as the values of a row, by column name."""
    kind: Any = type(record)
    return dict(zip(_names(kind), _getter(kind)(record), strict=True))


def record_of(kind: Callable[..., Record], row: Row[Any]) -> Record:
    """Return the record that a row of ``columns_of(table, kind)`` holds."""
    return kind(**dict(zip(_names(kind), row, strict=True)))


def columns_of(table: Table, kind: Callable[..., Any]) -> list[Column[Any]]:
    """Return the table's columns in the order of the record's fields."""
    return [table.c[name] for name in _names(kind)]


Insert = sqlite.Insert | postgresql.Insert
_INSERTS: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def insert_into(table: Table, dialect: str) -> Insert:
    """Return an INSERT that can say what happens ON CONFLICT; both databases write it alike."""
    statement: Insert = _INSERTS[dialect](table)
    return statement
