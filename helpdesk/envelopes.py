"""Builds the envelopes that go through the outbox."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from uuid_utils import UUID, uuid5

from helpdesk.messages import TicketRouted, TicketSubmitted, encode
from helpdesk.ports.broker import Envelope, human, lane
from helpdesk.tickets import Answer, Author, ConversationMessage, Ticket

_NAMESPACE = UUID("6f1d1c9e-3c55-4d5c-9f57-0b6a35f0a7c1")


def submission_id(ticket_id: str, turn: int) -> str:
    """Return the message id of a turn: the same however often the turn is published."""
    return uuid5(_NAMESPACE, f"{ticket_id}/{turn}").hex


def submission(ticket: Ticket, *, at: datetime) -> Envelope:
    """Return the envelope that asks a worker to decide the ticket's present turn."""
    message = TicketSubmitted(
        ticket_id=ticket.ticket_id,
        turn=ticket.turn,
        priority=ticket.priority,
        correlation_id=ticket.correlation_id,
        submitted_at=at,
    )
    return Envelope(
        message_id=submission_id(ticket.ticket_id, ticket.turn),
        destination=lane(ticket.priority),
        body=encode(message),
        priority=ticket.priority,
        correlation_id=ticket.correlation_id,
    )


def new_entry_id() -> str:
    """Return the id of a new entry in a human queue; it cannot be guessed, for it is what proves possession."""
    return uuid.uuid4().hex


def queue_entry(
    ticket: Ticket, conversation: Sequence[ConversationMessage], *, draft: Answer | None = None
) -> Envelope:
    """Return the envelope that puts a waiting ticket into its human queue.

    Raises:
        ValueError: the ticket has no queue, entry id or queueing time.
    """
    if ticket.queue is None or ticket.entry_id is None or ticket.queued_at is None:
        raise ValueError(f"ticket {ticket.ticket_id} waits in no queue")
    message = TicketRouted(
        entry_id=ticket.entry_id,
        ticket_id=ticket.ticket_id,
        turn=ticket.turn,
        queue=ticket.queue,
        reason=ticket.queue_reason,
        priority=ticket.priority,
        correlation_id=ticket.correlation_id,
        user=ticket.user,
        subject=ticket.subject,
        text=_text(conversation),
        intent=ticket.intent,
        confidence=ticket.confidence,
        sentiment=ticket.sentiment,
        draft=draft.text if draft is not None else None,
        draft_turn=draft.turn if draft is not None else None,
        routed_at=ticket.queued_at,
    )
    return Envelope(
        message_id=ticket.entry_id,
        destination=human(ticket.queue),
        body=encode(message),
        priority=ticket.priority,
        correlation_id=ticket.correlation_id,
    )


def _text(conversation: Sequence[ConversationMessage]) -> str:
    """Return what the customer wrote last; where that follows the machine's question, with what led to it."""
    last = next((at for at in reversed(range(len(conversation))) if conversation[at].author is Author.CUSTOMER), None)
    if last is None:
        return ""
    follows_question = last >= 2 and conversation[last - 1].is_question
    return "\n\n".join(message.text for message in conversation[last - 2 if follows_question else last : last + 1])
