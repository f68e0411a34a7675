"""The outbox: messages that are committed and wait for the broker's confirm."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, bindparam, delete, func, select

from helpdesk.adapters.store_sql.bulk import Bulk
from helpdesk.adapters.store_sql.schema import outbox
from helpdesk.adapters.store_sql.scope import Scope, insert_into, names_of
from helpdesk.ports.broker import Envelope
from helpdesk.ports.mailboxes import OutboxRow

_OLDEST = (
    select(outbox).where(outbox.c.sequence > bindparam("after")).order_by(outbox.c.sequence).limit(bindparam("limit"))
)
_DELETE = (
    delete(outbox).where(outbox.c.sequence.in_(bindparam("sequences", expanding=True))).returning(outbox.c.sequence)
)
_DELETE_MESSAGE = delete(outbox).where(outbox.c.message_id == bindparam("gone"))
_DEPTH = select(
    select(func.count()).select_from(outbox).scalar_subquery(),
    select(outbox.c.created_at).order_by(outbox.c.sequence).limit(1).scalar_subquery(),
)


class Outgoing(NamedTuple):
    """An envelope with what is stored beside it."""

    envelope: Envelope
    ticket_id: str | None
    created_at: datetime


ADD_OUTBOX = Bulk(
    lambda dialect: insert_into(outbox, dialect),
    [*names_of(Envelope), "ticket_id", "created_at"],
    paths={name: f"envelope.{name}" for name in names_of(Envelope)},
)


def _record(row: Row[Any]) -> OutboxRow:
    envelope = Envelope(
        message_id=row.message_id,
        destination=row.destination,
        body=row.body,
        priority=row.priority,
        attempt=row.attempt,
        correlation_id=row.correlation_id,
        headers=row.headers,
    )
    return OutboxRow(sequence=row.sequence, envelope=envelope, created_at=row.created_at)


class Outbox(Scope):
    """Adds, lists and deletes outbox rows."""

    def add_outbox(self, messages: Sequence[tuple[str | None, Envelope]], *, at: datetime) -> None:
        """Append messages, each with the ticket that waits for it, to go out after the commit."""
        if messages:
            ADD_OUTBOX.execute(self._connection, [Outgoing(envelope, ticket, at) for ticket, envelope in messages])

    def outbox(self, *, limit: int, after: int = 0) -> list[OutboxRow]:
        """Return the oldest rows beyond sequence ``after``."""
        return [_record(row) for row in self._connection.execute(_OLDEST, {"limit": limit, "after": after})]

    def delete_outbox(self, sequences: Sequence[int]) -> set[int]:
        """Delete rows; return the sequences that were gone already."""
        if not sequences:
            return set()
        deleted = self._connection.scalars(_DELETE, {"sequences": list(sequences)})
        return set(sequences).difference(deleted)

    def delete_outbox_message(self, message_id: str) -> bool:
        """Delete a message that has not gone out; True when it was there."""
        return self._connection.execute(_DELETE_MESSAGE, {"gone": message_id}).rowcount > 0

    def outbox_depth(self) -> tuple[int, datetime | None]:
        """Return the number of rows and the oldest one's time."""
        depth, oldest = self._connection.execute(_DEPTH).one()
        return depth, oldest
