"""What was paid for answers: one row per call of a model."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, func, select

from helpdesk.adapters.store_sql.bulk import bulk_insert
from helpdesk.adapters.store_sql.schema import spending
from helpdesk.adapters.store_sql.scope import Scope
from helpdesk.ports.store import Spending as Row

_ADD = bulk_insert(spending, Row)
_SUM = select(func.coalesce(func.sum(spending.c.usd), 0.0))
_SINCE = _SUM.where(spending.c.at >= bindparam("moment", type_=spending.c.at.type))
_ON = _SUM.where(spending.c.ticket_id == bindparam("of"))


class Spending(Scope):
    """Adds to what was spent, and sums it up."""

    def add_spending(self, added: Sequence[Row]) -> None:
        """Store what calls have cost."""
        if added:
            _ADD.execute(self._connection, added)

    def spent_since(self, moment: datetime) -> float:
        """Return what was spent from a moment on, in US dollars."""
        return float(self._connection.execute(_SINCE, {"moment": moment}).scalar_one())

    def spent_on(self, ticket_id: str) -> float:
        """Return what was spent on a ticket, in all its turns."""
        return float(self._connection.execute(_ON, {"of": ticket_id}).scalar_one())
