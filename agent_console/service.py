"""Runs the desk as a process: opens what it stands on, serves, and drains when told to stop."""

import logging
from contextlib import ExitStack, closing

from agent_console.app import create_app
from helpdesk.settings import Settings
from helpdesk.web.server import bind, run
from helpdesk.wiring import open_broker, open_store

log = logging.getLogger(__name__)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; then finish the requests in flight, and return.

    Raises:
        InvalidSetting: nothing can listen at this address, or the secret is too short.
        StoreUnavailable: the database cannot be opened, or its schema is not the one that this version needs.
    """
    listener = bind(settings.agent_console, settings.agent_console.port, setting="HELPDESK_AGENT_CONSOLE__PORT")
    with ExitStack() as stack:
        stack.enter_context(closing(listener))
        store = stack.enter_context(closing(open_store(settings)))
        broker = stack.enter_context(closing(open_broker(settings)))
        store.check()
        run(create_app(settings, store=store, broker=broker), listener)
    log.info("agent console stopped")
