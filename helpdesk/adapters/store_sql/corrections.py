"""Corrections: appended, and read ticket by ticket or as one long list of those that stand."""

from typing import Any

from sqlalchemy import Row, bindparam, select

from helpdesk.adapters.store_sql.bulk import bulk_insert
from helpdesk.adapters.store_sql.schema import corrections, tickets
from helpdesk.adapters.store_sql.scope import Scope, columns_of, names_of, record_of
from helpdesk.corrections import Correction
from helpdesk.errors import TicketNotFound
from helpdesk.ports.store import CorrectionRow

_ADD = bulk_insert(corrections, Correction)
_TICKET = select(tickets.c.ticket_id).where(tickets.c.ticket_id == bindparam("of"))
_COLUMNS = columns_of(corrections, Correction)
_OF_TICKET = select(*_COLUMNS).where(corrections.c.ticket_id == bindparam("of")).order_by(corrections.c.sequence)
_later = corrections.alias("later")
_STANDING = (
    select(corrections)
    .where(
        corrections.c.sequence > bindparam("after"),
        ~select(_later.c.sequence)
        .where(
            _later.c.ticket_id == corrections.c.ticket_id,
            _later.c.turn == corrections.c.turn,
            _later.c.sequence > corrections.c.sequence,
        )
        .exists(),
    )
    .order_by(corrections.c.sequence)
    .limit(bindparam("limit"))
)


class Corrections(Scope):
    """Appends and reads corrections."""

    def add_correction(self, added: Correction) -> None:
        """Append a correction of a ticket that exists."""
        if self._connection.execute(_TICKET, {"of": added.ticket_id}).first() is None:
            raise TicketNotFound(f"There is no ticket {added.ticket_id}.")
        _ADD.execute(self._connection, [added])

    def corrections(self, ticket_id: str) -> list[Correction]:
        """Return every correction of a ticket."""
        return [record_of(Correction, row) for row in self._connection.execute(_OF_TICKET, {"of": ticket_id})]

    def standing_corrections(self, *, limit: int, after: int = 0) -> list[CorrectionRow]:
        """Return the corrections that stand beyond a sequence."""
        rows = self._connection.execute(_STANDING, {"after": after, "limit": limit})
        return [_row(row) for row in rows]


def _row(row: Row[Any]) -> CorrectionRow:
    correction = Correction(**{name: row._mapping[name] for name in names_of(Correction)})
    return CorrectionRow(sequence=row.sequence, correction=correction)
