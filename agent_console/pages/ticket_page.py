"""The contexts of the ticket pages: everything about one ticket, read in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from agent_console.pages.queues import TicketRow
from agent_console.services import Services
from agent_console.wording import title_of
from helpdesk.decisions import DecisionRecord
from helpdesk.people import Account
from helpdesk.tickets import AWAITS_MACHINE, CLOSED, Answer, Citation, ConversationMessage, Status, Ticket, TicketEvent


class Standing(StrEnum):
    """How a ticket stands towards the person who looks at it."""

    MINE = "mine"
    OTHERS = "others"
    WAITS = "waits"
    MACHINE = "machine"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What somebody has typed into the forms of a ticket, which the page must not lose."""

    text: str = ""
    note: str = ""
    queue: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketListPage:
    """A page of tickets, the filters that chose them, and where the next and the first page are (empty: nowhere)."""

    rows: Sequence[TicketRow]
    status: str
    queue: str
    more: str
    first: str
    statuses: Sequence[Status] = tuple(Status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One message of the conversation, with the passages that it cites."""

    message: ConversationMessage
    sources: Sequence[Citation]


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketPage:
    """One ticket on one screen.

    Attributes:
        runner_up: the second-best intent with its confidence, where the model named one.
        draft: what the machine wrote and did not send.
        problem: why the last action was refused.
    """

    ticket: Ticket
    title: str
    standing: Standing
    lines: Sequence[Line]
    history: Sequence[TicketEvent]
    decision: DecisionRecord | None
    runner_up: tuple[str, float] | None
    draft: Answer | None
    typed: Typed
    problem: str


def ticket_page(
    services: Services,
    account: Account,
    ticket_id: str,
    *,
    typed: Typed | None = None,
    problem: str = "",
    with_draft: bool = False,
) -> TicketPage:
    """Return the page of one ticket as it is now.

    Raises:
        TicketNotFound: there is none.
    """
    with services.store.reading() as tx:
        ticket = tx.ticket(ticket_id)
        conversation = tx.conversations([ticket_id]).get(ticket_id, [])
        answers = tx.answers(ticket_id)
        decisions = tx.decisions(ticket_id)
        history = tx.events(ticket_id)
    draft = answers[-1] if answers and not answers[-1].sent else None
    typed = typed or Typed(text=draft.text if draft is not None and with_draft else "")
    decision = decisions[-1] if decisions else None
    sources = {(answer.turn, answer.text): answer.citations for answer in answers if answer.sent}
    return TicketPage(
        ticket=ticket,
        title=title_of(ticket, conversation),
        standing=_standing(ticket, account),
        lines=[
            Line(message=message, sources=sources.get((message.turn, message.text), ())) for message in conversation
        ],
        history=history[::-1],
        decision=decision,
        runner_up=_runner_up(decision.prediction) if decision is not None else None,
        draft=draft,
        typed=typed,
        problem=problem,
    )


def _standing(ticket: Ticket, account: Account) -> Standing:
    if ticket.status is Status.CLAIMED:
        return Standing.MINE if ticket.claimed_by == account.name else Standing.OTHERS
    if ticket.status in CLOSED:
        return Standing.CLOSED
    return Standing.MACHINE if ticket.status in AWAITS_MACHINE else Standing.WAITS


def _runner_up(prediction: Mapping[str, object]) -> tuple[str, float] | None:
    match prediction.get("top_labels"):
        case [_, {"label": str(label), "confidence": float(confidence)}, *_]:
            return label, confidence
    return None
