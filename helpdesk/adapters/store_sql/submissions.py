"""New tickets, stored with all that belongs to them, and the keys that make a repeated submission harmless."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import and_, delete, insert, or_, select

from helpdesk.adapters.store_sql.outbox import outbox_row
from helpdesk.adapters.store_sql.schema import events, idempotency, messages, outbox, tickets
from helpdesk.adapters.store_sql.scope import Scope, columns_of, insert_into, record_of, row_of
from helpdesk.errors import IdempotencyConflict
from helpdesk.ports.store import IdempotencyRecord, Submission

_INSERT_TICKETS = insert(tickets)
_INSERT_MESSAGES = insert(messages)
_INSERT_EVENTS = insert(events)
_INSERT_OUTBOX = insert(outbox)


@cache
def _add_keys(dialect: str) -> Any:
    statement = insert_into(idempotency, dialect).on_conflict_do_nothing(index_elements=["owner", "key"])
    return statement.execution_options(preserve_rowcount=True)


class Submissions(Scope):
    """Stores new tickets."""

    def add_submissions(self, submissions: Sequence[Submission]) -> None:
        """Store new tickets with message, event, outbox row and idempotency record, one statement per table."""
        if not submissions:
            return
        self._add_idempotency([one.idempotency for one in submissions if one.idempotency is not None])
        execute = self._connection.execute
        execute(_INSERT_TICKETS, [row_of(one.ticket) for one in submissions])
        execute(_INSERT_MESSAGES, [row_of(one.message) for one in submissions])
        execute(_INSERT_EVENTS, [row_of(one.event) for one in submissions])
        execute(
            _INSERT_OUTBOX,
            [outbox_row(one.envelope, one.ticket.ticket_id, one.ticket.created_at) for one in submissions],
        )

    def idempotency_records(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], IdempotencyRecord]:
        """Return the records that exist for these (owner, key) pairs."""
        if not keys:
            return {}
        pairs = (and_(idempotency.c.owner == owner, idempotency.c.key == key) for owner, key in keys)
        rows = self._connection.execute(select(*columns_of(idempotency, IdempotencyRecord)).where(or_(*pairs)))
        found = (record_of(IdempotencyRecord, row) for row in rows)
        return {(record.owner, record.key): record for record in found}

    def _add_idempotency(self, records: list[IdempotencyRecord]) -> None:
        if not records:
            return
        # Sorted, because two transactions that insert the same keys in different order would wait for each other.
        ordered = sorted(records, key=lambda record: (record.owner, record.key))
        stored = self._connection.execute(_add_keys(self._dialect), [row_of(record) for record in ordered]).rowcount
        if stored < len(records):
            made = [record.ticket_id for record in records]
            self._connection.execute(delete(idempotency).where(idempotency.c.ticket_id.in_(made)))
            raise IdempotencyConflict("One of the idempotency keys was used in the meantime. Send the request again.")
