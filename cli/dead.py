"""`helpdesk dead`: messages that were given up, and what to do about them."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.panel import Panel
from rich.text import Text

from cli.access import ticket_api
from cli.app import new_app
from cli.console import Json, age, print_json, program, stdout, table
from helpdesk.ports.mailboxes import DeadLetterStatus
from helpdesk.ports.store import Role

app = new_app("Messages that were given up: look, try again, or close them.")

MessageId = Annotated[str, typer.Argument(help="The message's id, from `helpdesk dead list`.", show_default=False)]


@app.command("list")
def list_letters(
    status: Annotated[DeadLetterStatus | None, typer.Option(help="Only letters in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many at most.")] = 50,
    as_json: Json = False,
) -> None:
    """List dead letters, newest first."""
    with ticket_api(Role.OPERATOR) as api:
        found = api.get("/dead-letters", status=status.value if status else None, limit=limit)["dead_letters"]
    if as_json:
        print_json({"dead_letters": found})
        return
    console = stdout()
    if not found:
        console.print("No message was given up." if status is None else f"No dead letter is {status.value}.")
        return
    listing = table("message", "age", "state", "from", "attempts", "ticket", "why")
    for letter in found:
        listing.add_row(
            letter["message_id"],
            age(letter["created_at"]),
            letter["status"],
            letter["source"],
            str(letter["attempts"]),
            letter["ticket_id"] or "",
            escape(letter["reason"]),
        )
    listing.columns[0].no_wrap = listing.columns[5].no_wrap = True
    console.print(listing)
    again, close = (f"{program()} dead {action} MESSAGE" for action in ("replay", "drop"))
    console.print(f"[bright_black]try one again: {again}, or close it: {close}[/]")


@app.command("show")
def show_letter(message_id: MessageId, as_json: Json = False) -> None:
    """Show one dead letter with its body."""
    with ticket_api(Role.OPERATOR) as api:
        letter = api.get(f"/dead-letters/{message_id}")
    if as_json:
        print_json(letter)
        return
    console = stdout()
    for name in ("message_id", "status", "source", "reason", "attempts", "ticket_id", "turn", "note", "created_at"):
        console.print(Text.assemble((f"{name:<12}", "bright_black"), str(letter[name] or "")))
    console.print(Panel(Text(letter["body"]), title="body", title_align="left", border_style="bright_black"))


@app.command("replay")
def replay_letter(message_id: MessageId, as_json: Json = False) -> None:
    """Give a message another try: its ticket opens a new turn."""
    with ticket_api(Role.OPERATOR) as api:
        letter = api.post(f"/dead-letters/{message_id}/replay")
    if as_json:
        print_json(letter)
    elif letter["ticket_id"]:
        stdout().print(f"replayed; follow it: {program()} show {letter['ticket_id']}")
    else:
        stdout().print(f"replayed to {letter['source']}")


@app.command("drop")
def drop_letter(
    message_id: MessageId,
    note: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    as_json: Json = False,
) -> None:
    """Close a letter without another try; its ticket stays with the people who have it."""
    with ticket_api(Role.OPERATOR) as api:
        letter = api.post(f"/dead-letters/{message_id}/drop", {"note": note})
    if as_json:
        print_json(letter)
    else:
        stdout().print("dropped")
