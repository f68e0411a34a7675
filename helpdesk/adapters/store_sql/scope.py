"""The scope in which every noun of a transaction works, and how the domain's records and rows become each other."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, Row, Table
from sqlalchemy.dialects import postgresql, sqlite

from helpdesk.tickets import Ticket

Record = TypeVar("Record")
Timed = Callable[[Ticket], Ticket]


def untimed(ticket: Ticket) -> Ticket:
    """Return the ticket as it is: nothing was promised."""
    return ticket


class Scope:
    """One transaction.

    Args:
        connection: has begun the transaction; whoever opened it ends it.
        locking: rows that are read by id stay locked until the end, where the database has row locks.
        timed: winds the clocks of a ticket that is about to be written.
    """

    def __init__(self, connection: Connection, *, locking: bool, timed: Timed = untimed) -> None:
        self._connection = connection
        self._locking = locking
        self._timed = timed
        self._dialect = connection.dialect.name


@cache
def names_of(kind: Any) -> tuple[str, ...]:
    """Return the fields of a dataclass, which are columns as well."""
    return tuple(field.name for field in fields(kind))


def record_of(kind: Callable[..., Record], row: Row[Any]) -> Record:
    """Return the record that a row of ``columns_of(table, kind)`` holds."""
    return kind(**dict(zip(names_of(kind), row, strict=True)))


def columns_of(table: Table, kind: Callable[..., Any]) -> list[Column[Any]]:
    """Return the table's columns in the order of the record's fields."""
    return [table.c[name] for name in names_of(kind)]


Insert = sqlite.Insert | postgresql.Insert
_INSERTS: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def insert_into(table: Table, dialect: str) -> Insert:
    """Return an INSERT that can say what happens ON CONFLICT; both databases write it alike."""
    statement: Insert = _INSERTS[dialect](table)
    return statement
