"""Headers that keep browsers and caches from doing more with an answer than was meant."""

from collections.abc import Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)
_CACHE_CONTROL = b"cache-control"
_UNCACHED = (_CACHE_CONTROL, b"no-store")


class SecurityHeadersMiddleware:
    """Adds the headers to every answer; nothing is cached unless the answer itself says how.

    Args:
        more: headers to add to these, or to send in their place.
    """

    def __init__(self, app: ASGIApp, *, more: Sequence[tuple[bytes, bytes]] = ()) -> None:
        self._app = app
        self._headers = tuple({**dict(_ALWAYS), **dict(more)}.items())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.get("headers", ())
                cached = any(name == _CACHE_CONTROL for name, _ in headers)
                message["headers"] = [*headers, *self._headers] if cached else [*headers, *self._headers, _UNCACHED]
            await send(message)

        await self._app(scope, receive, send_with_headers)
