"""Tickets: the list of all, one ticket on one screen, and what an agent does with it."""

from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from agent_console.access import Agent
from agent_console.forms import Form, posted
from agent_console.pages.queues import rows_of
from agent_console.pages.ticket_page import TicketListPage, Typed, ticket_page
from agent_console.rendering import go_on, render
from agent_console.services import Services, Uses
from helpdesk.errors import Conflict, InvalidInput, VersionConflict
from helpdesk.people import Account
from helpdesk.ports.store import TicketFilter
from helpdesk.tickets import HUMAN_QUEUES, Status
from helpdesk.web.texts import Description, Text

router = APIRouter()

PAGE_SIZE = 50
_CHANGED = "The ticket has changed since you saw it; nothing was done. Look at it again: what you typed is still here."
Note = Annotated[Text, Field(max_length=2_000)]


class ReplyForm(Form):
    """An answer, the version of the ticket that it was written to, and whether it closes the ticket."""

    version: int
    text: Description
    resolve: bool = False


class NoteForm(Form):
    """The version of the ticket that was seen, and why it is given back."""

    version: int
    note: Note = ""


class TransferForm(Form):
    """The version of the ticket that was seen, where the ticket goes, and why."""

    version: int
    queue: str
    note: Note = ""


class ClaimForm(Form):
    """Only the press of the button."""


@router.get("/tickets")
def list_tickets(
    request: Request, _: Agent, services: Uses, status: str = "", queue: str = "", cursor: str = ""
) -> Response:
    """List tickets, newest first."""
    wanted = TicketFilter(status=_status(status), queue=_queue(queue))
    with services.store.reading() as tx:
        found = tx.list_tickets(wanted, cursor=cursor or None, limit=PAGE_SIZE)
        rows = rows_of(tx, found.tickets)
    chosen = {name: value for name, value in (("status", status), ("queue", queue)) if value}
    more = "/tickets?" + urlencode({**chosen, "cursor": found.next_cursor}) if found.next_cursor else ""
    first = "/tickets" + (f"?{urlencode(chosen)}" if chosen else "") if cursor else ""
    page = TicketListPage(rows=rows, status=status, queue=queue, more=more, first=first)
    return render(request, "tickets/index.html", page)


@router.get("/tickets/{ticket_id}")
def show_ticket(request: Request, ticket_id: str, account: Agent, services: Uses, draft: bool = False) -> Response:
    """Show one ticket; with ``draft``, the answer begins as the machine's draft."""
    page = ticket_page(services, account, ticket_id, with_draft=draft)
    return render(request, "tickets/show.html", page)


@router.post("/tickets/{ticket_id}/claim")
def claim(
    request: Request,
    ticket_id: str,
    account: Agent,
    services: Uses,
    form: Annotated[ClaimForm, Depends(posted(ClaimForm))],
) -> Response:
    """Take the ticket, or take it for longer."""
    return _act(
        request,
        services,
        account,
        ticket_id,
        lambda: services.desk.claim(ticket_id, account.name),
        on=f"/tickets/{ticket_id}",
    )


@router.post("/tickets/{ticket_id}/reply")
def reply(
    request: Request,
    ticket_id: str,
    account: Agent,
    services: Uses,
    form: Annotated[ReplyForm, Depends(posted(ReplyForm))],
) -> Response:
    """Send an answer to the customer, and close the ticket where asked."""
    return _act(
        request,
        services,
        account,
        ticket_id,
        lambda: services.desk.reply(ticket_id, account.name, form.text, resolve=form.resolve, version=form.version),
        typed=Typed(text=form.text),
        done="The answer is sent and the ticket is resolved." if form.resolve else "The answer is sent.",
    )


@router.post("/tickets/{ticket_id}/release")
def release(
    request: Request,
    ticket_id: str,
    account: Agent,
    services: Uses,
    form: Annotated[NoteForm, Depends(posted(NoteForm))],
) -> Response:
    """Give the ticket back to its queue."""
    return _act(
        request,
        services,
        account,
        ticket_id,
        lambda: services.desk.release(ticket_id, account.name, note=form.note, version=form.version),
        typed=Typed(note=form.note),
        done="The ticket is back in its queue.",
    )


@router.post("/tickets/{ticket_id}/transfer")
def transfer(
    request: Request,
    ticket_id: str,
    account: Agent,
    services: Uses,
    form: Annotated[TransferForm, Depends(posted(TransferForm))],
) -> Response:
    """Move the ticket to another queue."""
    return _act(
        request,
        services,
        account,
        ticket_id,
        lambda: services.desk.transfer(ticket_id, account.name, queue=form.queue, note=form.note, version=form.version),
        typed=Typed(note=form.note, queue=form.queue),
        done=f"The ticket is now in {form.queue}.",
    )


def _act(
    request: Request,
    services: Services,
    account: Account,
    ticket_id: str,
    action: Callable[[], object],
    *,
    typed: Typed | None = None,
    done: str = "",
    on: str = "/queues",
) -> Response:
    """Do it and go on; where the ticket has changed in between, show it as it is now with what was typed."""
    try:
        action()
    except Conflict as error:
        problem = _CHANGED if isinstance(error, VersionConflict) else str(error)
        page = ticket_page(services, account, ticket_id, typed=typed, problem=problem)
        return render(request, "tickets/show.html", page, status=409)
    return go_on(request, on, done=done)


def _status(name: str) -> Status | None:
    if name and name not in set(Status):
        raise InvalidInput(f"no status is called {name!r}", field="status", remedy=f"choose of: {', '.join(Status)}")
    return Status(name) if name else None


def _queue(name: str) -> str | None:
    if name and name not in HUMAN_QUEUES:
        raise InvalidInput(f"no queue is called {name!r}", field="queue", remedy=f"choose: {', '.join(HUMAN_QUEUES)}")
    return name or None
