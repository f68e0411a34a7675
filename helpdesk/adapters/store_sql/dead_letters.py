"""Dead letters: messages that were given up, and what became of them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, bindparam, select, update

from helpdesk.adapters.store_sql.bulk import Bulk
from helpdesk.adapters.store_sql.schema import dead_letters
from helpdesk.adapters.store_sql.scope import Scope, columns_of, insert_into, names_of, record_of
from helpdesk.errors import DeadLetterNotFound
from helpdesk.ports.mailboxes import DeadLetter, DeadLetterStatus

_ADD = Bulk(
    lambda dialect: insert_into(dead_letters, dialect).on_conflict_do_nothing(index_elements=["message_id"]),
    names_of(DeadLetter),
)
_LETTERS = select(*columns_of(dead_letters, DeadLetter))
_ONE = _LETTERS.where(dead_letters.c.message_id == bindparam("wanted"))
_NEWEST_FIRST = _LETTERS.order_by(dead_letters.c.created_at.desc()).limit(bindparam("limit"))
_MARK = update(dead_letters).where(dead_letters.c.message_id == bindparam("marked"))


class DeadLetters(Scope):
    """Stores and marks dead letters."""

    def add_dead_letter(self, letter: DeadLetter) -> None:
        """Store a dead letter; the first one of a message id stands."""
        _ADD.execute(self._connection, [letter])

    def dead_letter(self, message_id: str) -> DeadLetter:
        """Return one dead letter, locked."""
        statement = _ONE.with_for_update() if self._locking else _ONE
        row = self._connection.execute(statement, {"wanted": message_id}).one_or_none()
        if row is None:
            raise _missing(message_id)
        return record_of(DeadLetter, row)

    def dead_letters(self, *, status: DeadLetterStatus | None, limit: int) -> list[DeadLetter]:
        """Return dead letters, newest first."""
        wanted = _NEWEST_FIRST if status is None else _NEWEST_FIRST.where(dead_letters.c.status == status)
        rows: Sequence[Row[Any]] = self._connection.execute(wanted, {"limit": limit}).all()
        return [record_of(DeadLetter, row) for row in rows]

    def mark_dead_letter(self, message_id: str, status: DeadLetterStatus, *, note: str) -> None:
        """Record what became of a dead letter."""
        marked = self._connection.execute(_MARK, {"marked": message_id, "status": status, "note": note})
        if not marked.rowcount:
            raise _missing(message_id)


def _missing(message_id: str) -> DeadLetterNotFound:
    return DeadLetterNotFound(f"There is no dead letter {message_id}.")
