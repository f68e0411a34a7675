"""The frame of every HTTP service: problems, correlation ids, body limits, headers, metrics and the gate."""

from collections.abc import Collection
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

from helpdesk.settings import HttpSettings
from helpdesk.web.authentication import Gate, KeyChecker
from helpdesk.web.correlation import CorrelationMiddleware
from helpdesk.web.instrumentation import MetricsMiddleware
from helpdesk.web.limits import BodyLimitMiddleware
from helpdesk.web.openapi import complete_openapi
from helpdesk.web.problems import install_problem_handlers
from helpdesk.web.rate_limit import FailureLimiter, RateLimiter
from helpdesk.web.security_headers import SecurityHeadersMiddleware

API_VERSION = "1"
_NO_TELEMETRY = TelemetryConfig(tracing=False, metrics=False, logs=False)  # its logs would hold customers' texts


class Lifespan(Protocol):
    """What runs while the app is up."""

    def __call__(self, app: Any, /) -> AbstractAsyncContextManager[None]: ...


def new_app(
    *,
    title: str,
    description: str,
    settings: HttpSettings,
    keys: KeyChecker,
    lifespan: Lifespan | None = None,
    reading_themselves: Collection[str] = (),
) -> FastAPI:
    """Return an app without routes that answers every error as problem+json and admits callers by API key.

    Args:
        reading_themselves: paths that admit their caller first, and then read and bound their bodies themselves.
    """
    app = FastAPI(title=title, description=description, version=API_VERSION, lifespan=lifespan, telemetry=_NO_TELEMETRY)
    app.state.gate = Gate(
        keys, RateLimiter(settings.requests_per_minute), FailureLimiter(settings.failed_keys_per_minute)
    )
    install_problem_handlers(app)
    complete_openapi(app)
    app.add_middleware(BodyLimitMiddleware, max_body_bytes=settings.max_body_bytes, but=reading_themselves)
    app.add_middleware(MetricsMiddleware)
    app.add_middleware(SecurityHeadersMiddleware)
    app.add_middleware(CorrelationMiddleware)  # added last: outermost, so that refusals carry the id too
    return app
