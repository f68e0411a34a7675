"""Forms: one check against forged requests for all of them, and one way to read what was posted into a type."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, get_origin

from fastapi import Request
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.datastructures import FormData

from agent_console.services import services_of
from helpdesk.errors import InvalidInput, NotAuthorised, PayloadTooLarge

CSRF_FIELD, CSRF_HEADER = "csrf_token", "X-CSRF-Token"
_MAX_FIELDS = 200
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_STALE = "This form is too old, or was not sent from this page. Reload the page, and send it again."


class Form(BaseModel):
    """The base of what a form posts; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


AnyForm = TypeVar("AnyForm", bound=Form)


async def guard(request: Request) -> None:
    """Let a request that changes something pass only if it comes from a page of ours, in this very visit.

    Raises:
        NotAuthorised: another site sent it, or its token is missing, wrong, or of another visit.
        PayloadTooLarge: the body goes beyond the bound.
    """
    if request.method in _SAFE_METHODS:
        return
    if not _is_from_here(request):
        raise NotAuthorised("Another site sent this request. Nothing was done.")
    services = services_of(request)
    limit = services.settings.agent_console.max_body_bytes
    size = request.headers.get("content-length", "")
    if not size.isdigit() or int(size) > limit:
        raise PayloadTooLarge(int(size) if size.isdigit() else limit + 1, limit)
    form = await request.form(max_files=0, max_fields=_MAX_FIELDS, max_part_size=limit)
    token = request.headers.get(CSRF_HEADER) or form.get(CSRF_FIELD, "")
    if not services.cookies.is_csrf_token(request, str(token)):
        raise NotAuthorised(_STALE)


def posted(model: type[AnyForm]) -> Callable[[Request], Coroutine[Any, Any, AnyForm]]:
    """Return a dependency that reads the form: ``Annotated[ReplyForm, Depends(posted(ReplyForm))]``.

    A field of a tuple takes every value of its name, others the last. It raises InvalidInput for the first that does
    not fit.
    """
    several = {name for name, field in model.model_fields.items() if get_origin(field.annotation) is tuple}

    async def read(request: Request) -> AnyForm:
        form = await request.form()
        names = set(form) - {CSRF_FIELD}
        values = {name: _texts(form, name) if name in several else _texts(form, name)[-1] for name in names}
        try:
            return model.model_validate(values)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise InvalidInput(first["msg"], field=str(first["loc"][0]) if first["loc"] else "") from None

    return read


def _texts(form: FormData, name: str) -> list[str]:
    """Return the values of a field, with the line ends that everything else here has."""
    return [value.replace("\r\n", "\n") for value in form.getlist(name) if isinstance(value, str)]


def _is_from_here(request: Request) -> bool:
    """Say what the browser says of the request's origin: a second line, behind the token."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2] == request.headers.get("host")
