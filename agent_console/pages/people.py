"""People: operators see everybody, add somebody, shut somebody out, and make one-time links."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from agent_console.access import Operator
from agent_console.forms import Form, posted
from agent_console.problems import SIGN_IN
from agent_console.rendering import go_on, render
from agent_console.services import Uses
from helpdesk.errors import Conflict, InvalidInput
from helpdesk.people import DeskRole, Person

router = APIRouter()


class PersonForm(Form):
    """Somebody new."""

    name: str = ""
    display_name: str = ""
    roles: tuple[DeskRole, ...] = ()
    queues: tuple[str, ...] = ()
    capacity: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class PeoplePage:
    """Everybody, and the form for somebody new with what was typed and why it was refused."""

    people: Sequence[Person]
    form: PersonForm
    own_name: str
    problem: str = ""
    roles: Sequence[DeskRole] = tuple(DeskRole)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLinkPage:
    """A one-time link, shown this once."""

    person: str
    url: str
    minutes: int


@router.get("/people")
def list_people(request: Request, account: Operator, services: Uses) -> Response:
    """Show everybody."""
    form = PersonForm(roles=(DeskRole.AGENT,))
    return render(
        request,
        "people/index.html",
        PeoplePage(people=services.roster.everybody(), form=form, own_name=account.name),
    )


@router.post("/people")
def add_person(
    request: Request, account: Operator, services: Uses, form: Annotated[PersonForm, Depends(posted(PersonForm))]
) -> Response:
    """Add somebody, and go on to the list, where a link for them can be made."""
    try:
        person = services.roster.add(
            form.name,
            display_name=form.display_name,
            roles=form.roles,
            queues=form.queues,
            capacity=form.capacity,
        )
    except (InvalidInput, Conflict) as error:
        people = services.roster.everybody()
        page = PeoplePage(people=people, form=form, own_name=account.name, problem=str(error))
        return render(request, "people/index.html", page, status=409 if isinstance(error, Conflict) else 422)
    return go_on(request, "/people", done=f"{person.display_name} is added. Make a link, with which they sign in.")


@router.post("/people/{name}/link")
def make_link(request: Request, name: str, _: Operator, services: Uses) -> Response:
    """Show a link that lets a person in once; an earlier one is void."""
    token = services.sign_in.new_link(name)
    base = services.settings.agent_console.url.rstrip("/") or str(request.base_url).rstrip("/")
    minutes = round(services.settings.agent_console.link_s / 60)
    page = NewLinkPage(person=name, url=f"{base}{SIGN_IN}/link/{token}", minutes=minutes)
    return render(request, "people/link.html", page)


@router.post("/people/{name}/disable")
def disable_person(request: Request, name: str, account: Operator, services: Uses) -> Response:
    """Shut a person out; their sessions end at once."""
    if name == account.name and account.key_id is None:
        return go_on(request, "/people", problem="You cannot disable yourself; ask another operator.")
    person = services.roster.set_active(name, active=False)
    return go_on(request, "/people", done=f"{person.display_name} is disabled and signed out everywhere.")


@router.post("/people/{name}/enable")
def enable_person(request: Request, name: str, _: Operator, services: Uses) -> Response:
    """Let a person in again."""
    person = services.roster.set_active(name, active=True)
    return go_on(request, "/people", done=f"{person.display_name} may sign in again.")
