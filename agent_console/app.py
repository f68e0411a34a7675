"""Builds the desk from its parts."""

from fastapi import Depends, FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.middleware.gzip import GZipMiddleware

from agent_console.access import require_rules
from agent_console.cookies import Cookies
from agent_console.forms import guard
from agent_console.guesses import Guesses
from agent_console.headers import PAGE_HEADERS
from agent_console.pages import me, operations, people, queues, sign_in, tickets
from agent_console.problems import install_problem_pages
from agent_console.rendering import environment
from agent_console.secret import signing_secret
from agent_console.services import Services
from agent_console.static_files import StaticFiles
from helpdesk.accounts import Passwords, Roster, SignIn
from helpdesk.clock import Clock, utc_now
from helpdesk.desk import Desk
from helpdesk.ports.broker import Broker
from helpdesk.ports.store import Store
from helpdesk.settings import Settings
from helpdesk.web.correlation import CorrelationMiddleware
from helpdesk.web.instrumentation import MetricsMiddleware
from helpdesk.web.security_headers import SecurityHeadersMiddleware

_NO_TELEMETRY = TelemetryConfig(tracing=False, metrics=False, logs=False)  # its logs would hold customers' texts
_COMPRESSION = 6


def create_app(
    settings: Settings,
    *,
    store: Store,
    broker: Broker,
    passwords: Passwords | None = None,
    clock: Clock = utc_now,
) -> FastAPI:
    """Return the desk over its open parts, which the caller closes after the app has stopped.

    Raises:
        InvalidSetting: the configured secret is too short.
    """
    app = FastAPI(
        title="Helpdesk desk",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(guard)],
        telemetry=_NO_TELEMETRY,
    )
    passwords = passwords or Passwords()
    console = settings.agent_console
    app.state.services = Services(
        settings=settings,
        store=store,
        broker=broker,
        desk=Desk(store, broker, claim_lease_s=settings.ticket_api.claim_lease_s, clock=clock),
        roster=Roster(store, passwords, clock=clock),
        sign_in=SignIn(store, passwords, console, clock=clock),
        guesses=Guesses(console),
        cookies=Cookies(signing_secret(console, store), session_s=console.session_s),
        static=StaticFiles(),
        clock=clock,
    )
    for pages in (operations, sign_in, me, queues, tickets, people):
        app.include_router(pages.router)
    require_rules(app)
    environment()
    install_problem_pages(app)
    app.add_middleware(MetricsMiddleware)
    app.add_middleware(GZipMiddleware, compresslevel=_COMPRESSION)
    app.add_middleware(SecurityHeadersMiddleware, more=PAGE_HEADERS)
    app.add_middleware(CorrelationMiddleware)  # added last: outermost, so that refusals carry the id too
    return app
