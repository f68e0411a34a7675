"""Headers that keep browsers and caches from doing more with an answer than was meant."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)
_CACHE_CONTROL = b"cache-control"
_UNCACHED = (_CACHE_CONTROL, b"no-store")


class SecurityHeadersMiddleware:
    """Adds the headers to every answer; nothing is cached unless the answer itself says how."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.get("headers", ())
                cached = any(name == _CACHE_CONTROL for name, _ in headers)
                message["headers"] = [*headers, *_ALWAYS] if cached else [*headers, *_ALWAYS, _UNCACHED]
            await send(message)

        await self._app(scope, receive, send_with_headers)
