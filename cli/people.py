"""`helpdesk people`: who works at the desk, directly in the store."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from cli import access
from cli.app import new_app
from cli.console import Json, print_json, stdout, table
from helpdesk.people import DeskRole, Person

if TYPE_CHECKING:
    from helpdesk.accounts import Roster, SignIn

app = new_app("People who work at the desk: their roles, queues and passwords.")

Name = Annotated[str, typer.Argument(help="What they sign in with.", show_default=False)]
Roles = Annotated[list[DeskRole] | None, typer.Option("--role", help="What they may do; may be given several times.")]
Queues = Annotated[
    list[str] | None, typer.Option("--queue", help="A queue they take tickets from; may be given several times.")
]
Capacity = Annotated[int | None, typer.Option(help="How many tickets they may hold at a time.")]
DisplayName = Annotated[str | None, typer.Option(help="Their name as colleagues know it.")]


@app.command("add")
def add_person(
    name: Name,
    role: Roles = None,
    display_name: DisplayName = None,
    queue: Queues = None,
    capacity: Capacity = None,
    as_json: Json = False,
) -> None:
    """Add somebody (default: an agent for all queues), and print a link that lets them in once."""
    with _accounts() as (roster, sign_in):
        person = roster.add(
            name,
            display_name=display_name or "",
            roles=role or [DeskRole.AGENT],
            queues=[name.upper() for name in queue or ()],
            capacity=10 if capacity is None else capacity,
        )
        link = _link(sign_in, person.name)
    if as_json:
        print_json(_document(person) | {"sign_in_link": link})
        return
    stdout().print(f"added [bold]{escape(person.name)}[/]: {', '.join(person.roles)}")
    _print_link(person.name, link)


@app.command("list")
def list_people(as_json: Json = False) -> None:
    """List everybody."""
    with _accounts() as (roster, _):
        people = roster.everybody()
    if as_json:
        print_json({"people": [_document(person) for person in people]})
        return
    console = stdout()
    if not people:
        console.print("Nobody works at the desk yet; `helpdesk people add NAME` adds somebody.")
        return
    listing = table("name", "known as", "roles", "queues", "capacity", "access")
    for person in people:
        access_by = ("password" if person.password_hash else "no password yet") if person.active else "disabled"
        listing.add_row(
            escape(person.name),
            escape(person.display_name),
            ", ".join(person.roles),
            ", ".join(person.queues) or "all",
            str(person.capacity),
            access_by,
            style="" if person.active else "bright_black",
        )
    console.print(listing)


@app.command("edit")
def edit_person(
    name: Name,
    role: Roles = None,
    display_name: DisplayName = None,
    queue: Queues = None,
    all_queues: Annotated[bool, typer.Option("--all-queues", help="They take tickets from every queue.")] = False,
    capacity: Capacity = None,
    enable: Annotated[bool, typer.Option("--enable", help="Let them in again after `disable`.")] = False,
    as_json: Json = False,
) -> None:
    """Change what is given, and leave the rest; it holds from their next page on."""
    with _accounts() as (roster, _):
        queues = [name.upper() for name in queue] if queue else None
        person = roster.edit(
            name,
            display_name=display_name,
            roles=role,
            queues=[] if all_queues else queues,
            capacity=capacity,
        )
        if enable:
            person = roster.set_active(name, active=True)
    if as_json:
        print_json(_document(person))
    else:
        stdout().print(f"changed {escape(person.name)}")


@app.command("password")
def set_password(
    name: Name,
    stdin: Annotated[bool, typer.Option("--stdin", help="Read it from standard input, for programs.")] = False,
    as_json: Json = False,
) -> None:
    """Give somebody a password, asked for twice; their sessions end."""
    if stdin:
        password = typer.get_text_stream("stdin").readline().rstrip("\n")
    else:
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    with _accounts() as (roster, _):
        roster.set_password(name, password)
    _done(name, "has a new password; their sessions are ended", {"password": "set"}, as_json=as_json)


@app.command("disable")
def disable_person(name: Name, as_json: Json = False) -> None:
    """Shut somebody out and end their sessions; their record and history stay."""
    with _accounts() as (roster, _):
        roster.set_active(name, active=False)
    _done(name, "is disabled and signed out", {"active": False}, as_json=as_json)


@app.command("link")
def make_link(name: Name, as_json: Json = False) -> None:
    """Print a link that lets somebody in once; an earlier one is void."""
    with _accounts() as (_, sign_in):
        link = _link(sign_in, name)
    if as_json:
        print_json({"name": name, "sign_in_link": link})
    else:
        _print_link(name, link)


@app.command("sign-out")
def sign_out(name: Name, as_json: Json = False) -> None:
    """End all sessions of somebody."""
    with _accounts() as (_, sign_in):
        ended = sign_in.end_sessions_of(name)
    _done(name, f"is signed out of {ended} sessions", {"ended": ended}, as_json=as_json)


@contextmanager
def _accounts() -> "Iterator[tuple[Roster, SignIn]]":
    from helpdesk.accounts import Passwords, Roster, SignIn

    passwords = Passwords()
    with closing(access.store()) as store:
        yield Roster(store, passwords), SignIn(store, passwords, access.settings().agent_console)


def _link(sign_in: "SignIn", name: str) -> str:
    from cli.ports import sign_in_url

    return sign_in_url(access.settings().agent_console, sign_in.new_link(name))


def _print_link(name: str, link: str) -> None:
    minutes = round(access.settings().agent_console.link_s / 60)
    stdout().print(
        f"[bold]{link}[/]\n[bright_black]It lets {escape(name)} in once, within {minutes} minutes.[/]", soft_wrap=True
    )


def _done(name: str, sentence: str, result: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json({"name": name, **result})
    else:
        stdout().print(f"{escape(name)} {sentence}")


def _document(person: Person) -> dict[str, Any]:
    return {
        "name": person.name,
        "display_name": person.display_name,
        "roles": [role.value for role in person.roles],
        "queues": list(person.queues),
        "capacity": person.capacity,
        "active": person.active,
        "has_password": bool(person.password_hash),
        "created_at": person.created_at.isoformat(),
    }
