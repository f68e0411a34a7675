"""Reads a ticket with all that belongs to it, and shows it as the caller may see it."""

from dataclasses import dataclass, fields
from typing import Any

from helpdesk.corrections import Correction
from helpdesk.decisions import DecisionRecord
from helpdesk.errors import TicketNotFound
from helpdesk.ports.store import Role, Transaction
from helpdesk.tickets import Answer, ConversationMessage, Feedback, Ticket, TicketEvent
from helpdesk.web.authentication import Caller
from ticket_api.responses import DeskTicket, PortalTicket


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFile:
    """A ticket and all that belongs to it."""

    ticket: Ticket
    conversation: list[ConversationMessage]
    history: list[TicketEvent]
    decisions: list[DecisionRecord]
    answers: list[Answer]
    feedback: list[Feedback]
    corrections: list[Correction]

    @property
    def etag(self) -> str:
        """Changes with whatever a view shows: feedback, corrections and marks leave the ticket's version as it is."""
        return f'"{self.ticket.version}.{len(self.history)}"'


def read_ticket(tx: Transaction, ticket_id: str, *, owner: str | None = None) -> TicketFile:
    """Return a ticket of this owner (None: anybody's).

    Raises:
        TicketNotFound: there is none, or it is another's; the caller cannot tell which.
    """
    ticket = tx.tickets([ticket_id]).get(ticket_id)
    if ticket is None or (owner is not None and ticket.owner != owner):
        raise TicketNotFound(f"There is no ticket {ticket_id}.")
    return TicketFile(
        ticket=ticket,
        conversation=tx.conversations([ticket_id])[ticket_id],
        history=tx.events(ticket_id),
        decisions=tx.decisions(ticket_id),
        answers=tx.answers(ticket_id),
        feedback=tx.feedback(ticket_id),
        corrections=tx.corrections(ticket_id),
    )


def portal_view(file: TicketFile) -> PortalTicket:
    """Return what a customer may see: no draft, no score, no reason of the machine or of agents, no agent's name."""
    return PortalTicket.model_validate(
        {
            **_fields(file.ticket),
            "conversation": file.conversation,
            "history": file.history,
            "answers": [answer for answer in file.answers if answer.sent],
            "feedback": file.feedback,
        }
    )


def desk_view(file: TicketFile) -> DeskTicket:
    """Return everything but the entry id."""
    return DeskTicket.model_validate({**_fields(file.ticket), **_fields(file)})


def view_for(caller: Caller, file: TicketFile) -> PortalTicket | DeskTicket:
    """Return the view that the caller's role has a right to."""
    return portal_view(file) if caller.role is Role.PORTAL else desk_view(file)


def _fields(instance: Any) -> dict[str, Any]:
    return {field.name: getattr(instance, field.name) for field in fields(instance)}
