"""Tickets: what they are, which statuses they go through, and which transitions are legal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from helpdesk.errors import IllegalTransition


class Status(StrEnum):
    """Where a ticket stands."""

    RECEIVED = "received"
    PROCESSING = "processing"
    ANSWERED = "answered"
    ASKED = "asked"
    QUEUED = "queued"
    REVIEW = "review"
    CLAIMED = "claimed"
    REPLIED = "replied"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    FAILED = "failed"


class Action(StrEnum):
    """What can happen to a ticket."""

    START = "start"
    ANSWER = "answer"
    ASK = "ask"
    DRAFT = "draft"
    ROUTE = "route"
    FAIL = "fail"
    REPLAY = "replay"
    CUSTOMER_MESSAGE = "customer_message"
    CLAIM = "claim"
    RELEASE = "release"
    EXPIRE = "expire"
    TRANSFER = "transfer"
    REPLY = "reply"
    RESOLVE = "resolve"
    REOPEN = "reopen"
    REOFFER = "reoffer"


class Priority(StrEnum):
    """The lane a ticket takes through the broker, and its place in a human queue."""

    HIGH = "high"
    NORMAL = "normal"


class Author(StrEnum):
    """Who wrote a message, or made a step in the history."""

    CUSTOMER = "customer"
    MACHINE = "machine"
    AGENT = "agent"


class SlaState(StrEnum):
    """How a ticket, or one of its targets, stands to what was promised."""

    OK = "ok"
    SOON = "soon"
    BREACHED = "breached"


AWAITS_MACHINE = frozenset({Status.RECEIVED, Status.PROCESSING, Status.REOPENED})
"""Statuses in which the machine owes a decision."""

AWAITS_CUSTOMER = frozenset({Status.ASKED})
"""Statuses in which the machine has asked the customer back, and waits for a reply until the ticket's deadline."""

AWAITS_PERSON = frozenset({Status.QUEUED, Status.REVIEW, Status.FAILED})
"""Statuses in which the ticket waits in a human queue."""

CLOSED = frozenset({Status.ANSWERED, Status.REPLIED, Status.RESOLVED})
"""Statuses in which the customer has had an answer."""

CATEGORY_QUEUES = (
    "ORDER",
    "SHIPPING",
    "CANCEL",
    "INVOICE",
    "PAYMENT",
    "REFUND",
    "FEEDBACK",
    "CONTACT",
    "ACCOUNT",
    "DELIVERY",
    "SUBSCRIPTION",
)
INTERVENTION, REVIEW_QUEUE, GENERAL = "INTERVENTION", "REVIEW", "GENERAL"
HUMAN_QUEUES = (*CATEGORY_QUEUES, INTERVENTION, REVIEW_QUEUE, GENERAL)
"""Every human queue: one per category, and three for what no category decides."""


def _rows(
    action: Action, sources: frozenset[Status] | set[Status], target: Status
) -> dict[tuple[Status, Action], Status]:
    return {(source, action): target for source in sources}


TRANSITIONS: Mapping[tuple[Status, Action], Status] = {
    **_rows(Action.START, AWAITS_MACHINE, Status.PROCESSING),
    **_rows(Action.ANSWER, AWAITS_MACHINE, Status.ANSWERED),
    **_rows(Action.ASK, AWAITS_MACHINE, Status.ASKED),
    **_rows(Action.DRAFT, AWAITS_MACHINE, Status.REVIEW),
    **_rows(Action.ROUTE, AWAITS_MACHINE, Status.QUEUED),
    **_rows(Action.FAIL, AWAITS_MACHINE, Status.FAILED),
    **_rows(Action.REPLAY, {Status.FAILED}, Status.RECEIVED),
    **_rows(Action.CUSTOMER_MESSAGE, CLOSED | AWAITS_CUSTOMER, Status.REOPENED),
    **{(status, Action.CUSTOMER_MESSAGE): status for status in AWAITS_MACHINE | AWAITS_PERSON | {Status.CLAIMED}},
    **_rows(Action.CLAIM, AWAITS_MACHINE | AWAITS_CUSTOMER | AWAITS_PERSON, Status.CLAIMED),
    **_rows(Action.RELEASE, {Status.CLAIMED}, Status.QUEUED),
    **_rows(Action.EXPIRE, AWAITS_CUSTOMER | {Status.CLAIMED}, Status.QUEUED),
    **_rows(Action.TRANSFER, {Status.CLAIMED}, Status.QUEUED),
    **_rows(Action.REPLY, {Status.CLAIMED}, Status.REPLIED),
    **_rows(Action.RESOLVE, {Status.CLAIMED, Status.ANSWERED, Status.REPLIED}, Status.RESOLVED),
    **_rows(Action.REOPEN, CLOSED, Status.QUEUED),
    **{(status, Action.REOFFER): status for status in AWAITS_PERSON},
}
"""Every legal transition: (status, action) -> next status."""


def next_status(status: Status, action: Action) -> Status:
    """Return the status that ``action`` leads to.

    Raises:
        IllegalTransition: the table has no such row; the message names what would be legal.
    """
    target = TRANSITIONS.get((status, action))
    if target is None:
        legal = sorted(a.value for (s, a) in TRANSITIONS if s is status)
        raise IllegalTransition(f"A ticket that is {status} allows no {action}; it allows: {', '.join(legal)}.")
    return target


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """One customer request.

    Attributes:
        owner: the portal that posted it; a portal sees only its own tickets.
        turn: the round of decision, starting at 1; a further message of the customer or a replay opens the next.
        version: grows by one at every change; a save names the version it read.
        deadline_at: when a person gets the ticket if the machine has not decided the present turn, or if the customer
            has not answered the machine's question.
        entry_id: the present entry in a human queue; it is the broker message's id as well.
        claimed_until: end of the claim's lease.
        upset: the customer sounded upset to the policy that decided last.
        due_at: the next deadline that runs; None while none does.
        sla: the worse of both targets; what came near counts only while its clock runs, what was missed stays missed.
        first_replied_by: the machine, or a person; its first reply counts for the target, and is reported apart.
        paused_at: since when the clock stands, for the ticket waits for its customer or is resolved.
        paused_s: business time for which it stood before.
        alert_at: when the deadlines must be looked at next; None: no more.
        hurried: the priority was raised because a deadline came near.
    """

    ticket_id: str
    owner: str
    user: str
    subject: str = ""
    channel: str = "api"
    customer_tier: str = "standard"
    language: str = ""
    metadata: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    priority: Priority = Priority.NORMAL
    status: Status = Status.RECEIVED
    turn: int = 1
    version: int = 1
    queue: str | None = None
    queue_reason: str = ""
    queued_at: datetime | None = None
    entry_id: str | None = None
    claimed_by: str | None = None
    claimed_until: datetime | None = None
    intent: str | None = None
    category: str | None = None
    confidence: float | None = None
    sentiment: float | None = None
    upset: bool = False
    due_at: datetime | None = None
    sla: SlaState = SlaState.OK
    first_reply_due_at: datetime | None = None
    first_reply_sla: SlaState = SlaState.OK
    first_replied_at: datetime | None = None
    first_replied_by: Author | None = None
    resolution_due_at: datetime | None = None
    resolution_sla: SlaState = SlaState.OK
    resolved_at: datetime | None = None
    paused_at: datetime | None = None
    paused_s: float = 0.0
    alert_at: datetime | None = None
    hurried: bool = False
    correlation_id: str = ""
    deadline_at: datetime
    created_at: datetime
    updated_at: datetime

    def after(self, action: Action, *, at: datetime, **changes: object) -> "Ticket":
        """Return the ticket after a legal ``action``, with its version raised and ``changes`` applied.

        Raises:
            IllegalTransition: the present status does not allow the action.
        """
        status = next_status(self.status, action)
        return replace(self, status=status, version=self.version + 1, updated_at=at, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationMessage:
    """One message of the conversation, with the turn in which it was written.

    Attributes:
        is_question: the machine asks back instead of answering.
    """

    ticket_id: str
    turn: int
    author: Author
    author_name: str
    text: str
    is_question: bool = False
    created_at: datetime

    @property
    def is_answer(self) -> bool:
        """Whether it answers what the customer wrote before it; a question that asks back does not."""
        return self.author is not Author.CUSTOMER and not self.is_question


def unanswered(conversation: Sequence[ConversationMessage]) -> list[ConversationMessage]:
    """Return what the customer wrote since the last answer, by whomever: what an answer must be about."""
    answers = [at for at, message in enumerate(conversation, start=1) if message.is_answer]
    since = conversation[answers[-1] if answers else 0 :]
    return [message for message in since if message.author is Author.CUSTOMER]


def answered_last_by(conversation: Sequence[ConversationMessage]) -> Author | None:
    """Return who gave the last answer: the machine, an agent, or nobody yet."""
    return next((message.author for message in reversed(conversation) if message.is_answer), None)


def seen_at(conversation: Sequence[ConversationMessage], turn: int) -> list[ConversationMessage]:
    """Return the conversation as it stood when this turn was to be decided: before its answer and all that followed."""
    return [
        message
        for message in conversation
        if message.turn < turn or (message.turn == turn and message.author is Author.CUSTOMER)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketEvent:
    """One step of a ticket's history: who did what, when and why."""

    ticket_id: str
    turn: int
    action: Action | None
    status: Status
    actor: Author
    actor_name: str
    reason: str
    at: datetime
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A passage that an answer rests on."""

    article_id: str
    title: str
    quote: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A text for the customer: sent, or a draft for a person (``sent`` False); an answer, or the machine's question."""

    answer_id: str
    ticket_id: str
    turn: int
    author: Author
    author_name: str
    text: str
    sent: bool
    is_question: bool = False
    citations: tuple[Citation, ...] = ()
    usage: Mapping[str, int] = field(default_factory=dict)
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What the customer thought of the answer: ``score`` 1 (bad) to 5 (good)."""

    ticket_id: str
    turn: int
    score: int
    comment: str
    created_at: datetime
