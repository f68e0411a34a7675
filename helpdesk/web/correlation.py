"""Correlation ids over HTTP: taken from the caller where usable, else made, and returned with every response."""

import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils import uuid7

from helpdesk.logs import correlation_id

HEADER = b"x-correlation-id"
_USABLE = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")


class CorrelationMiddleware:
    """Sets ``helpdesk.logs.correlation_id`` for the request.

    It is not reset afterwards: the server runs each request in a context of its own, and logs an unexpected
    error after the app has returned.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == HEADER), b"")
        identifier = given if _USABLE.fullmatch(given) else uuid7().hex.encode()
        correlation_id.set(identifier.decode())

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (HEADER, identifier)]
            await send(message)

        await self._app(scope, receive, send_with_id)
