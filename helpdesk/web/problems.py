"""Errors as RFC 9457 problem+json: every leaf of ``helpdesk.errors`` has one status and one type."""

import json
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match

from helpdesk import errors
from helpdesk.logs import correlation_id

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:helpdesk:problem:"
MAX_FIELD_ERRORS = 20
MAX_FIELD_CHARACTERS = 120
CORRELATION_HEADER = "X-Correlation-ID"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

STATUS_OF: Mapping[type[errors.HelpdeskError], HTTPStatus] = {
    errors.InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InvalidSetting: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.PayloadTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.NotAuthenticated: HTTPStatus.UNAUTHORIZED,
    errors.NotAuthorised: HTTPStatus.FORBIDDEN,
    errors.TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    errors.PredictionFailed: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Status by branch; a leaf takes its nearest ancestor's."""

_REMEDIES: Mapping[str, str] = {
    "missing": "add the field",
    "extra_forbidden": "remove the field",
    "string_type": "send text in quotes",
    "string_too_short": "send at least {min_length} character(s)",
    "string_too_long": "send at most {max_length} characters",
    "string_unicode": "send valid Unicode, without lone surrogates",
    "too_short": "send at least {min_length} item(s)",
    "too_long": "send at most {max_length} items",
    "string_pattern_mismatch": "match the pattern {pattern}",
    "int_type": "send a whole number",
    "int_parsing": "send a whole number",
    "bool_type": "send true or false",
    "datetime_from_date_parsing": "send a time as in 2026-03-02T12:00:00Z",
    "timezone_aware": "add the time zone, as in 2026-03-02T12:00:00Z",
    "list_type": "send a list",
    "dict_type": "send an object",
    "model_type": "send an object",
    "model_attributes_type": "send a JSON object, with Content-Type: application/json",
    "enum": "send one of {expected}",
    "literal_error": "send one of {expected}",
    "greater_than_equal": "send {ge} or more",
    "less_than_equal": "send {le} or less",
}


class FieldProblem(BaseModel):
    """What is wrong with one field, and what to do about it."""

    field: str = Field(description="Dotted path of the field; empty for the whole body.")
    problem: str
    remedy: str


class Problem(BaseModel):
    """An RFC 9457 problem."""

    type: str = Field(description="A stable URN that names the kind of problem.")
    title: str
    status: int
    detail: str
    instance: str = Field(description="The path that was asked for.")
    correlation_id: str = Field(description="Quote it when you report the problem; every log line carries it.")
    errors: list[FieldProblem] | None = Field(default=None, description="The fields that are wrong, if any.")


def status_of(error: type[errors.HelpdeskError]) -> HTTPStatus:
    """Return the status of an error class.

    Raises:
        KeyError: no class that it derives from is mapped.
    """
    for ancestor in error.__mro__:
        if ancestor in STATUS_OF:
            return STATUS_OF[ancestor]
    raise KeyError(error.__name__)


def slug_of(error: type[errors.HelpdeskError]) -> str:
    """Return the last part of the problem's type, such as ``ticket-not-found``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", error.__name__).lower()


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return a ``responses=`` argument that declares these statuses as problems."""
    return {status: {"model": Problem, "description": HTTPStatus(status).phrase} for status in statuses}


def problem_response(
    slug: str,
    status: int,
    detail: str,
    path: str,
    *,
    fields: Sequence[FieldProblem] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return one problem as a response."""
    body: dict[str, Any] = {
        "type": TYPE_PREFIX + slug,
        "title": slug.replace("-", " ").capitalize(),
        "status": status,
        "detail": detail,
        "instance": quote(path),
        "correlation_id": correlation_id.get(),
    }
    if fields:
        body["errors"] = [field.model_dump() for field in fields]
    # ASCII escapes, because a field's name may hold a lone surrogate, which UTF-8 cannot carry.
    content = json.dumps(body, ensure_ascii=True)
    return Response(content, status, headers=dict(headers) if headers else None, media_type=MEDIA_TYPE)


def error_response(error: errors.HelpdeskError, path: str) -> Response:
    """Return one of our own errors as a response."""
    status, headers, fields = status_of(type(error)), {}, None
    detail = str(error)
    match error:
        case errors.InvalidSetting():
            detail = "The service is misconfigured."
        case errors.ArticlesRefused(problems=problems) | errors.PolicyRefused(problems=problems):
            fields = [
                FieldProblem(field=place[:MAX_FIELD_CHARACTERS], problem=problem, remedy=remedy)
                for place, problem, remedy in problems[:MAX_FIELD_ERRORS]
            ]
        case errors.InvalidInput(problem=problem, field=field, remedy=remedy):
            fields = [FieldProblem(field=field, problem=problem, remedy=remedy)]
        case errors.NotAuthenticated():
            headers["WWW-Authenticate"] = 'Bearer realm="helpdesk"'
        case errors.TooManyRequests(retry_after_s=retry_after_s):
            headers["Retry-After"] = str(max(1, round(retry_after_s + 0.5)))
        case errors.Unavailable():
            headers["Retry-After"] = "1"
    return problem_response(slug_of(type(error)), status, detail, path, fields=fields, headers=headers)


def _field_problem(error: Mapping[str, Any]) -> FieldProblem:
    location = [str(part) for part in error["loc"]]
    if location and location[0] in ("body", "query", "path", "header"):
        del location[0]
    context = error.get("ctx", {})
    # A validator of our own brings its remedy along.
    remedy = context.get("remedy") or _REMEDIES.get(error["type"], "see the OpenAPI description")
    return FieldProblem(
        field=".".join(location)[:MAX_FIELD_CHARACTERS],
        problem=error["msg"],
        remedy=remedy.format_map(context) if "{" not in remedy or context else "see the OpenAPI description",
    )


def _on_helpdesk_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.HelpdeskError)  # noqa: S101 - registered for this class only
    return error_response(error, request.url.path)


def _on_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    found = error.errors()
    path = request.url.path
    if found and found[0]["type"] == "json_invalid":
        reason = found[0].get("ctx", {}).get("error", "")
        detail = f"The body is not valid JSON: {reason} at character {found[0]['loc'][-1]}."
        return problem_response("malformed-body", HTTPStatus.BAD_REQUEST, detail, path)
    fields = [_field_problem(item) for item in found[:MAX_FIELD_ERRORS]]
    detail = "; ".join(f"{item.field or 'body'}: {item.problem}" for item in fields[:3])
    if len(found) > 3:
        detail += f"; and {len(found) - 3} more"
    return problem_response("invalid-input", HTTPStatus.UNPROCESSABLE_ENTITY, detail, path, fields=fields)


def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    path = request.url.path
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            slug, detail = "no-such-path", "Nothing is served at this path; /openapi.json lists what is."
        case HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = ", ".join(_methods_served(request))
            slug, detail = "method-not-allowed", f"{request.method} is not served here; use {allowed}."
            return problem_response(slug, error.status_code, detail, path, headers={"Allow": allowed})
        case HTTPStatus.BAD_REQUEST:
            slug, detail = "malformed-body", "The body could not be read: it must be JSON in UTF-8."
        case status:
            slug, detail = HTTPStatus(status).phrase.lower().replace(" ", "-"), error.detail
    return problem_response(slug, error.status_code, detail, path, headers=error.headers)


def _methods_served(request: Request) -> list[str]:
    """Return every method of this path: a route knows only its own, and one path may have several routes."""
    scopes = ({**request.scope, "method": method} for method in METHODS)
    routes = request.app.router.routes
    return [scope["method"] for scope in scopes if any(route.matches(scope)[0] is Match.FULL for route in routes)]


def _on_unexpected(request: Request, error: Exception) -> Response:
    """Answer without details; the server that runs the app logs the traceback, with the correlation id."""
    detail = "Something went wrong on our side; report it with the correlation id."
    # The server drops the connection after an unexpected error; unannounced, a caller's next request would fail on it.
    headers = {CORRELATION_HEADER: correlation_id.get(), "Connection": "close"}
    return problem_response("internal-error", 500, detail, request.url.path, headers=headers)


def install_problem_handlers(app: FastAPI) -> None:
    """Answer every error of this app as problem+json."""
    app.add_exception_handler(errors.HelpdeskError, _on_helpdesk_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Exception, _on_unexpected)
