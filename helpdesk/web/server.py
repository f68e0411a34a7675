"""Runs an app on uvicorn: one line says where it listens, a port in use is a clear error, SIGTERM drains."""

import errno
import gc
import logging
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from helpdesk.errors import InvalidSetting
from helpdesk.settings import ListenerSettings

DRAIN_S = 15
BACKLOG = 2048

_logger = logging.getLogger(__name__)


def bind(settings: ListenerSettings, port: int, *, setting: str) -> socket.socket:
    """Return a listening socket; port 0 takes a free one.

    Args:
        setting: the environment name of the port, for the error.

    Raises:
        InvalidSetting: the port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        taken = error.errno == errno.EADDRINUSE
        problem = f"port {port} is in use" if taken else f"cannot listen on {settings.host}:{port}: {error.strerror}"
        raise InvalidSetting(problem, field=setting, remedy="stop the other program, or set another port") from error
    return listener


def run(app: FastAPI, listener: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests in flight, for at most ``DRAIN_S`` seconds."""
    host, port = listener.getsockname()[:2]
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_S,
    )
    _spare_the_garbage_collector()
    _logger.info("listening", extra={"url": f"http://{host}:{port}"})
    _DrainingServer(config).run(sockets=[listener])


def _spare_the_garbage_collector() -> None:
    """Take what was built at start out of every later collection: it lives as long as the process.

    Looking through it again and again took a quarter of a busy service's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


class _DrainingServer(uvicorn.Server):
    """A server for which a drained stop is a success: uvicorn's own would raise the signal again and die of it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
