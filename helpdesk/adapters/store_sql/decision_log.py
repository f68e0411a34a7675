"""Decisions of all tickets: filtered pages, newest first, and what people said about them."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, literal, select, tuple_

from helpdesk.adapters.store_sql.schema import corrections, decisions, feedback
from helpdesk.adapters.store_sql.scope import Scope, columns_of, record_of
from helpdesk.corrections import Correction
from helpdesk.decisions import DecisionRecord
from helpdesk.errors import InvalidInput
from helpdesk.ports.decision_log import DecisionFilter, DecisionPage
from helpdesk.tickets import Feedback

_KEY = (decisions.c.at, decisions.c.ticket_id, decisions.c.turn)
_IDS: BindParameter[str] = bindparam("ids", expanding=True)
_FEEDBACK = select(*columns_of(feedback, Feedback)).where(feedback.c.ticket_id.in_(_IDS)).order_by(feedback.c.sequence)
_CORRECTIONS = (
    select(*columns_of(corrections, Correction))
    .where(corrections.c.ticket_id.in_(_IDS))
    .order_by(corrections.c.sequence)
)


class DecisionLog(Scope):
    """Lists decisions."""

    def list_decisions(self, wanted: DecisionFilter, *, cursor: str | None, limit: int) -> DecisionPage:
        """Return one page, newest first."""
        found = [record_of(DecisionRecord, row) for row in self._connection.execute(_page(wanted, cursor, limit + 1))]
        page = tuple(found[:limit])
        return DecisionPage(decisions=page, next_cursor=_cursor_behind(page[-1]) if len(found) > limit else None)

    def feedback_on(self, ticket_ids: Sequence[str]) -> list[Feedback]:
        """Return what customers thought of answers to these tickets."""
        return [record_of(Feedback, row) for row in self._connection.execute(_FEEDBACK, {"ids": list(ticket_ids)})]

    def corrections_on(self, ticket_ids: Sequence[str]) -> list[Correction]:
        """Return what agents said these tickets are about."""
        rows = self._connection.execute(_CORRECTIONS, {"ids": list(ticket_ids)})
        return [record_of(Correction, row) for row in rows]


def _page(wanted: DecisionFilter, cursor: str | None, limit: int) -> Select[tuple[object, ...]]:
    """Return the statement: the index alone says which rows they are, and only those are read."""
    keys = select(*_KEY).where(*_conditions(wanted))
    if cursor is not None:
        at, ticket_id, turn = _position(cursor)
        position = literal(at, decisions.c.at.type), literal(ticket_id), literal(turn)
        keys = keys.where(tuple_(*_KEY) < tuple_(*position))
    newest = keys.order_by(*(column.desc() for column in _KEY)).limit(limit).subquery("newest")
    return (
        select(*columns_of(decisions, DecisionRecord))
        .join(newest, (decisions.c.ticket_id == newest.c.ticket_id) & (decisions.c.turn == newest.c.turn))
        .order_by(newest.c.at.desc(), newest.c.ticket_id.desc(), newest.c.turn.desc())
    )


def _conditions(wanted: DecisionFilter) -> list[ColumnElement[bool]]:
    equal = ("intent", "outcome", "queue", "policy", "model")
    conditions = [decisions.c[name] == getattr(wanted, name) for name in equal if getattr(wanted, name) is not None]
    if wanted.code is not None:
        conditions.append(decisions.c.codes.contains(f"|{wanted.code}|", autoescape=True))
    if wanted.since is not None:
        conditions.append(decisions.c.at >= wanted.since.astimezone(UTC))
    if wanted.until is not None:
        conditions.append(decisions.c.at < wanted.until.astimezone(UTC))
    if wanted.confidence_from is not None:
        conditions.append(decisions.c.confidence >= wanted.confidence_from)
    if wanted.confidence_to is not None:
        conditions.append(decisions.c.confidence <= wanted.confidence_to)
    return conditions


def _cursor_behind(last: DecisionRecord) -> str:
    position = f"{last.at.isoformat()} {last.ticket_id} {last.turn}"
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def _position(cursor: str) -> tuple[datetime, str, int]:
    refused = InvalidInput("not a cursor of this service", field="cursor", remedy="use next_cursor of the page before")
    try:
        decoded = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        moment, ticket_id, turn = decoded.split(" ")
        at, number = datetime.fromisoformat(moment), int(turn)
    except ValueError as error:
        raise refused from error
    if at.tzinfo != UTC or not ticket_id.isalnum() or not 0 < number < 2**31:
        raise refused
    return at, ticket_id, number
