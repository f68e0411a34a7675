"""The own page of whoever is signed in: theme, password, and all sessions."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from agent_console.access import SignedIn
from agent_console.forms import Form, posted
from agent_console.problems import SIGN_IN
from agent_console.rendering import go_on, render
from agent_console.services import Uses
from helpdesk.accounts.passwords import MIN_CHARACTERS
from helpdesk.accounts.sign_in import token_sha256
from helpdesk.errors import InvalidInput, NotAuthorised
from helpdesk.people import Account, Theme

router = APIRouter()

_OF_A_KEY = "You are signed in with an API key, which has no page of its own; sign in as a person."


class ThemeForm(Form):
    """A theme."""

    theme: Theme


class NewPasswordForm(Form):
    """The present password, where there is one, and the new one."""

    password: str = ""
    new_password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MyPage:
    """What somebody sets for themselves; ``problem`` says why a new password was refused."""

    account: Account
    min_characters: int = MIN_CHARACTERS
    problem: str = ""


@router.get("/me")
async def show_me(request: Request, account: SignedIn) -> Response:
    """Show the own page."""
    return render(request, "me/index.html", MyPage(account=account))


@router.post("/me/theme")
def choose_theme(
    request: Request, account: SignedIn, services: Uses, form: Annotated[ThemeForm, Depends(posted(ThemeForm))]
) -> Response:
    """Show the desk in other colours from now on."""
    _require_person(account)
    services.roster.edit(account.name, theme=form.theme)
    return go_on(request, "/me", done="The theme is changed.")


@router.post("/me/password")
def choose_password(
    request: Request,
    account: SignedIn,
    services: Uses,
    form: Annotated[NewPasswordForm, Depends(posted(NewPasswordForm))],
) -> Response:
    """Change the password and end all other sessions."""
    _require_person(account)
    if account.has_password and not services.sign_in.is_password_of(account, form.password):
        page = MyPage(account=account, problem="The present password is wrong.")
        return render(request, "me/index.html", page, status=403)
    try:
        own = token_sha256(services.cookies.visit(request).token)
        services.roster.set_password(account.name, form.new_password, keep_session=own)
    except InvalidInput as error:
        page = MyPage(account=account, problem=f"The new password {error.problem}: {error.remedy}.")
        return render(request, "me/index.html", page, status=422)
    return go_on(request, "/me", done="The password is changed, and your other sessions are ended.")


@router.post("/me/sign-out-everywhere")
def sign_out_everywhere(request: Request, account: SignedIn, services: Uses) -> Response:
    """End all sessions, this one too."""
    ended = services.sign_in.sign_out_everywhere(account)
    response = go_on(request, SIGN_IN, done=f"{ended} sessions are ended." if ended > 1 else "Your session is ended.")
    services.cookies.leave(request, response)
    return response


def _require_person(account: Account) -> None:
    if account.key_id is not None:
        raise NotAuthorised(_OF_A_KEY)
