"""Deletes what has done its service: finished inbox entries and old idempotency records, batch by batch."""

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, select, text, tuple_
from sqlalchemy.sql.dml import ReturningDelete

from helpdesk.adapters.store_sql.schema import idempotency, inbox
from helpdesk.adapters.store_sql.scope import Scope

# Rows that somebody else holds are left for the next time: nothing here is worth waiting for, or a deadlock. They stand
# in a CTE, because PostgreSQL may run a plain sub-query that locks more than once, and delete more than the limit.
_OLD_ENTRIES = (
    select(inbox.c.message_id)
    .where(text("finished"), inbox.c.at < bindparam("moment", type_=inbox.c.at.type))
    .order_by(inbox.c.at)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
    .cte("old")
)
_OLD_RECORDS = (
    select(idempotency.c.owner, idempotency.c.key)
    .where(idempotency.c.created_at < bindparam("moment", type_=idempotency.c.created_at.type))
    .order_by(idempotency.c.created_at)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
    .cte("old")
)
_PRUNE_INBOX = delete(inbox).where(inbox.c.message_id.in_(select(_OLD_ENTRIES.c.message_id))).returning(inbox.c.at)
_PRUNE_IDEMPOTENCY = (
    delete(idempotency)
    .where(tuple_(idempotency.c.owner, idempotency.c.key).in_(select(_OLD_RECORDS.c.owner, _OLD_RECORDS.c.key)))
    .returning(idempotency.c.created_at)
)


class Pruning(Scope):
    """Deletes old rows."""

    def prune_inbox(self, before: datetime, *, limit: int) -> int:
        """Delete finished entries last touched before ``before``, at most ``limit``; return how many."""
        return self._prune(_PRUNE_INBOX, before, limit)

    def prune_idempotency_records(self, before: datetime, *, limit: int) -> int:
        """Delete records made before ``before``, at most ``limit``; return how many."""
        return self._prune(_PRUNE_IDEMPOTENCY, before, limit)

    def _prune(self, statement: ReturningDelete[Any], before: datetime, limit: int) -> int:
        # The rows are counted: of a statement that begins with WITH, Python's SQLite driver does not tell how many.
        return len(self._connection.execute(statement, {"moment": before, "limit": limit}).all())
