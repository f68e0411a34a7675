"""The desk over HTTP: human queues, and what an agent does with a ticket."""

from functools import partial
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Response

from helpdesk.article_feedback import ArticleSignal
from helpdesk.corrections import Correction
from helpdesk.errors import QueueEmpty
from helpdesk.ports.store import QueueSummary
from helpdesk.tickets import HUMAN_QUEUES, Ticket
from helpdesk.web.problems import problem_responses
from ticket_api.parameters import QueueName, TicketId
from ticket_api.reading import desk_view, read_ticket
from ticket_api.requests import AddNote, ClaimTicket, CorrectTicket, MarkWrong, ReplyToCustomer, TransferTicket
from ticket_api.responses import DeskTicket, QueueList, QueueView
from ticket_api.services import Agent, Services, Staff, Uses

router = APIRouter(tags=["desk"], responses=problem_responses(400, 401, 403, 413, 422, 429, 503))

_NOTHING: dict[int | str, dict[str, Any]] = {204: {"description": "Nothing waits in this queue."}}
_EMPTY = partial(QueueSummary, waiting=0, high_priority=0, claimed=0, oldest_queued_at=None)
_MISSING_OR_CONFLICT = problem_responses(404, 409)


def _shown(services: Services, changed: Ticket | Correction | ArticleSignal) -> DeskTicket:
    with services.store.reading() as tx:
        return desk_view(read_ticket(tx, changed.ticket_id))


@router.get("/queues")
def list_queues(caller: Staff, services: Uses) -> QueueList:
    """Show every human queue, the empty ones too."""
    with services.store.reading() as tx:
        found = tx.queue_summaries()
    empty = {name: _EMPTY(queue=name) for name in HUMAN_QUEUES}
    return QueueList(queues=[QueueView.model_validate(summary) for summary in (empty | found).values()])


@router.post("/queues/{name}/claim", response_model=DeskTicket, responses={**_NOTHING, **problem_responses(404)})
def claim_next(name: QueueName, agent: Agent, services: Uses) -> DeskTicket | Response:
    """Take the queue's first ticket: by priority, then deadline, then the longest waiting."""
    try:
        ticket = services.desk.claim_next(name, agent)
    except QueueEmpty:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return _shown(services, ticket)


@router.post("/tickets/{ticket_id}/claim", responses=_MISSING_OR_CONFLICT)
def claim_ticket(ticket_id: TicketId, agent: Agent, services: Uses, body: ClaimTicket | None = None) -> DeskTicket:
    """Take a ticket for the length of the lease, or renew one's own claim."""
    entry_id = body.entry_id if body else None
    return _shown(services, services.desk.claim(ticket_id, agent, entry_id=entry_id))


@router.post("/tickets/{ticket_id}/release", responses=_MISSING_OR_CONFLICT)
def release_ticket(ticket_id: TicketId, agent: Agent, services: Uses, body: AddNote | None = None) -> DeskTicket:
    """Give a claimed ticket back to its queue, where it keeps its place."""
    return _shown(services, services.desk.release(ticket_id, agent, note=body.note if body else ""))


@router.post("/tickets/{ticket_id}/transfer", responses=_MISSING_OR_CONFLICT)
def transfer_ticket(ticket_id: TicketId, agent: Agent, services: Uses, body: TransferTicket) -> DeskTicket:
    """Move a claimed ticket to another queue."""
    return _shown(services, services.desk.transfer(ticket_id, agent, queue=body.queue, note=body.note))


@router.post("/tickets/{ticket_id}/reply", responses=_MISSING_OR_CONFLICT)
def reply_to_customer(ticket_id: TicketId, agent: Agent, services: Uses, body: ReplyToCustomer) -> DeskTicket:
    """Send a person's answer. It ends the claim, so that a retry finds none and sends nothing twice."""
    return _shown(services, services.desk.reply(ticket_id, agent, body.text, resolve=body.resolve))


@router.post("/tickets/{ticket_id}/resolve", responses=_MISSING_OR_CONFLICT)
def resolve_ticket(ticket_id: TicketId, agent: Agent, services: Uses, body: AddNote | None = None) -> DeskTicket:
    """Close a ticket that the agent holds, or that was answered."""
    return _shown(services, services.desk.resolve(ticket_id, agent, note=body.note if body else ""))


@router.post("/tickets/{ticket_id}/reopen", responses=_MISSING_OR_CONFLICT)
def reopen_ticket(ticket_id: TicketId, agent: Agent, services: Uses, body: AddNote | None = None) -> DeskTicket:
    """Put a closed ticket back into a human queue."""
    return _shown(services, services.desk.reopen(ticket_id, agent, note=body.note if body else ""))


@router.post("/tickets/{ticket_id}/correct", responses=problem_responses(404))
def correct_ticket(ticket_id: TicketId, agent: Agent, services: Uses, body: CorrectTicket) -> DeskTicket:
    """Say what the customer really wanted: the ticket stays as it is, and the next training can learn from it."""
    correction = services.desk.correct(
        ticket_id, agent, intent=body.intent, known=services.intents.known(), turn=body.turn, note=body.note
    )
    return _shown(services, correction)


@router.post("/tickets/{ticket_id}/mark-wrong", responses=problem_responses(404))
def mark_article_wrong(ticket_id: TicketId, agent: Agent, services: Uses, body: MarkWrong) -> DeskTicket:
    """Say that an article behind an answer or draft is wrong: it comes later in searches until its text is changed."""
    mark = services.desk.mark_wrong(ticket_id, agent, article_id=body.article_id, note=body.note)
    return _shown(services, mark)
