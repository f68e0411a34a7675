"""Tickets that wait: in the human queues, and for the watchdog."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, func, select, text

from helpdesk.adapters.store_sql.schema import (
    AWAITS_CUSTOMER_SQL,
    AWAITS_MACHINE_SQL,
    AWAITS_PERSON_SQL,
    CLAIMED_SQL,
    HAS_ALERT_SQL,
    outbox,
    tickets,
)
from helpdesk.adapters.store_sql.scope import Scope, record_of
from helpdesk.adapters.store_sql.tickets import TICKET_COLUMNS
from helpdesk.ports.store import QueueSummary
from helpdesk.tickets import Priority, SlaState, Ticket

_TICKETS = select(*TICKET_COLUMNS).limit(bindparam("limit"))
_UPDATED_BEFORE = tickets.c.updated_at < bindparam("moment", type_=tickets.c.updated_at.type)

# "high" stands before "normal" in the alphabet as well as in the queue.
_IN_QUEUE = _TICKETS.where(text(AWAITS_PERSON_SQL), tickets.c.queue == bindparam("name")).order_by(
    tickets.c.priority, tickets.c.due_at, tickets.c.queued_at
)
_HELD = (
    select(*TICKET_COLUMNS)
    .where(text(CLAIMED_SQL), tickets.c.claimed_by == bindparam("agent"))
    .order_by(tickets.c.claimed_until)
)
_PAST_DEADLINE = _TICKETS.where(text(AWAITS_MACHINE_SQL), tickets.c.deadline_at <= bindparam("moment")).order_by(
    tickets.c.deadline_at
)
_UNANSWERED_QUESTIONS = _TICKETS.where(
    text(AWAITS_CUSTOMER_SQL), tickets.c.deadline_at <= bindparam("moment")
).order_by(tickets.c.deadline_at)
_UNTOUCHED = _TICKETS.where(
    text(AWAITS_MACHINE_SQL),
    _UPDATED_BEFORE,
    ~select(outbox.c.sequence).where(outbox.c.ticket_id == tickets.c.ticket_id).exists(),
).order_by(tickets.c.updated_at)
_EXPIRED = _TICKETS.where(text(CLAIMED_SQL), tickets.c.claimed_until <= bindparam("moment")).order_by(
    tickets.c.claimed_until
)
_UNHEARD = _TICKETS.where(text(AWAITS_PERSON_SQL), _UPDATED_BEFORE).order_by(tickets.c.updated_at)

_WAITING_BY_QUEUE = (
    select(
        tickets.c.queue,
        func.count(),
        func.count().filter(tickets.c.priority == Priority.HIGH),
        func.count().filter(tickets.c.sla == SlaState.SOON),
        func.count().filter(tickets.c.sla == SlaState.BREACHED),
        func.count().filter(tickets.c.upset),
        func.min(tickets.c.queued_at),
    )
    .where(text(AWAITS_PERSON_SQL))
    .group_by(tickets.c.queue)
)
_ALERTS = _TICKETS.where(text(HAS_ALERT_SQL), tickets.c.alert_at <= bindparam("moment")).order_by(tickets.c.alert_at)
_CLAIMED_BY_QUEUE = (
    select(tickets.c.queue, func.count())
    .where(text(CLAIMED_SQL), tickets.c.queue.is_not(None))
    .group_by(tickets.c.queue)
)


class Waiting(Scope):
    """Asks who waits, and for how long."""

    def waiting_in_queue(self, queue: str, *, limit: int) -> list[Ticket]:
        """Return the first tickets of a human queue."""
        return self._tickets(_IN_QUEUE, name=queue, limit=limit)

    def held_by(self, agent: str) -> list[Ticket]:
        """Return the tickets that somebody has claimed."""
        return self._tickets(_HELD, agent=agent)

    def queue_summaries(self) -> dict[str, QueueSummary]:
        """Return a summary of every queue that has waiting or claimed tickets."""
        claimed: dict[str, int] = dict(self._connection.execute(_CLAIMED_BY_QUEUE).all())
        nothing = (0, 0, 0, 0, 0, None)
        waiting = dict.fromkeys(claimed, nothing) | {
            queue: tuple(counts) for queue, *counts in self._connection.execute(_WAITING_BY_QUEUE)
        }
        return {
            queue: QueueSummary(
                queue=queue,
                waiting=count,
                high_priority=high,
                due_soon=soon,
                breached=breached,
                upset=upset,
                claimed=claimed.get(queue, 0),
                oldest_queued_at=oldest,
            )
            for queue, (count, high, soon, breached, upset, oldest) in sorted(waiting.items())
        }

    def alerts_due(self, now: datetime, *, limit: int) -> list[Ticket]:
        """Return tickets whose deadlines must be looked at, the longest due first."""
        return self._tickets(_ALERTS, moment=now, limit=limit)

    def past_deadline(self, now: datetime, *, limit: int) -> list[Ticket]:
        """Return tickets that await the machine although their deadline has passed."""
        return self._tickets(_PAST_DEADLINE, moment=now, limit=limit)

    def unanswered_questions(self, now: datetime, *, limit: int) -> list[Ticket]:
        """Return tickets that await their customer although their deadline has passed."""
        return self._tickets(_UNANSWERED_QUESTIONS, moment=now, limit=limit)

    def untouched_since(self, moment: datetime, *, limit: int) -> list[Ticket]:
        """Return tickets that await the machine, were last changed before ``moment``, and have no outbox row."""
        return self._tickets(_UNTOUCHED, moment=moment, limit=limit)

    def expired_claims(self, now: datetime, *, limit: int) -> list[Ticket]:
        """Return claimed tickets whose lease has run out."""
        return self._tickets(_EXPIRED, moment=now, limit=limit)

    def waiting_since(self, moment: datetime, *, limit: int) -> list[Ticket]:
        """Return tickets that await a person and were last changed before ``moment``, longest first."""
        return self._tickets(_UNHEARD, moment=moment, limit=limit)

    def _tickets(self, statement: Select[Any], **parameters: Any) -> list[Ticket]:
        return [record_of(Ticket, row) for row in self._connection.execute(statement, parameters)]
