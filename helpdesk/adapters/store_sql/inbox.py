"""The inbox: which messages were begun, how often, and which are done."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import case, true

from helpdesk.adapters.store_sql.schema import inbox
from helpdesk.adapters.store_sql.scope import Scope, insert_into
from helpdesk.ports.store import InboxEntry


@cache
def _start(dialect: str) -> Any:
    statement = insert_into(inbox, dialect)
    one_more = case((inbox.c.finished, inbox.c.starts), else_=inbox.c.starts + 1)
    return statement.on_conflict_do_update(
        index_elements=["message_id"], set_={"starts": one_more, "at": statement.excluded.at}
    ).returning(inbox.c.message_id, inbox.c.starts, inbox.c.finished)


@cache
def _finish(dialect: str) -> Any:
    statement = insert_into(inbox, dialect)
    return statement.on_conflict_do_update(
        index_elements=["message_id"], set_={"finished": true(), "at": statement.excluded.at}
    )


def _in_order(message_ids: Sequence[str]) -> list[str]:
    """Return each id once, and in the order in which all transactions take their locks."""
    return sorted(set(message_ids))


class Inbox(Scope):
    """Counts starts and remembers ends."""

    def start_messages(self, message_ids: Sequence[str], *, at: datetime) -> dict[str, InboxEntry]:
        """Count one more start of each unfinished message and return how they stand."""
        if not message_ids:
            return {}
        rows = [{"message_id": one, "starts": 1, "finished": False, "at": at} for one in _in_order(message_ids)]
        stand = self._connection.execute(_start(self._dialect), rows)
        return {
            message_id: InboxEntry(message_id=message_id, starts=starts, finished=finished)
            for message_id, starts, finished in stand
        }

    def finish_messages(self, message_ids: Sequence[str], *, at: datetime) -> None:
        """Record that the effect of these messages is part of this transaction."""
        if message_ids:
            rows = [{"message_id": one, "starts": 0, "finished": True, "at": at} for one in _in_order(message_ids)]
            self._connection.execute(_finish(self._dialect), rows)
