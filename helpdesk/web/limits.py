"""Bounds on request bodies: their size, counted as they arrive, and the nesting of their JSON."""

import re
from collections.abc import Collection
from http import HTTPStatus

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from helpdesk.errors import PayloadTooLarge
from helpdesk.web.problems import error_response, problem_response

MAX_DEPTH = 32
MAX_CONTAINERS = 5_000
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")


def too_nested(body: bytes) -> bool:
    """Say whether JSON in ``body`` nests deeper, or holds more objects and lists, than any request of ours."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return False
    outside_strings = _STRING.sub(b"", body)
    if outside_strings.count(b"[") + outside_strings.count(b"{") > MAX_CONTAINERS:
        return True
    depth = 0
    for bracket in _BRACKET.finditer(outside_strings):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > MAX_DEPTH:
            return True
    return False


async def bounded_body(request: Request, limit_bytes: int) -> bytes:
    """Return the body.

    Raises:
        PayloadTooLarge: it has more bytes than the limit; the rest is not read.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit_bytes:
        raise PayloadTooLarge(int(declared), limit_bytes)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > limit_bytes:
            raise PayloadTooLarge(len(body), limit_bytes)
    return bytes(body)


class BodyLimitMiddleware:
    """Reads the whole body before the app does, and answers 413 or 400 in its place when it goes beyond the bounds.

    The parser would block the event loop, or run into Python's recursion limit, on a small body of brackets.

    Args:
        but: paths that read and bound their bodies themselves, with ``bounded_body``.
    """

    def __init__(self, app: ASGIApp, *, max_body_bytes: int, but: Collection[str] = ()) -> None:
        self._app, self._max_body_bytes, self._but = app, max_body_bytes, frozenset(but)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self._but:
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        declared = headers.get(b"content-length")
        if declared is None and b"transfer-encoding" not in headers:
            await self._app(scope, receive, send)
            return
        if declared is not None and declared.isdigit() and int(declared) > self._max_body_bytes:
            await self._refuse_size(int(declared), scope, receive, send)
            return

        body, more = bytearray(), True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return  # the client went away
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self._max_body_bytes:
                await self._refuse_size(len(body), scope, receive, send)
                return
        if too_nested(bytes(body)):
            detail = f"The body nests deeper than {MAX_DEPTH} levels, or holds more than {MAX_CONTAINERS} objects."
            response = problem_response("malformed-body", HTTPStatus.BAD_REQUEST, detail, scope["path"])
            await response(scope, receive, send)
            return

        replayed = False

        async def replay() -> Message:
            nonlocal replayed
            if replayed:
                return await receive()
            replayed = True
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        await self._app(scope, replay, send)

    async def _refuse_size(self, size_bytes: int, scope: Scope, receive: Receive, send: Send) -> None:
        response = error_response(PayloadTooLarge(size_bytes, self._max_body_bytes), scope["path"])
        await response(scope, receive, send)
