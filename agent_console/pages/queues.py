"""The queues: what waits where, what is in one's own hands, and taking the next ticket."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from agent_console.access import Agent
from agent_console.forms import Form, posted
from agent_console.rendering import go_on, render
from agent_console.services import Services, Uses
from agent_console.wording import title_of
from helpdesk.errors import AtCapacity, QueueEmpty, QueueNotFound
from helpdesk.people import Account
from helpdesk.ports.store import QueueSummary, Transaction
from helpdesk.tickets import HUMAN_QUEUES, Ticket

router = APIRouter()

MOST_SHOWN = 100


class TakeForm(Form):
    """Which queue to take from (empty: all that the person works on)."""

    queue: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    """One queue, and whether it is among the person's own."""

    summary: QueueSummary
    is_own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketRow:
    """One ticket of a list."""

    ticket: Ticket
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuesPage:
    """All queues, and the tickets in the person's hands."""

    queues: Sequence[QueueRow]
    held: Sequence[TicketRow]
    capacity: int
    waiting_for_me: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePage:
    """The first tickets of one queue, in the order in which they are taken."""

    summary: QueueSummary
    rows: Sequence[TicketRow]


@router.get("/queues")
def list_queues(request: Request, account: Agent, services: Uses) -> Response:
    """Show every queue and what the person holds."""
    with services.store.reading() as tx:
        summaries = tx.queue_summaries()
        held = rows_of(tx, tx.held_by(account.name))
    rows = [
        QueueRow(summary=summaries.get(name) or _empty(name), is_own=not account.queues or name in account.queues)
        for name in HUMAN_QUEUES
    ]
    page = QueuesPage(
        queues=rows,
        held=held,
        capacity=account.capacity,
        waiting_for_me=sum(row.summary.waiting for row in rows if row.is_own),
    )
    return render(request, "queues/index.html", page, fragment="live")


@router.get("/queues/{name}")
def show_queue(request: Request, name: str, _: Agent, services: Uses) -> Response:
    """Show the first tickets of one queue."""
    _require_queue(name)
    with services.store.reading() as tx:
        summary = tx.queue_summaries().get(name) or _empty(name)
        rows = rows_of(tx, tx.waiting_in_queue(name, limit=MOST_SHOWN))
    return render(request, "queues/show.html", QueuePage(summary=summary, rows=rows), fragment="live")


@router.post("/queues/take")
def take_next(
    request: Request, account: Agent, services: Uses, form: Annotated[TakeForm, Depends(posted(TakeForm))]
) -> Response:
    """Take the next ticket and show it."""
    if form.queue:
        _require_queue(form.queue)
    try:
        ticket = _take(services, account, form.queue)
    except QueueEmpty as error:
        return go_on(request, f"/queues/{form.queue}" if form.queue else "/queues", done=str(error))
    except AtCapacity as error:
        return go_on(request, "/queues", problem=str(error))
    return go_on(request, f"/tickets/{ticket.ticket_id}")


def rows_of(tx: Transaction, tickets: Sequence[Ticket]) -> list[TicketRow]:
    """Return tickets with what they are called."""
    conversations = tx.conversations([ticket.ticket_id for ticket in tickets if not ticket.subject])
    return [
        TicketRow(ticket=ticket, title=title_of(ticket, conversations.get(ticket.ticket_id, ()))) for ticket in tickets
    ]


def _take(services: Services, account: Account, queue: str) -> Ticket:
    queues = (queue,) if queue else account.queues
    return services.desk.take_next(account.name, queues=queues, capacity=account.capacity)


def _require_queue(name: str) -> None:
    if name not in HUMAN_QUEUES:
        raise QueueNotFound(f"No queue is called {name!r}; there are: {', '.join(HUMAN_QUEUES)}.")


def _empty(name: str) -> QueueSummary:
    return QueueSummary(queue=name, waiting=0, high_priority=0, claimed=0, oldest_queued_at=None)
