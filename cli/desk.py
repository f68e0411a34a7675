"""What agents do: look at the queues, claim, release, transfer, reply, resolve, reopen, correct, mark wrong."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from cli.access import ticket_api
from cli.console import Json, age, clock_time, print_json, program, status_markup, stdout, table
from cli.ticket_view import print_ticket
from cli.tickets import TicketId
from helpdesk.ports.store import Role

if TYPE_CHECKING:
    from cli.client import TicketApi

Agent = Annotated[str | None, typer.Option("--agent", help="Act for this agent (takes an operator's key).")]
Note = Annotated[str, typer.Option("--note", help="Why, for the history.")]

_COUNTS = ("waiting", "high_priority", "due_soon", "breached", "upset", "claimed")


def queues(as_json: Json = False) -> None:
    """Show what waits in each human queue."""
    with ticket_api(Role.AGENT) as api:
        found = api.get("/queues")["queues"]
    if as_json:
        print_json({"queues": found})
        return
    listing = table("queue", "waiting", "high priority", "due soon", "missed", "upset", "claimed", "oldest waits")
    for column in listing.columns[1:]:
        column.justify = "right"
    for queue in found:
        counts = [str(queue[name] or "·") for name in _COUNTS]
        busy = "" if queue["waiting"] or queue["claimed"] else "bright_black"
        listing.add_row(queue["queue"], *counts, age(queue["oldest_queued_at"]), style=busy)
    console = stdout()
    console.print(listing)
    if any(queue["waiting"] for queue in found):
        console.print(f"[bright_black]Take the next ticket: {program()} claim, or {program()} claim QUEUE[/]")
    else:
        console.print("No ticket waits for a person.")


def claim(
    queue: Annotated[str | None, typer.Argument(help="Take this queue's next ticket (default: of all queues).")] = None,
    ticket: Annotated[str | None, typer.Option(help="Take this ticket, wherever it is.")] = None,
    agent: Agent = None,
    as_json: Json = False,
) -> None:
    """Take the next ticket, or a certain one; the claim returns by itself when its lease runs out."""
    if queue is not None and ticket is not None:
        raise typer.BadParameter("give a queue or --ticket, not both")
    with ticket_api(Role.AGENT, agent=agent) as api:
        if ticket is not None:
            claimed = api.post(f"/tickets/{ticket}/claim")
        elif queue is not None:
            claimed = _claim_next(api, [queue.upper()])
        else:
            claimed = _claim_next(api, _by_urgency(api.get("/queues")["queues"]))
    if as_json:
        print_json(claimed)
        return
    console = stdout()
    if claimed is None:
        console.print(
            f"Nothing waits in {queue.upper()}; `{program()} queues` shows all." if queue else "Nothing waits."
        )
        return
    print_ticket(console, claimed, history=False)
    console.print(
        f"It is yours until {clock_time(claimed['claimed_until'])}.\n"
        f'answer it:    {program()} reply {claimed["ticket_id"]} "…" --resolve\n'
        f"give it back: {program()} release {claimed['ticket_id']}"
    )


def release(ticket_id: TicketId, note: Note = "", agent: Agent = None, as_json: Json = False) -> None:
    """Give a claimed ticket back to its queue, where it keeps its place."""
    _act(ticket_id, "release", {"note": note}, agent=agent, as_json=as_json)


def transfer(
    ticket_id: TicketId,
    queue: Annotated[str, typer.Argument(help="Where it belongs, such as INVOICE.", show_default=False)],
    note: Note = "",
    agent: Agent = None,
    as_json: Json = False,
) -> None:
    """Move a claimed ticket to another queue."""
    _act(ticket_id, "transfer", {"queue": queue.upper(), "note": note}, agent=agent, as_json=as_json)


def reply(
    ticket_id: TicketId,
    text: Annotated[str, typer.Argument(help="What the customer gets to read.", show_default=False)],
    resolve: Annotated[bool, typer.Option("--resolve", help="Close the ticket with this answer.")] = False,
    agent: Agent = None,
    as_json: Json = False,
) -> None:
    """Answer the customer of a ticket that you hold."""
    _act(ticket_id, "reply", {"text": text, "resolve": resolve}, agent=agent, as_json=as_json)


def resolve(ticket_id: TicketId, note: Note = "", agent: Agent = None, as_json: Json = False) -> None:
    """Close a ticket that you hold, or that was answered."""
    _act(ticket_id, "resolve", {"note": note}, agent=agent, as_json=as_json)


def reopen(ticket_id: TicketId, note: Note = "", agent: Agent = None, as_json: Json = False) -> None:
    """Put a closed ticket back into a human queue."""
    _act(ticket_id, "reopen", {"note": note}, agent=agent, as_json=as_json)


def correct(
    ticket_id: TicketId,
    intent: Annotated[
        str, typer.Argument(help="A label of the live model, or out_of_scope where none fits.", show_default=False)
    ],
    turn: Annotated[
        int | None, typer.Option(min=1, help="The turn that is meant (default: the latest that a model read).")
    ] = None,
    note: Note = "",
    agent: Agent = None,
    as_json: Json = False,
) -> None:
    """Say what the customer really wanted: the ticket stays as it is, and `train --with-corrections` learns from it."""
    with ticket_api(Role.AGENT, agent=agent) as api:
        ticket = api.post(f"/tickets/{ticket_id}/correct", {"intent": intent, "turn": turn, "note": note})
    if as_json:
        print_json(ticket)
        return
    made = [made for made in ticket["corrections"] if made["intent"] == intent and turn in (None, made["turn"])][-1]
    said = {"right": ", as the model had said", "wrong": f", not {made['predicted']}"}.get(made["verdict"], "")
    stdout().print(f"correct: ticket {ticket_id} is about {escape(intent + said)}")


def mark_wrong(
    ticket_id: TicketId,
    article_id: Annotated[str, typer.Argument(help="An article that its answer or draft cites.", show_default=False)],
    note: Note = "",
    agent: Agent = None,
    as_json: Json = False,
) -> None:
    """Say that an article behind a ticket's answer is wrong: the ticket stays as it is, and the article comes later."""
    with ticket_api(Role.AGENT, agent=agent) as api:
        ticket = api.post(f"/tickets/{ticket_id}/mark-wrong", {"article_id": article_id, "note": note})
    if as_json:
        print_json(ticket)
        return
    stdout().print(f"mark-wrong: {escape(article_id)}; correct it with: {program()} kb edit {escape(article_id)}")


def _act(ticket_id: str, action: str, body: Mapping[str, Any], *, agent: str | None, as_json: bool) -> None:
    with ticket_api(Role.AGENT, agent=agent) as api:
        ticket = api.post(f"/tickets/{ticket_id}/{action}", body)
    if as_json:
        print_json(ticket)
        return
    where = f" in {ticket['queue']}" if ticket["queue"] and ticket["status"] == "queued" else ""
    stdout().print(f"{action}: ticket {ticket_id} is now {status_markup(ticket['status'])}{where}")


def _by_urgency(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the queues in which something waits: those with high priority first, then by deadlines and age."""
    busy = [queue for queue in found if queue["waiting"]]
    busy.sort(
        key=lambda queue: (
            not queue["high_priority"],
            not queue["breached"],
            not queue["due_soon"],
            queue["oldest_queued_at"] or "",
        )
    )
    return [str(queue["queue"]) for queue in busy]


def _claim_next(api: "TicketApi", names: Sequence[str]) -> dict[str, Any] | None:
    for name in names:
        claimed: dict[str, Any] | None = api.post(f"/queues/{name}/claim")
        if claimed is not None:
            return claimed
    return None
