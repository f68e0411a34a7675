"""`helpdesk show` and `helpdesk tickets`: look at one ticket, or list many."""

from typing import Annotated, Any

import typer
from rich.markup import escape

from cli.access import ticket_api
from cli.console import Json, age, due, print_json, program, status_markup, stdout, table
from cli.ticket_view import print_ticket
from helpdesk.ports.store import Role, TicketOrder
from helpdesk.tickets import Priority, SlaState, Status

TicketId = Annotated[str, typer.Argument(help="The ticket's id.", show_default=False)]


def show(ticket_id: TicketId, as_json: Json = False) -> None:
    """Show a ticket with its conversation, decision, reasons, answer, sources and history."""
    with ticket_api(Role.AGENT) as api:
        ticket = api.get(f"/tickets/{ticket_id}")
    if as_json:
        print_json(ticket)
    else:
        print_ticket(stdout(), ticket)


def tickets(
    status: Annotated[Status | None, typer.Option(help="Only tickets with this status.")] = None,
    queue: Annotated[str | None, typer.Option(help="Only tickets of this human queue, such as REFUND.")] = None,
    user: Annotated[str | None, typer.Option(help="Only tickets from this user.")] = None,
    intent: Annotated[str | None, typer.Option(help="Only tickets with this intent.")] = None,
    priority: Annotated[Priority | None, typer.Option(help="Only tickets of this lane.")] = None,
    sla: Annotated[SlaState | None, typer.Option(help="Only tickets that stand so to their deadlines.")] = None,
    sort: Annotated[
        TicketOrder, typer.Option(help="`due`: only tickets whose clock runs, the soonest due first.")
    ] = TicketOrder.NEWEST,
    after: Annotated[str | None, typer.Option(help="Created after this moment, as 2026-11-21T10:00:00Z.")] = None,
    before: Annotated[str | None, typer.Option(help="Created before this moment.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    as_json: Json = False,
) -> None:
    """List tickets, newest or soonest due first."""
    filters: dict[str, Any] = {"status": status.value if status else None, "queue": queue.upper() if queue else None}
    filters |= {"user": user, "intent": intent, "priority": priority.value if priority else None}
    filters |= {"created_after": after, "created_before": before, "sla": sla.value if sla else None}
    with ticket_api(Role.AGENT) as api:
        found = list(api.tickets(limit=limit, sort=None if sort is TicketOrder.NEWEST else sort.value, **filters))
    if as_json:
        print_json({"tickets": found})
        return
    console = stdout()
    if not found:
        filtered = any(value is not None for value in filters.values())
        console.print(
            f"No ticket fits these filters; `{program()} tickets` lists all."
            if filtered
            else f'There are no tickets yet; post one: {program()} submit "Where is my parcel?" --wait'
        )
        return
    listing = table("ticket", "age", "status", "due", "queue", "intent", "sure", "subject")
    for ticket in found:
        sure = "" if ticket.get("confidence") is None else f"{ticket['confidence']:.0%}"
        high = "[bold]↑[/] " if ticket["priority"] == Priority.HIGH else ""
        listing.add_row(
            ticket["ticket_id"],
            age(ticket["created_at"]),
            status_markup(ticket["status"]),
            due(ticket.get("due_at"), ticket.get("sla", "ok")),
            ticket.get("queue") or "",
            ticket.get("intent") or "",
            sure,
            high + escape(ticket["subject"]),
        )
    for column in listing.columns:
        column.no_wrap = True
    console.print(listing)
    if len(found) == limit:
        first = "newest" if sort is TicketOrder.NEWEST else "soonest due"
        console.print(f"[bright_black]The {first} {limit}; --limit shows more.[/]")
