"""Errors as pages: what happened, what to do, the request's id, and whatever was typed, so that nothing is lost."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from agent_console.access import Rule
from agent_console.forms import CSRF_FIELD
from agent_console.headers import PAGE_HEADERS
from agent_console.rendering import is_htmx, render
from helpdesk import errors
from helpdesk.logs import correlation_id
from helpdesk.web.problems import CORRELATION_HEADER, status_of

SIGN_IN = "/sign-in"
_SECRET_FIELDS = frozenset({CSRF_FIELD, "password", "new_password", "key"})
_LONG = 20

_TITLES: Mapping[int, str] = {
    400: "That could not be read",
    401: "You are signed out",
    403: "This is not open to you",
    404: "There is nothing here",
    405: "That cannot be done here",
    409: "Something changed in between",
    413: "That is too much at once",
    422: "Something does not fit",
    429: "Too many attempts",
    500: "Something went wrong on our side",
    503: "The desk cannot be reached right now",
}
_REMEDIES: Mapping[int, str] = {
    401: "Sign in again; what you wrote is kept below.",
    403: "If you need it, ask an operator for the role.",
    404: "It may have been moved, or the address is mistyped.",
    409: "Look at it as it is now, and repeat what still makes sense.",
    422: "Go back, correct it, and send it again.",
    500: "Try again. If it stays, report the request's number below.",
    503: "Nothing was changed. It is usually back within a minute: try again then.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemPage:
    """A page that says what went wrong; ``typed`` is what a form held, by field."""

    status: int
    title: str
    detail: str
    remedy: str
    typed: Sequence[tuple[str, str]] = ()
    sign_in: str = ""


async def _on_helpdesk_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.HelpdeskError)  # noqa: S101 - registered for this class only
    status, detail = status_of(type(error)), str(error)
    match error:
        case errors.NotAuthenticated():
            return await _signed_out(request)
        case errors.InvalidSetting():
            detail = "The service is misconfigured."
        case errors.TooManyRequests(retry_after_s=retry_after_s):
            return await problem_page(request, status, detail, headers=retry_after(retry_after_s))
        case errors.Unavailable():
            return await problem_page(request, status, detail, headers=retry_after(1))
    return await problem_page(request, status, detail)


async def problem_page(
    request: Request, status: int, detail: str, *, sign_in: str = "", headers: Mapping[str, str] | None = None
) -> Response:
    """Return an error as a page, with the bar of whoever is signed in where that can be found out."""
    if not hasattr(request.state, "account"):  # no route, and so no rule, was met
        with suppress(errors.HelpdeskError):
            await Rule(None)(request)
    page = ProblemPage(
        status=status,
        title=_TITLES.get(status, "This did not work"),
        detail=detail,
        remedy=_REMEDIES.get(status, ""),
        typed=await _typed(request),
        sign_in=sign_in,
    )
    return render(request, "problem.html", page, status=status, headers=headers)


def retry_after(seconds: float) -> dict[str, str]:
    """Return the header that says when to try again."""
    return {"Retry-After": str(max(1, round(seconds + 0.5)))}


async def _signed_out(request: Request) -> Response:
    """Lead to the sign-in, and back from there to the page; where a form was sent, keep what it held."""
    if request.method == "GET":
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        where = SIGN_IN if path == "/" else f"{SIGN_IN}?next={quote(path, safe='')}"
        if is_htmx(request):
            return Response(status_code=401, headers={"HX-Redirect": where})
        return RedirectResponse(where, status_code=303)
    detail = "Your session is over, so nothing was done."
    return await problem_page(request, 401, detail, sign_in=SIGN_IN)


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    first = error.errors()[0]
    return await problem_page(request, 422, f"{first['loc'][-1]}: {first['msg']}")


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    detail = {404: "Nothing is served at this address.", 405: "This address does not take such a request."}
    return await problem_page(
        request, error.status_code, detail.get(error.status_code, error.detail), headers=error.headers
    )


async def _on_unexpected(request: Request, error: Exception) -> Response:
    """Answer without details; the server that runs the app logs the traceback, with the request's number."""
    headers = {name.decode(): value.decode() for name, value in PAGE_HEADERS}
    headers |= {"Cache-Control": "no-store", CORRELATION_HEADER: correlation_id.get(), "Connection": "close"}
    return await problem_page(request, 500, "This was not foreseen, and is in the log.", headers=headers)


async def _typed(request: Request) -> list[tuple[str, str]]:
    """Return the texts of the form that was sent, where it was read: no secrets, and nothing that was only chosen."""
    form = getattr(request, "_form", None)
    if form is None:
        return []
    return [
        (name, value)
        for name, value in form.multi_items()
        if name not in _SECRET_FIELDS and isinstance(value, str) and (len(value) > _LONG or len(value.split()) > 1)
    ]


def install_problem_pages(app: FastAPI) -> None:
    """Answer every error of this app as a page."""
    app.add_exception_handler(errors.HelpdeskError, _on_helpdesk_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Exception, _on_unexpected)
