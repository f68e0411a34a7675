"""What happened to a ticket and was said about it: conversation, events, answers, decisions, feedback."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Table, bindparam, delete, select, text

from helpdesk.adapters.store_sql.bulk import Bulk, bulk_insert
from helpdesk.adapters.store_sql.schema import (
    DECISION_FACTS,
    SENT_BY_MACHINE_SQL,
    answers,
    decisions,
    events,
    feedback,
    messages,
)
from helpdesk.adapters.store_sql.scope import Record, Scope, columns_of, insert_into, names_of, record_of
from helpdesk.decisions import DecisionRecord
from helpdesk.errors import VersionConflict
from helpdesk.tickets import Answer, ConversationMessage, Feedback, TicketEvent

ADD_MESSAGES = bulk_insert(messages, ConversationMessage)
ADD_EVENTS = bulk_insert(events, TicketEvent)
_ADD_FEEDBACK = bulk_insert(feedback, Feedback)
_ADD_ANSWERS = Bulk(
    lambda dialect: insert_into(answers, dialect).on_conflict_do_nothing(
        index_elements=["ticket_id", "turn"], index_where=text(SENT_BY_MACHINE_SQL)
    ),
    names_of(Answer),
)
_ADD_DECISIONS = Bulk(
    lambda dialect: insert_into(decisions, dialect).on_conflict_do_nothing(index_elements=["ticket_id", "turn"]),
    (*names_of(DecisionRecord), *DECISION_FACTS),
)
_CONVERSATIONS = (
    select(*columns_of(messages, ConversationMessage))
    .where(messages.c.ticket_id.in_(bindparam("ids", expanding=True)))
    .order_by(messages.c.sequence)
)


def _of_ticket(table: Table, kind: type[Any], order: str) -> Select[Any]:
    return select(*columns_of(table, kind)).where(table.c.ticket_id == bindparam("of")).order_by(table.c[order])


_EVENTS = _of_ticket(events, TicketEvent, "sequence")
_ANSWERS = _of_ticket(answers, Answer, "sequence")
_DECISIONS = _of_ticket(decisions, DecisionRecord, "turn")
_FEEDBACK = _of_ticket(feedback, Feedback, "sequence")
_PREDICTIONS = (
    select(decisions.c.prediction)
    .where(decisions.c.at >= bindparam("since"), decisions.c.at < bindparam("until"))
    .execution_options(yield_per=500)
)


class History(Scope):
    """Appends to and reads what belongs to a ticket, in the order in which it happened."""

    def add_messages(self, added: Sequence[ConversationMessage]) -> None:
        """Append to conversations."""
        if added:
            ADD_MESSAGES.execute(self._connection, added)

    def conversations(self, ticket_ids: Sequence[str]) -> dict[str, list[ConversationMessage]]:
        """Return the conversation of each of these tickets."""
        found: dict[str, list[ConversationMessage]] = {ticket_id: [] for ticket_id in ticket_ids}
        if found:
            for row in self._connection.execute(_CONVERSATIONS, {"ids": list(found)}):
                found[row.ticket_id].append(record_of(ConversationMessage, row))
        return found

    def add_events(self, added: Sequence[TicketEvent]) -> None:
        """Append to histories."""
        if added:
            ADD_EVENTS.execute(self._connection, added)

    def events(self, ticket_id: str) -> list[TicketEvent]:
        """Return a ticket's history."""
        return self._records(TicketEvent, _EVENTS, ticket_id)

    def add_answers(self, added: Sequence[Answer]) -> None:
        """Store answers and drafts."""
        if added and _ADD_ANSWERS.execute(self._connection, added) < len(added):
            ours = [answer.answer_id for answer in added]
            self._connection.execute(delete(answers).where(answers.c.answer_id.in_(ours)))
            raise VersionConflict("The machine has already sent an answer in this turn of the ticket.")

    def answers(self, ticket_id: str) -> list[Answer]:
        """Return a ticket's answers and drafts."""
        return self._records(Answer, _ANSWERS, ticket_id)

    def add_decisions(self, added: Sequence[DecisionRecord]) -> None:
        """Store decisions."""
        if not added:
            return
        with self._connection.begin_nested():
            if _ADD_DECISIONS.execute(self._connection, added) < len(added):
                raise VersionConflict("This turn of the ticket has been decided already.")

    def decisions(self, ticket_id: str) -> list[DecisionRecord]:
        """Return a ticket's decisions by turn."""
        return self._records(DecisionRecord, _DECISIONS, ticket_id)

    def predictions_between(self, since: datetime, until: datetime) -> Iterator[Mapping[str, object]]:
        """Yield the prediction of each decision made from ``since`` on and before ``until``."""
        with self._connection.execute(_PREDICTIONS, {"since": since, "until": until}) as rows:
            yield from rows.scalars()

    def add_feedback(self, added: Feedback) -> None:
        """Store what a customer thought of an answer."""
        _ADD_FEEDBACK.execute(self._connection, [added])

    def feedback(self, ticket_id: str) -> list[Feedback]:
        """Return a ticket's feedback."""
        return self._records(Feedback, _FEEDBACK, ticket_id)

    def _records(self, kind: type[Record], statement: Select[Any], ticket_id: str) -> list[Record]:
        return [record_of(kind, row) for row in self._connection.execute(statement, {"of": ticket_id})]
