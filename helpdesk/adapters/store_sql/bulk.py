"""Statements that run once for each of many records, rendered once per database and bound here.

SQLAlchemy's own treatment of every row's parameters takes several times longer than the database needs to store it.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Dialect, Table
from sqlalchemy.sql.dml import UpdateBase

from helpdesk.adapters.store_sql.scope import insert_into, names_of

_Rendered = tuple[str, Callable[[Any], tuple[Any, ...]], list[tuple[int, Callable[[Any], Any]]]]


class Bulk:
    """A statement over records.

    Args:
        statement: makes the INSERT or UPDATE for a dialect, by its name.
        columns: the columns that it sets.
        paths: where in a record a parameter's value lies, if it is no attribute of the same name: ``envelope.body``.
    """

    def __init__(
        self, statement: Callable[[str], UpdateBase], columns: Sequence[str], paths: Mapping[str, str] | None = None
    ) -> None:
        self._statement = statement
        self._columns = list(columns)
        self._paths = dict(paths or {})
        self._rendered: dict[str, _Rendered] = {}

    def execute(self, connection: Connection, records: Sequence[Any]) -> int:
        """Run it for every record, of which there is at least one; return how many rows it inserted or changed."""
        dialect = connection.dialect
        if dialect.name not in self._rendered:
            self._rendered[dialect.name] = self._render(dialect)
        sql, values_of, converters = self._rendered[dialect.name]
        rows = []
        for record in records:
            row = list(values_of(record))
            for position, convert in converters:
                row[position] = convert(row[position])
            rows.append(tuple(row))
        return connection.exec_driver_sql(sql, rows, execution_options={"preserve_rowcount": True}).rowcount

    def _render(self, dialect: Dialect) -> _Rendered:
        compiled: Any = self._statement(dialect.name).compile(dialect=dialect, column_keys=self._columns)
        names: list[str] = compiled.positiontup
        processors = (compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names)
        converters = [(position, convert) for position, convert in enumerate(processors) if convert is not None]
        return str(compiled), attrgetter(*(self._paths.get(name, name) for name in names)), converters


def bulk_insert(table: Table, kind: Callable[..., Any]) -> Bulk:
    """Return the insertion of a dataclass's records into the table with columns of the same names."""
    return Bulk(lambda dialect: insert_into(table, dialect), names_of(kind))
