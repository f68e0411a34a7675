"""Runs the ticket API as a process: opens what it stands on, serves, drains when told to stop."""

import errno
import logging
import signal
import socket
import sys
from contextlib import closing

import uvicorn

from helpdesk.settings import Settings
from helpdesk.wiring import open_broker, open_store
from ticket_api.app import create_app

log = logging.getLogger(__name__)

DRAIN_LIMIT_S = 15
BACKLOG = 2_048


def listen(host: str, port: int) -> socket.socket:
    """Return a bound socket; where that cannot be, say why and exit with status 1."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            why = "another program listens there; stop it, or set HELPDESK_TICKET_API__PORT"
        else:
            why = f"{error.strerror}; set HELPDESK_TICKET_API__HOST and HELPDESK_TICKET_API__PORT"
        sys.exit(f"The ticket API cannot listen on {host}:{port}: {why}.")
    return listener


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; then finish the requests in flight, and return."""
    host, port = settings.ticket_api.host, settings.ticket_api.port
    # uvicorn raises the signal again once it has drained: by then it must do nothing, so that we close in order.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    with (
        closing(listen(host, port)) as listener,
        closing(open_store(settings)) as store,
        closing(open_broker(settings)) as broker,
    ):
        config = uvicorn.Config(
            create_app(settings, store=store, broker=broker),
            loop="uvloop",
            http="httptools",
            ws="none",
            backlog=BACKLOG,
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=DRAIN_LIMIT_S,
        )
        log.info("ticket API listens", extra={"host": host, "port": listener.getsockname()[1]})
        uvicorn.Server(config).run(sockets=[listener])
    log.info("ticket API stopped")
