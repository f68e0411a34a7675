"""The ticket API as it is, except that what it accepts is not stored: shows what all but the store costs."""

from contextlib import closing
from dataclasses import replace

from helpdesk.ports.store import Submission
from helpdesk.settings import Settings, load_settings
from helpdesk.web.server import bind, run
from helpdesk.wiring import open_broker, open_encoder, open_knowledge, open_store
from ticket_api.app import create_app
from ticket_api.group_commit import Accepted, GroupCommit


class NotStored(GroupCommit):
    """Says that all is stored."""

    async def submit(self, submission: Submission) -> Accepted:
        return Accepted(submission.ticket.ticket_id, replayed=False)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    listener = bind(settings.ticket_api, settings.ticket_api.port, setting="HELPDESK_TICKET_API__PORT")
    with (
        closing(open_store(settings)) as store,
        closing(open_broker(settings)) as broker,
        closing(open_knowledge(settings)) as index,
    ):
        app = create_app(settings, store=store, broker=broker, index=index, encoder=open_encoder())
        app.state.services = replace(app.state.services, intake=NotStored(store))
        run(app, listener)


if __name__ == "__main__":
    serve(load_settings())
