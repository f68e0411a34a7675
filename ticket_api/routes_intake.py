"""Submitting a ticket: the one endpoint that takes the load."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute
from starlette.routing import request_response

from helpdesk.failpoints import failpoint
from helpdesk.logs import correlation_id
from helpdesk.tickets import Status
from helpdesk.web.authentication import SCHEME, Gate
from helpdesk.web.problems import problem_responses
from ticket_api.bodies import body_description, read_body
from ticket_api.idempotency import IDEMPOTENCY_KEY_DESCRIPTION, REPLAYED, idempotency_key
from ticket_api.intake import new_submission
from ticket_api.requests import SubmitTicket
from ticket_api.responses import AcceptedTicket
from ticket_api.services import CUSTOMER_ROLES, Services

LOCATION = {"Location": {"description": "Where its status is shown.", "schema": {"type": "string"}}}


class _PlainRoute(APIRoute):
    """A route that is documented as any other, and whose endpoint is given the request and nothing else.

    What FastAPI does around an endpoint costs more than everything that ours does.

    Attributes:
        roles: whom the endpoint admits; it asks the gate by itself, for the route resolves no dependencies.
    """

    roles = CUSTOMER_ROLES

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.app = request_response(self.endpoint)


async def submit_ticket(request: Request) -> Response:
    """Accept a ticket: once this answers 202 the ticket is on disk, and will be answered or reach a person."""
    services: Services = request.app.state.services
    gate: Gate = request.app.state.gate
    caller = await gate.admit(request, _PlainRoute.roles)
    key = idempotency_key(request)
    submission = new_submission(
        await read_body(request, SubmitTicket),
        owner=caller.name,
        idempotency_key=key,
        correlation_id=correlation_id.get(),
        now=services.clock(),
        decide_within_s=services.settings.processor.decide_within_s,
    )
    stored = await services.intake.submit(submission)
    failpoint("intake.after_commit_before_reply")
    return accepted(stored.ticket_id, Status.RECEIVED, replayed=stored.replayed)


def accepted(ticket_id: str, status: Status, *, replayed: bool = False) -> Response:
    """Return the 202 of what is on disk."""
    status_url = f"/tickets/{ticket_id}"
    headers = {"Location": status_url}
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    body = AcceptedTicket(ticket_id=ticket_id, status=status, status_url=status_url).model_dump_json()
    return Response(body, HTTPStatus.ACCEPTED, headers, media_type="application/json")


def add_intake(app: FastAPI) -> None:
    """Add ``POST /tickets`` to the app."""
    app.router.add_api_route(
        "/tickets",
        submit_ticket,
        methods=["POST"],
        status_code=HTTPStatus.ACCEPTED,
        tags=["tickets"],
        response_model=AcceptedTicket,
        responses={
            202: {"headers": LOCATION | REPLAYED},
            **problem_responses(400, 401, 403, 409, 413, 422, 429, 503),
        },
        route_class_override=_PlainRoute,
        openapi_extra={
            "security": [{SCHEME: []}],
            "parameters": [IDEMPOTENCY_KEY_DESCRIPTION],
            "requestBody": body_description(SubmitTicket),
        },
    )
