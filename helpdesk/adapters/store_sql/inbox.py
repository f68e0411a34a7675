"""The inbox: which messages were begun, how often, and which are done."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, case, select
from sqlalchemy.sql.dml import UpdateBase

from helpdesk.adapters.store_sql.bulk import Bulk
from helpdesk.adapters.store_sql.schema import inbox
from helpdesk.adapters.store_sql.scope import Scope, columns_of, insert_into, record_of
from helpdesk.ports.mailboxes import InboxEntry


class _Entry(NamedTuple):
    message_id: str
    starts: int
    finished: bool
    at: datetime


def _start(dialect: str) -> UpdateBase:
    statement = insert_into(inbox, dialect)
    one_more = case((inbox.c.finished, inbox.c.starts), else_=inbox.c.starts + statement.excluded.starts)
    return statement.on_conflict_do_update(
        index_elements=["message_id"], set_={"starts": one_more, "at": statement.excluded.at}
    )


def _finish(dialect: str) -> UpdateBase:
    statement = insert_into(inbox, dialect)
    return statement.on_conflict_do_update(
        index_elements=["message_id"], set_={"finished": statement.excluded.finished, "at": statement.excluded.at}
    )


_START = Bulk(_start, _Entry._fields)
_FINISH = Bulk(_finish, _Entry._fields)
_ENTRIES = select(*columns_of(inbox, InboxEntry)).where(inbox.c.message_id.in_(bindparam("ids", expanding=True)))


def _in_order(message_ids: Sequence[str]) -> list[str]:
    """Return each id once, and in the order in which all transactions take their locks."""
    return sorted(set(message_ids))


class Inbox(Scope):
    """Counts starts and remembers ends."""

    def start_messages(self, message_ids: Sequence[str], *, at: datetime) -> dict[str, InboxEntry]:
        """Count one more start of each unfinished message and return how they stand."""
        if not message_ids:
            return {}
        ids = _in_order(message_ids)
        _START.execute(self._connection, [_Entry(one, 1, False, at) for one in ids])
        entries = (record_of(InboxEntry, row) for row in self._connection.execute(_ENTRIES, {"ids": ids}))
        return {entry.message_id: entry for entry in entries}

    def finish_messages(self, message_ids: Sequence[str], *, at: datetime) -> None:
        """Record that the effect of these messages is part of this transaction."""
        if message_ids:
            _FINISH.execute(self._connection, [_Entry(one, 0, True, at) for one in _in_order(message_ids)])
