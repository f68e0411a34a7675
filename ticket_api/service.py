"""Runs the ticket API as a process: opens what it stands on, serves, and drains when told to stop."""

import logging
from contextlib import ExitStack, closing

from helpdesk.settings import Settings
from helpdesk.web.server import bind, run
from helpdesk.wiring import open_broker, open_encoder, open_knowledge, open_predictor, open_store
from ticket_api.app import create_app

log = logging.getLogger(__name__)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; then finish the requests in flight, and return.

    Raises:
        InvalidSetting: nothing can listen at this address.
        StoreUnavailable: the database cannot be opened, or its schema is not the one that this version needs.
    """
    listener = bind(settings.ticket_api, settings.ticket_api.port, setting="HELPDESK_TICKET_API__PORT")
    with ExitStack() as stack:
        stack.enter_context(closing(listener))
        store = stack.enter_context(closing(open_store(settings)))
        broker = stack.enter_context(closing(open_broker(settings)))
        index = stack.enter_context(closing(open_knowledge(settings)))
        predictor = stack.enter_context(closing(open_predictor(settings)))
        store.check()
        encoder = open_encoder()
        app = create_app(settings, store=store, broker=broker, index=index, encoder=encoder, predictor=predictor)
        run(app, listener)
    log.info("ticket API stopped")
