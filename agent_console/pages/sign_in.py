"""Signing in by password, API key or one-time link, and signing out."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from agent_console.access import Anybody
from agent_console.forms import Form, posted
from agent_console.navigation import home_of, safe_next
from agent_console.problems import SIGN_IN, retry_after
from agent_console.rendering import go_on, render
from agent_console.services import Services, Uses
from helpdesk.errors import NotAuthenticated, TooManyRequests

router = APIRouter()


class PasswordForm(Form):
    """A name and its password."""

    name: str = ""
    password: str = ""
    next: str = ""


class KeyForm(Form):
    """An API key."""

    key: str = ""
    next: str = ""


class LinkForm(Form):
    """Only the press of the button: mail scanners and previews open links, but press none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInPage:
    """The sign-in: ``with_key`` shows the form for a key, ``next`` is where it leads afterwards."""

    next: str = ""
    name: str = ""
    with_key: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPage:
    """The page that a one-time link opens."""

    token: str


@router.get(SIGN_IN)
async def show_sign_in(request: Request, account: Anybody, next: str = "", key: bool = False) -> Response:  # noqa: A002
    """Show the sign-in; who is in already goes on."""
    if account is not None:
        return go_on(request, safe_next(next) or home_of(account))
    return render(request, "sign_in/index.html", SignInPage(next=safe_next(next), with_key=key))


@router.post(SIGN_IN)
async def sign_in(
    request: Request, services: Uses, _: Anybody, form: Annotated[PasswordForm, Depends(posted(PasswordForm))]
) -> Response:
    """Let somebody in by name and password."""
    page = SignInPage(next=safe_next(form.next), name=form.name)
    return await _try(
        request, services, page, lambda: services.sign_in.with_password(form.name, form.password), name=form.name
    )


@router.post(f"{SIGN_IN}/key")
async def sign_in_with_key(
    request: Request, services: Uses, _: Anybody, form: Annotated[KeyForm, Depends(posted(KeyForm))]
) -> Response:
    """Let somebody in by an API key."""
    page = SignInPage(next=safe_next(form.next), with_key=True)
    return await _try(request, services, page, lambda: services.sign_in.with_key(form.key.strip()))


@router.get(f"{SIGN_IN}/link/{{token}}")
async def show_link(request: Request, token: str, _: Anybody) -> Response:
    """Show the button that uses a one-time link up."""
    return render(request, "sign_in/link.html", LinkPage(token=token))


@router.post(f"{SIGN_IN}/link/{{token}}")
async def sign_in_with_link(
    request: Request,
    token: str,
    services: Uses,
    _: Anybody,
    form: Annotated[LinkForm, Depends(posted(LinkForm))],
) -> Response:
    """Let somebody in by a one-time link, and on to choosing a password."""
    return await _try(request, services, SignInPage(next="/me"), lambda: services.sign_in.with_link(token))


@router.post("/sign-out")
async def sign_out(request: Request, services: Uses, _: Anybody) -> Response:
    """End this session."""
    await asyncio.to_thread(services.sign_in.sign_out, services.cookies.visit(request).token)
    response = go_on(request, SIGN_IN, done="You are signed out.")
    services.cookies.leave(request, response)
    return response


async def _try(
    request: Request, services: Services, page: SignInPage, enter: Callable[[], str], *, name: str = ""
) -> Response:
    """Begin a session under a new id, or show the sign-in again with the reason."""
    address = request.client.host if request.client is not None else ""
    try:
        with services.guesses.guess(name, address):
            token = await asyncio.to_thread(enter)
    except NotAuthenticated as error:
        return _refused(request, page, str(error), 401, {})
    except TooManyRequests as error:
        return _refused(request, page, str(error), 429, retry_after(error.retry_after_s))
    await asyncio.to_thread(services.sign_in.sign_out, services.cookies.visit(request).token)
    response = go_on(request, page.next or "/")
    services.cookies.enter(request, response, token)
    return response


def _refused(request: Request, page: SignInPage, why: str, status: int, headers: dict[str, str]) -> Response:
    again = SignInPage(next=page.next, name=page.name, with_key=page.with_key, problem=why)
    return render(request, "sign_in/index.html", again, status=status, headers=headers)
