"""A FastAPI that does nothing, on the ticket API's own uvicorn settings: the ceiling of what intake could reach.

``/documented`` reads and writes its bodies in the way of FastAPI's documentation; ``/by-hand`` as the ticket API does,
which is faster: the whole body straight into the model, and a ready response.
"""

import uuid

from fastapi import FastAPI, Request, Response

from helpdesk.settings import load_settings
from helpdesk.tickets import Status
from helpdesk.web.server import bind, run
from ticket_api.requests import SubmitTicket
from ticket_api.responses import AcceptedTicket


def create_app() -> FastAPI:
    """Return the app."""
    app = FastAPI()

    @app.post("/documented", status_code=202)
    async def documented(body: SubmitTicket) -> AcceptedTicket:
        return _accepted(body)

    @app.post("/by-hand")
    async def by_hand(request: Request) -> Response:
        accepted = _accepted(SubmitTicket.model_validate_json(await request.body()))
        return Response(accepted.model_dump_json(), 202, media_type="application/json")

    return app


def _accepted(_: SubmitTicket) -> AcceptedTicket:
    ticket_id = uuid.uuid4().hex
    return AcceptedTicket(ticket_id=ticket_id, status=Status.RECEIVED, status_url=f"/tickets/{ticket_id}")


if __name__ == "__main__":
    settings = load_settings()
    run(create_app(), bind(settings.ticket_api, settings.ticket_api.port, setting="HELPDESK_TICKET_API__PORT"))
