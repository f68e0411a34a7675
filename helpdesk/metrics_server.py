"""Serves ``/metrics`` and ``/health`` for a process that has no HTTP of its own."""

import json
import logging
import socket
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Self

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from helpdesk.dependencies import Check, Dependencies

log = logging.getLogger(__name__)

READ_LIMIT_S = 5.0


class _Pages(BaseHTTPRequestHandler):
    """The two pages. They need no key: no label names a customer, and the server listens on loopback by default."""

    server: "MetricsServer"
    timeout = READ_LIMIT_S

    def do_GET(self) -> None:
        match self.path.partition("?")[0]:
            case "/metrics":
                self._answer(HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest())
            case "/health":
                body = {"status": "ok", "dependencies": self.server.dependencies.states()}
                self._answer(HTTPStatus.OK, "application/json", json.dumps(body).encode())
            case _:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"There are /metrics and /health.\n")

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that it overrides
        """Log nothing: a scrape every few seconds tells nobody anything."""


class MetricsServer(socketserver.ThreadingTCPServer):
    """Listens from the start; answers between ``__enter__`` and ``__exit__``.

    Raises:
        OSError: nothing can listen at this address.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, host: str, port: int, dependencies: Dependencies) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.dependencies = dependencies
        super().__init__((host, port), _Pages)
        self._thread = threading.Thread(target=self.serve_forever, name="metrics", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Let a client go that hangs up before its answer."""


@contextmanager
def observed(host: str, port: int, checks: Mapping[str, Check], *, setting: str) -> Iterator[None]:
    """Serve the pages while the block runs; at port 0 nothing is served.

    Tickets matter more than their metrics: where the port cannot be had, an error is logged and the block runs.

    Args:
        checks: what the process stands on.
        setting: the environment name of the port, for the error.
    """
    if port == 0:
        yield
        return
    dependencies = Dependencies(checks)
    try:
        server = MetricsServer(host, port, dependencies)
    except OSError as error:
        problem = f"cannot listen on {host}:{port}: {error.strerror}"
        remedy = f"stop the other program, or set {setting} to another port, or to 0"
        log.error("metrics are not served", extra={"problem": problem, "remedy": remedy})
        yield
        return
    with server, dependencies:
        log.info("metrics are served", extra={"url": f"http://{host}:{port}/metrics"})
        yield
