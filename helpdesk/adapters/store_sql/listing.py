"""Lists of tickets for people: filtered pages, newest or soonest due first, and counts."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, TextClause, func, literal, select, text, tuple_

from helpdesk.adapters.store_sql.schema import HAS_DEADLINE_SQL, NOT_OK_SQL, tickets
from helpdesk.adapters.store_sql.scope import Scope, record_of
from helpdesk.adapters.store_sql.tickets import TICKET_COLUMNS
from helpdesk.errors import InvalidInput
from helpdesk.ports.store import TicketFilter, TicketOrder, TicketPage
from helpdesk.tickets import SlaState, Status, Ticket

_NEWEST_FIRST = select(*TICKET_COLUMNS).order_by(tickets.c.created_at.desc(), tickets.c.ticket_id.desc())
_DUE_FIRST = select(*TICKET_COLUMNS).where(text(HAS_DEADLINE_SQL)).order_by(tickets.c.due_at, tickets.c.ticket_id)
_COUNTS = select(tickets.c.status, func.count()).group_by(tickets.c.status)


def _cursor_behind(ticket: Ticket, order: TicketOrder) -> str:
    moment = ticket.due_at if order is TicketOrder.DUE and ticket.due_at is not None else ticket.created_at
    return base64.urlsafe_b64encode(f"{moment.isoformat()} {ticket.ticket_id}".encode()).decode().rstrip("=")


def _position(cursor: str) -> tuple[datetime, str]:
    try:
        decoded = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        moment, ticket_id = decoded.split(" ")
        at = datetime.fromisoformat(moment)
    except ValueError:
        at = None
    if at is None or at.tzinfo != UTC or not ticket_id.isalnum():
        raise InvalidInput("not a cursor of this service", field="cursor", remedy="use next_cursor of the page before")
    return at, ticket_id


def _in_utc(moment: datetime, field: str) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise InvalidInput("before or after all time", field=field) from error


def _conditions(wanted: TicketFilter) -> list[ColumnElement[bool] | TextClause]:
    equal = ("owner", "status", "queue", "user", "intent", "priority", "sla")
    conditions: list[ColumnElement[bool] | TextClause]
    conditions = [tickets.c[name] == getattr(wanted, name) for name in equal if getattr(wanted, name) is not None]
    if wanted.sla not in {None, SlaState.OK}:
        conditions.append(text(NOT_OK_SQL))  # so that planners recognise the partial index
    created_at = tickets.c.created_at
    if wanted.created_after is not None:
        conditions.append(created_at >= _in_utc(wanted.created_after, "created_after"))
    if wanted.created_before is not None:
        conditions.append(created_at < _in_utc(wanted.created_before, "created_before"))
    return conditions


class Listing(Scope):
    """Lists and counts tickets."""

    def list_tickets(
        self, ticket_filter: TicketFilter, *, cursor: str | None, limit: int, order: TicketOrder = TicketOrder.NEWEST
    ) -> TicketPage:
        """Return one page; in the order of deadlines, only tickets whose clock runs."""
        by_due = order is TicketOrder.DUE
        statement = (_DUE_FIRST if by_due else _NEWEST_FIRST).where(*_conditions(ticket_filter)).limit(limit + 1)
        if cursor is not None:
            moment, ticket_id = _position(cursor)
            seen = tuple_(literal(moment, tickets.c.created_at.type), literal(ticket_id))
            due, created = (tuple_(column, tickets.c.ticket_id) for column in (tickets.c.due_at, tickets.c.created_at))
            statement = statement.where(due > seen if by_due else created < seen)
        found = [record_of(Ticket, row) for row in self._connection.execute(statement)]
        page = tuple(found[:limit])
        return TicketPage(tickets=page, next_cursor=_cursor_behind(page[-1], order) if len(found) > limit else None)

    def counts_by_status(self) -> Mapping[Status, int]:
        """Return how many tickets there are in each status that occurs."""
        return dict(self._connection.execute(_COUNTS).all())
