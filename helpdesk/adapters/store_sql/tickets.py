"""Tickets by id: read under lock, and saved only over the version that was read."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, select, update

from helpdesk.adapters.store_sql.bulk import Bulk
from helpdesk.adapters.store_sql.schema import tickets
from helpdesk.adapters.store_sql.scope import Scope, Timed, columns_of, names_of, record_of, untimed
from helpdesk.errors import TicketNotFound, VersionConflict
from helpdesk.tickets import Ticket

TICKET_COLUMNS = columns_of(tickets, Ticket)

# Rows are locked in the order of their ids, so that two transactions never wait for each other in a circle. NO KEY
# UPDATE is enough against other writers, and lets rows that refer to the ticket be inserted meanwhile.
_BY_IDS = (
    select(*TICKET_COLUMNS)
    .where(tickets.c.ticket_id.in_(bindparam("ids", expanding=True)))
    .order_by(tickets.c.ticket_id)
)
_BY_IDS_LOCKED = _BY_IDS.with_for_update(key_share=True)
_VERSIONS_LOCKED = (
    select(tickets.c.ticket_id, tickets.c.version)
    .where(tickets.c.ticket_id.in_(bindparam("ids", expanding=True)))
    .order_by(tickets.c.ticket_id)
    .with_for_update(key_share=True)
)
# What identifies a ticket never changes; left out of the update, it spares the indexes that hold it.
_CHANGING = [name for name in names_of(Ticket) if name not in {"ticket_id", "owner", "created_at"}]
_SAVE = Bulk(
    lambda dialect: update(tickets).where(tickets.c.ticket_id == bindparam("saved_id")),
    _CHANGING,
    paths={"saved_id": "ticket_id"},
)


class Tickets(Scope):
    """Reads and saves tickets."""

    def __init__(self, connection: Connection, *, locking: bool, timed: Timed = untimed) -> None:
        super().__init__(connection, locking=locking, timed=timed)
        self._locked_versions: dict[str, int] = {}

    def ticket(self, ticket_id: str) -> Ticket:
        """Return one ticket, locked."""
        found = self.tickets([ticket_id])
        if ticket_id not in found:
            raise TicketNotFound(f"There is no ticket {ticket_id}.")
        return found[ticket_id]

    def tickets(self, ticket_ids: Sequence[str]) -> dict[str, Ticket]:
        """Return those that exist, by id, locked."""
        if not ticket_ids:
            return {}
        statement = _BY_IDS_LOCKED if self._locking else _BY_IDS
        rows = self._connection.execute(statement, {"ids": list(ticket_ids)})
        found = {ticket.ticket_id: ticket for ticket in (record_of(Ticket, row) for row in rows)}
        if self._locking:
            self._locked_versions |= {ticket.ticket_id: ticket.version for ticket in found.values()}
        return found

    def save(self, changed: Sequence[Ticket]) -> list[Ticket]:
        """Write changed tickets, each exactly one version ahead of what is stored; return them with their clocks."""
        if not changed:
            return []
        self._lock_versions([ticket.ticket_id for ticket in changed])
        for ticket in changed:
            version = self._locked_versions.get(ticket.ticket_id)
            if version != ticket.version - 1:
                raise VersionConflict(
                    f"Ticket {ticket.ticket_id} was changed by somebody else: it is at version {version}, "
                    f"and version {ticket.version} cannot follow. Read it again."
                )
        saved = [self._timed(ticket) for ticket in changed]
        _SAVE.execute(self._connection, saved)
        self._locked_versions |= {ticket.ticket_id: ticket.version for ticket in saved}
        return saved

    def _lock_versions(self, ticket_ids: Sequence[str]) -> None:
        """Lock tickets; those that this transaction has read or saved are locked, so their versions stand."""
        unknown = [ticket_id for ticket_id in ticket_ids if ticket_id not in self._locked_versions]
        if unknown:
            rows = self._connection.execute(_VERSIONS_LOCKED, {"ids": unknown})
            self._locked_versions |= dict(rows.all())
