"""Intake: makes of a request everything that is stored with a new ticket."""

from datetime import datetime, timedelta

from uuid_utils import uuid7

from helpdesk import envelopes
from helpdesk.ports.store import IdempotencyRecord, Submission
from helpdesk.tickets import Author, ConversationMessage, Priority, Status, Ticket, TicketEvent
from ticket_api.idempotency import body_sha256
from ticket_api.requests import SubmitTicket


def default_priority(customer_tier: str) -> Priority:
    """Return the lane of a ticket whose portal names none."""
    return Priority.HIGH if customer_tier == "enterprise" else Priority.NORMAL


def new_submission(
    request: SubmitTicket,
    *,
    owner: str,
    idempotency_key: str | None,
    correlation_id: str,
    now: datetime,
    decide_within_s: float,
) -> Submission:
    """Return a new ticket with its first message, its first event, and the message that asks for a decision."""
    ticket = Ticket(
        ticket_id=uuid7().hex,
        owner=owner,
        user=request.user,
        subject=request.subject,
        channel=request.channel,
        customer_tier=request.customer_tier,
        language=request.language,
        metadata=request.metadata,
        priority=request.priority or default_priority(request.customer_tier),
        correlation_id=correlation_id,
        deadline_at=now + timedelta(seconds=decide_within_s),
        created_at=now,
        updated_at=now,
    )
    record = None
    if idempotency_key is not None:
        record = IdempotencyRecord(
            owner=owner,
            key=idempotency_key,
            body_sha256=body_sha256(request),
            ticket_id=ticket.ticket_id,
            created_at=now,
        )
    return Submission(
        ticket=ticket,
        message=ConversationMessage(
            ticket_id=ticket.ticket_id,
            turn=1,
            author=Author.CUSTOMER,
            author_name=request.user,
            text=request.description,
            created_at=now,
        ),
        event=TicketEvent(
            ticket_id=ticket.ticket_id,
            turn=1,
            action=None,
            status=Status.RECEIVED,
            actor=Author.CUSTOMER,
            actor_name=request.user,
            reason="",
            at=now,
        ),
        envelope=envelopes.submission(ticket, at=now),
        idempotency=record,
    )
