"""New tickets, stored with all that belongs to them, and the keys that make a repeated submission harmless."""

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, select

from helpdesk.adapters.store_sql.bulk import Bulk, bulk_insert
from helpdesk.adapters.store_sql.engine_postgresql import in_one_trip
from helpdesk.adapters.store_sql.history import ADD_EVENTS, ADD_MESSAGES
from helpdesk.adapters.store_sql.outbox import ADD_OUTBOX, Outgoing
from helpdesk.adapters.store_sql.schema import idempotency, tickets
from helpdesk.adapters.store_sql.scope import Scope, columns_of, insert_into, names_of, record_of
from helpdesk.errors import IdempotencyConflict
from helpdesk.ports.store import IdempotencyRecord, Submission
from helpdesk.tickets import Ticket

_ADD_TICKETS = bulk_insert(tickets, Ticket)
_ADD_KEYS = Bulk(
    lambda dialect: insert_into(idempotency, dialect).on_conflict_do_nothing(index_elements=["owner", "key"]),
    names_of(IdempotencyRecord),
)
# SQLite would scan the table for a list of pairs. Owners are few, so that hardly a row too many is found.
_KEYS = select(*columns_of(idempotency, IdempotencyRecord)).where(
    idempotency.c.owner.in_(bindparam("owners", expanding=True)),
    idempotency.c.key.in_(bindparam("keys", expanding=True)),
)
_RACE = "One of the idempotency keys was used in the meantime. Send the request again."


class Submissions(Scope):
    """Stores new tickets, and the keys of requests."""

    def add_submissions(self, submissions: Sequence[Submission]) -> None:
        """Store new tickets with message, event, outbox row and idempotency record, one statement per table."""
        if not submissions:
            return
        self._add_keys([one.idempotency for one in submissions if one.idempotency is not None])
        outgoing = [Outgoing(one.envelope, one.ticket.ticket_id, one.ticket.created_at) for one in submissions]
        with in_one_trip(self._connection):
            _ADD_TICKETS.execute(self._connection, [self._timed(one.ticket) for one in submissions])
            ADD_MESSAGES.execute(self._connection, [one.message for one in submissions])
            ADD_EVENTS.execute(self._connection, [one.event for one in submissions])
            ADD_OUTBOX.execute(self._connection, outgoing)

    def idempotency_records(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], IdempotencyRecord]:
        """Return the records that exist for these (owner, key) pairs."""
        if not keys:
            return {}
        owners, names = zip(*keys, strict=True)
        rows = self._connection.execute(_KEYS, {"owners": sorted(set(owners)), "keys": sorted(set(names))})
        found = (record_of(IdempotencyRecord, row) for row in rows)
        wanted = set(keys)
        return {pair: record for record in found if (pair := (record.owner, record.key)) in wanted}

    def add_idempotency_record(self, record: IdempotencyRecord) -> None:
        """Store the record of a request on a ticket that exists."""
        if _ADD_KEYS.execute(self._connection, [record]) == 0:
            raise IdempotencyConflict(_RACE)

    def _add_keys(self, records: list[IdempotencyRecord]) -> None:
        if not records:
            return
        # Sorted, because two transactions that insert the same keys in different order would wait for each other.
        ordered = sorted(records, key=lambda record: (record.owner, record.key))
        if _ADD_KEYS.execute(self._connection, ordered) < len(records):
            made = [record.ticket_id for record in records]
            self._connection.execute(delete(idempotency).where(idempotency.c.ticket_id.in_(made)))
            raise IdempotencyConflict(_RACE)
