"""Small facts that several processes share."""

from functools import cache
from typing import Any

from sqlalchemy import bindparam, select

from helpdesk.adapters.store_sql.schema import facts
from helpdesk.adapters.store_sql.scope import Scope, insert_into

_VALUE = select(facts.c.value).where(facts.c.name == bindparam("wanted"))


@cache
def _set(dialect: str) -> Any:
    statement = insert_into(facts, dialect)
    return statement.on_conflict_do_update(index_elements=["name"], set_={"value": statement.excluded.value})


@cache
def _set_first(dialect: str) -> Any:
    return insert_into(facts, dialect).on_conflict_do_nothing(index_elements=["name"])


class Facts(Scope):
    """Reads and sets facts."""

    def fact(self, name: str) -> str | None:
        """Return a fact's value; None when it was never set."""
        value: str | None = self._connection.scalar(_VALUE, {"wanted": name})
        return value

    def set_fact(self, name: str, value: str) -> None:
        """Set a fact, whether it was set before or not."""
        self._connection.execute(_set(self._dialect), {"name": name, "value": value})

    def first_fact(self, name: str, value: str) -> str:
        """Set a fact unless it was set before, and return what stands."""
        self._connection.execute(_set_first(self._dialect), {"name": name, "value": value})
        standing: str = self._connection.execute(_VALUE, {"wanted": name}).scalar_one()
        return standing
