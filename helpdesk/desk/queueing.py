"""How a ticket comes to wait in a human queue, and how each step enters the history."""

from datetime import datetime

from helpdesk import envelopes
from helpdesk.ports.store import Transaction
from helpdesk.tickets import Action, Answer, Author, ConversationMessage, Ticket, TicketEvent


def event(
    ticket: Ticket, action: Action | None, *, actor: Author, name: str, reason: str = "", **details: object
) -> TicketEvent:
    """Return the history entry of what just led to ``ticket``."""
    return TicketEvent(
        ticket_id=ticket.ticket_id,
        turn=ticket.turn,
        action=action,
        status=ticket.status,
        actor=actor,
        actor_name=name,
        reason=reason,
        at=ticket.updated_at,
        details=details,
    )


def waiting(ticket: Ticket, action: Action, *, queue: str, reason: str, at: datetime) -> Ticket:
    """Return the ticket as it waits in a human queue after ``action``.

    A ticket that comes back to its queue keeps its place in it; one that moves starts anew.
    """
    comes_back = action in {Action.RELEASE, Action.EXPIRE, Action.REOFFER}
    return ticket.after(
        action,
        at=at,
        queue=queue,
        queue_reason=reason,
        queued_at=(ticket.queued_at if comes_back else None) or at,
        entry_id=envelopes.new_entry_id(),
        claimed_by=None,
        claimed_until=None,
    )


def enqueue(
    tx: Transaction, ticket: Ticket, action: Action, *, queue: str, reason: str, at: datetime, actor: Author, name: str
) -> Ticket:
    """Put the ticket into a human queue: row, history and outbox, within the caller's transaction."""
    [queued] = tx.save([waiting(ticket, action, queue=queue, reason=reason, at=at)])
    tx.add_events([event(queued, action, actor=actor, name=name, reason=reason, queue=queue)])
    conversation = tx.conversations([ticket.ticket_id])[ticket.ticket_id]
    entry = envelopes.queue_entry(queued, conversation, draft=_latest_draft(tx, queued))
    tx.add_outbox([(ticket.ticket_id, entry)], at=at)
    return queued


def _latest_draft(tx: Transaction, ticket: Ticket) -> Answer | None:
    """Return what was written last and not sent, in whichever turn; an answer that was sent leaves no draft behind."""
    written = tx.answers(ticket.ticket_id)
    return written[-1] if written and not written[-1].sent else None


def message(ticket: Ticket, author: Author, name: str, text: str, at: datetime) -> ConversationMessage:
    """Return what somebody just wrote in the ticket's present turn."""
    return ConversationMessage(
        ticket_id=ticket.ticket_id, turn=ticket.turn, author=author, author_name=name, text=text, created_at=at
    )
