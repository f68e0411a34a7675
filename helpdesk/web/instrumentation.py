"""Counts and times HTTP requests by route, and serves the metrics."""

import time
from functools import cache

from fastapi import Response
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from helpdesk.metrics import http_duration, http_requests

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class MetricsMiddleware:
    """Observes every request under its route's template; what matches no route counts as ``other``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def observing_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, observing_send)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            method = scope["method"] if scope["method"] in _METHODS else "OTHER"
            _requests(method, route, status).inc()
            _duration(route).observe(time.perf_counter() - began)


# Looking a child up by its labels costs five times what counting does.
@cache
def _requests(method: str, route: str, status: int) -> Counter:
    return http_requests.labels(method, route, str(status))


@cache
def _duration(route: str) -> Histogram:
    return http_duration.labels(route)


def metrics_response() -> Response:
    """Return every metric of this process in Prometheus' text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
