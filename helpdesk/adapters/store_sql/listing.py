"""Lists of tickets for people: filtered pages, newest first, and counts."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, func, literal, select, tuple_

from helpdesk.adapters.store_sql.schema import tickets
from helpdesk.adapters.store_sql.scope import Scope, record_of
from helpdesk.adapters.store_sql.tickets import TICKET_COLUMNS
from helpdesk.errors import InvalidInput
from helpdesk.ports.store import TicketFilter, TicketPage
from helpdesk.tickets import Status, Ticket

_NEWEST_FIRST = select(*TICKET_COLUMNS).order_by(tickets.c.created_at.desc(), tickets.c.ticket_id.desc())
_COUNTS = select(tickets.c.status, func.count()).group_by(tickets.c.status)


def _cursor_behind(ticket: Ticket) -> str:
    return base64.urlsafe_b64encode(f"{ticket.created_at.isoformat()} {ticket.ticket_id}".encode()).decode().rstrip("=")


def _position(cursor: str) -> tuple[datetime, str]:
    try:
        decoded = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        moment, ticket_id = decoded.split(" ")
        created_at = datetime.fromisoformat(moment)
    except ValueError:
        created_at = None
    if created_at is None or created_at.tzinfo != UTC or not ticket_id.isalnum():
        raise InvalidInput("not a cursor of this service", field="cursor", remedy="use next_cursor of the page before")
    return created_at, ticket_id


def _in_utc(moment: datetime, field: str) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise InvalidInput("before or after all time", field=field) from error


def _conditions(wanted: TicketFilter) -> list[ColumnElement[bool]]:
    equal = ("owner", "status", "queue", "user", "intent", "priority")
    conditions = [tickets.c[name] == getattr(wanted, name) for name in equal if getattr(wanted, name) is not None]
    created_at = tickets.c.created_at
    if wanted.created_after is not None:
        conditions.append(created_at >= _in_utc(wanted.created_after, "created_after"))
    if wanted.created_before is not None:
        conditions.append(created_at < _in_utc(wanted.created_before, "created_before"))
    return conditions


class Listing(Scope):
    """Lists and counts tickets."""

    def list_tickets(self, ticket_filter: TicketFilter, *, cursor: str | None, limit: int) -> TicketPage:
        """Return one page, newest first."""
        statement = _NEWEST_FIRST.where(*_conditions(ticket_filter)).limit(limit + 1)
        if cursor is not None:
            created_at, ticket_id = _position(cursor)
            position = literal(created_at, tickets.c.created_at.type), literal(ticket_id)
            statement = statement.where(tuple_(tickets.c.created_at, tickets.c.ticket_id) < tuple_(*position))
        found = [record_of(Ticket, row) for row in self._connection.execute(statement)]
        page = tuple(found[:limit])
        return TicketPage(tickets=page, next_cursor=_cursor_behind(page[-1]) if len(found) > limit else None)

    def counts_by_status(self) -> Mapping[Status, int]:
        """Return how many tickets there are in each status that occurs."""
        return dict(self._connection.execute(_COUNTS).all())
