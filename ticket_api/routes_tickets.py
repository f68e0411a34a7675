"""Tickets over HTTP: submit, look, list, write again, rate."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response

from helpdesk.errors import NotAuthorised
from helpdesk.ports.store import IdempotencyRecord, Role, TicketFilter
from helpdesk.web.problems import problem_responses
from ticket_api.filters import TicketFilters
from ticket_api.idempotency import IDEMPOTENCY_KEY_DESCRIPTION, REPLAYED, IdempotencyKey, body_sha256
from ticket_api.parameters import IfNoneMatch, TicketId
from ticket_api.reading import read_ticket, view_for
from ticket_api.requests import GiveFeedback, WriteMessage
from ticket_api.responses import (
    AcceptedTicket,
    DeskTicket,
    DeskTicketPage,
    FeedbackView,
    PortalTicket,
    PortalTicketPage,
)
from ticket_api.routes_intake import LOCATION, accepted
from ticket_api.services import Customer, Reader, Uses, owner_of

router = APIRouter(tags=["tickets"], responses=problem_responses(400, 401, 403, 413, 422, 429, 503))


@router.get("/tickets", response_model=PortalTicketPage | DeskTicketPage)
def list_tickets(caller: Reader, services: Uses, filters: Annotated[TicketFilters, Query()]) -> Response:
    """List tickets, newest or soonest due first; a portal gets its own, and cannot ask by queue, intent or deadline."""
    asked = filters.model_fields_set & {"queue", "intent", "sla", "sort"}
    if caller.role is Role.PORTAL and asked:
        raise NotAuthorised(f"Only agents and operators may list tickets by {' or '.join(sorted(asked))}.")
    wanted = TicketFilter(owner=owner_of(caller), **filters.model_dump(exclude={"cursor", "limit", "sort"}))
    with services.store.reading() as tx:
        page = tx.list_tickets(wanted, cursor=filters.cursor, limit=filters.limit, order=filters.sort)
    kind = PortalTicketPage if caller.role is Role.PORTAL else DeskTicketPage
    return Response(kind.model_validate(page).model_dump_json(), media_type="application/json")


@router.get(
    "/tickets/{ticket_id}",
    response_model=PortalTicket | DeskTicket,
    responses={304: {"description": "The caller has this state already."}, **problem_responses(404)},
)
def show_ticket(ticket_id: TicketId, caller: Reader, services: Uses, if_none_match: IfNoneMatch = None) -> Response:
    """Show a ticket: to its portal as the customer may see it, to agents and operators with everything."""
    with services.store.reading() as tx:
        file = read_ticket(tx, ticket_id, owner=owner_of(caller))
    headers = {"ETag": file.etag, "Cache-Control": "private, no-cache"}
    if if_none_match is not None and file.etag in if_none_match:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(view_for(caller, file).model_dump_json(), headers=headers, media_type="application/json")


@router.post(
    "/tickets/{ticket_id}/messages",
    status_code=HTTPStatus.ACCEPTED,
    response_model=AcceptedTicket,
    responses={202: {"headers": LOCATION | REPLAYED}, **problem_responses(404, 409)},
    openapi_extra={"parameters": [IDEMPOTENCY_KEY_DESCRIPTION]},
)
def write_message(
    ticket_id: TicketId, body: WriteMessage, key: IdempotencyKey, caller: Customer, services: Uses
) -> Response:
    """Add what the customer wrote; it is decided again, unless a person has the ticket and sees it."""
    record = None
    if key is not None:
        record = IdempotencyRecord(
            owner=caller.name,
            key=key,
            body_sha256=body_sha256(body, ticket_id=ticket_id),
            ticket_id=ticket_id,
            created_at=services.clock(),
        )
    written = services.desk.add_customer_message(
        ticket_id,
        body.text,
        owner=owner_of(caller),
        decide_within_s=services.settings.processor.decide_within_s,
        idempotency=record,
    )
    return accepted(ticket_id, written.status, replayed=written.replayed)


@router.post(
    "/tickets/{ticket_id}/feedback",
    status_code=HTTPStatus.CREATED,
    response_model=FeedbackView,
    responses=problem_responses(404, 409),
)
def give_feedback(ticket_id: TicketId, body: GiveFeedback, caller: Customer, services: Uses) -> FeedbackView:
    """Store what the customer thought of the latest answer."""
    feedback = services.desk.add_feedback(ticket_id, owner=owner_of(caller), score=body.points, comment=body.comment)
    return FeedbackView.model_validate(feedback)
