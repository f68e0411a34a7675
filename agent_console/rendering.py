"""The one way to render: a template and the typed context of its page; and the one way on after a form."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from agent_console import wording
from agent_console.cookies import Flash
from agent_console.forms import CSRF_FIELD, CSRF_HEADER
from agent_console.navigation import places_of
from agent_console.services import services_of
from helpdesk.logs import correlation_id
from helpdesk.people import Account, Theme
from helpdesk.tickets import HUMAN_QUEUES

TEMPLATES = Path(__file__).resolve().parent / "templates"


@dataclass(frozen=True, slots=True)
class Choice:
    """One entry of a list to choose from."""

    value: str
    label: str


@cache
def environment() -> Environment:
    """Return the templates' environment: everything is escaped, and a name that is missing is an error."""
    templates = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for function in (wording.relative, wording.age, wording.absolute, wording.percent, wording.words, wording.mood):
        templates.filters[function.__name__] = function
    templates.filters["safe_link"] = wording.safe_link
    templates.globals |= {"CSRF_FIELD": CSRF_FIELD, "CSRF_HEADER": CSRF_HEADER, "HUMAN_QUEUES": HUMAN_QUEUES}
    templates.globals["ui"] = templates.get_template("macros.html").module  # also where one block alone is rendered
    for name in templates.list_templates():
        templates.get_template(name)  # compiled now, so that a mistake shows at the start and no visitor waits
    return templates


def render(
    request: Request,
    template: str,
    page: object,
    *,
    status: int = 200,
    fragment: str = "",
    headers: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """Return a page.

    Args:
        template: its path below ``templates``, such as ``queues/index.html``.
        page: the context, a dataclass; the template reads ``page.…`` and nothing else of its own.
        fragment: the block that htmx gets in place of the whole page, when it asks (empty: the whole page).
    """
    services = services_of(request)
    account: Account | None = getattr(request.state, "account", None)
    is_whole = not fragment or not is_htmx(request)
    flash = services.cookies.flashed(request) if is_whole else None
    context: dict[str, Any] = {
        "page": page,
        "account": account,
        "places": places_of(account) if account is not None else [],
        "theme": account.theme if account is not None else Theme.AUTO,
        "path": request.url.path,
        "csrf_token": services.cookies.csrf_token(request),
        "flash": flash,
        "static": services.static.url,
        "request_id": correlation_id.get(),
    }
    found = environment().get_template(template)
    html = found.render(context) if is_whole else "".join(found.blocks[fragment](found.new_context(context)))
    response = HTMLResponse(html, status, headers={"Vary": "HX-Request", **(headers or {})})
    services.cookies.keep_visit(request, response)
    if flash is not None:
        services.cookies.forget_flash(request, response)
    return response


def go_on(request: Request, path: str, *, done: str = "", problem: str = "") -> RedirectResponse:
    """Return the redirect that follows a form, with a sentence for the page that comes next."""
    response = RedirectResponse(path, status_code=303)
    if done or problem:
        flash = Flash("problem", problem) if problem else Flash("done", done)
        services_of(request).cookies.flash(request, response, flash)
    return response


def is_htmx(request: Request) -> bool:
    """Say whether htmx asks for a part of a page that is on screen."""
    return request.headers.get("hx-request") == "true" and "hx-history-restore-request" not in request.headers
