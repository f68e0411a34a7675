"""What callers get: a portal the customer's view, agents and operators the whole. No view shows an entry id."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, computed_field

from helpdesk.corrections import Verdict
from helpdesk.decisions import Outcome
from helpdesk.ports.mailboxes import DeadLetterStatus
from helpdesk.tickets import Action, Author, Priority, SlaState, Status

STATUS_TEXTS: Mapping[Status, str] = {
    Status.RECEIVED: "We have received your request and are looking at it.",
    Status.PROCESSING: "We are looking at your request.",
    Status.ANSWERED: "We have answered your request.",
    Status.ASKED: "We need one more detail from you. Please reply to our question.",
    Status.QUEUED: "Your request waits for the next person who is free.",
    Status.REVIEW: "A person checks our answer before you get it.",
    Status.CLAIMED: "A person is taking care of your request.",
    Status.REPLIED: "A person has answered your request.",
    Status.RESOLVED: "Your request is closed. If you write again, we take it up again.",
    Status.REOPENED: "You wrote again, and we are looking at it.",
    Status.FAILED: "Your request waits for the next person who is free.",
}
"""The reason that a customer may read; those of the machine and of agents stay inside."""


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True)


class AcceptedTicket(_View):
    """What was accepted is on disk. A retry with the same ``Idempotency-Key`` gets the same answer."""

    ticket_id: str
    status: Status
    status_url: str


class CitationView(_View):
    """A passage that an answer rests on."""

    article_id: str
    title: str
    quote: str
    url: str


class FeedbackView(_View):
    """What the customer thought of the answer, from 1 (bad) to 5 (good)."""

    turn: int
    score: int
    comment: str
    created_at: datetime


class PortalMessage(_View):
    """One message of the conversation."""

    turn: int
    author: Author
    text: str
    is_question: bool = Field(description="We ask back; the customer's next message goes on in the same ticket.")
    created_at: datetime


class PortalStep(_View):
    """One step of the history."""

    turn: int
    status: Status
    actor: Author
    at: datetime


class PortalAnswer(_View):
    """An answer that was sent, or the question that was asked back."""

    turn: int
    author: Author
    text: str
    is_question: bool
    citations: list[CitationView]
    created_at: datetime


class PortalTicketSummary(_View):
    """A ticket in a portal's list."""

    ticket_id: str
    user: str
    subject: str
    priority: Priority
    status: Status
    turn: int
    created_at: datetime
    updated_at: datetime

    @computed_field(description="The status, in a sentence for the customer.")  # type: ignore[prop-decorator]
    @property
    def status_text(self) -> str:
        return STATUS_TEXTS[self.status]


class PortalTicket(PortalTicketSummary):
    """A ticket as its customer may see it."""

    conversation: list[PortalMessage]
    history: list[PortalStep]
    answers: list[PortalAnswer]
    feedback: list[FeedbackView]


class DeskMessage(PortalMessage):
    """One message of the conversation, with its author's name."""

    author_name: str


class DeskStep(PortalStep):
    """One step of the history: who did what, when and why."""

    action: Action | None
    actor_name: str
    reason: str
    details: dict[str, Any]


class DeskAnswer(PortalAnswer):
    """An answer: sent, or a draft."""

    answer_id: str
    author_name: str
    sent: bool
    usage: dict[str, int]


class ReasonView(_View):
    """A rule that fired."""

    code: str
    text: str


class DecisionView(_View):
    """What the machine decided, and all that it rested on."""

    turn: int
    outcome: Outcome
    queue: str | None
    reasons: list[ReasonView]
    scores: dict[str, float]
    prediction: dict[str, Any]
    versions: dict[str, str]
    duration_ms: dict[str, float]
    usage: dict[str, int] = Field(description="Tokens of the models that wrote; empty where none did.")
    cost_usd: float | None = Field(description="What they cost; null where no answer was written or no price is known.")
    at: datetime


class CorrectionView(_View):
    """What an agent said that the customer really wanted in one turn, and what the model had said."""

    turn: int
    intent: str
    predicted: str | None = Field(description="`out_of_scope` where it was taken for foreign; null: no prediction.")
    model_version: str | None
    verdict: Verdict
    author: str
    note: str
    created_at: datetime


class DeskTicketSummary(_View):
    """A ticket in the list of an agent or operator."""

    ticket_id: str
    owner: str
    user: str
    subject: str
    channel: str
    customer_tier: str
    language: str
    metadata: dict[str, str | int | float | bool]
    priority: Priority
    status: Status
    turn: int
    version: int
    queue: str | None
    queue_reason: str
    queued_at: datetime | None
    claimed_by: str | None
    claimed_until: datetime | None
    intent: str | None
    category: str | None
    confidence: float | None
    sentiment: float | None
    upset: bool = Field(description="The customer sounded upset, beyond the bound of the policy that decided last.")
    due_at: datetime | None = Field(description="The next deadline that runs; null while none does.")
    sla: SlaState = Field(description="The worse of both targets; what was missed stays missed.")
    first_reply_due_at: datetime | None
    first_reply_sla: SlaState
    first_replied_at: datetime | None
    first_replied_by: Author | None = Field(description="`machine` or `agent`.")
    resolution_due_at: datetime | None
    resolution_sla: SlaState
    resolved_at: datetime | None
    paused_at: datetime | None = Field(description="Since when the clock stands, for the customer has an answer.")
    correlation_id: str
    deadline_at: datetime = Field(description="When a person gets the ticket if the machine has not decided.")
    created_at: datetime
    updated_at: datetime


class DeskTicket(DeskTicketSummary):
    """A ticket as agents and operators see it."""

    conversation: list[DeskMessage]
    history: list[DeskStep]
    decisions: list[DecisionView]
    answers: list[DeskAnswer]
    feedback: list[FeedbackView]
    corrections: list[CorrectionView] = Field(description="Oldest first; the last one of a turn stands.")


class PortalTicketPage(_View):
    """One page of a portal's tickets."""

    tickets: list[PortalTicketSummary]
    next_cursor: str | None = Field(description="For the next page; null on the last.")


class DeskTicketPage(_View):
    """One page of tickets."""

    tickets: list[DeskTicketSummary]
    next_cursor: str | None = Field(description="For the next page; null on the last.")


class QueueView(_View):
    """What waits in one human queue."""

    queue: str
    waiting: int
    high_priority: int
    due_soon: int = Field(description="Those whose deadline comes near.")
    breached: int = Field(description="Those that have missed one.")
    upset: int = Field(description="Those whose customer sounded upset.")
    claimed: int = Field(description="Tickets from this queue that are in somebody's hands.")
    oldest_queued_at: datetime | None


class TallyView(_View):
    """Answers by what became of them: of several signs the least flattering counts."""

    answers: int
    unhelpful: int = Field(description="The customer said that it did not help.")
    reopened: int = Field(description="The customer wrote again, or an agent opened the ticket again.")
    recontacted: int = Field(description="The customer wrote a new ticket with the same intent while it was watched.")
    confirmed: int = Field(description="The customer said that it helped.")
    assumed: int = Field(description="Nothing was heard for as long as answers are watched.")
    open: int = Field(description="Nothing was heard yet.")
    handed_over: int = Field(description="What the machine gave to people instead of an answer.")


class KeptView(_View):
    """Promises that were kept, were missed, or can still be kept."""

    in_time: int
    missed: int
    running: int


class ResultsView(_View):
    """What became of the answers of a period, and of the promises of its tickets; by intent, and in total."""

    since: datetime
    until: datetime
    watched_days: int
    automatic: dict[str, TallyView]
    automatic_total: TallyView
    people: dict[str, TallyView]
    people_total: TallyView
    first_replies_automatic: KeptView
    first_replies_people: KeptView
    first_replies_owed: KeptView = Field(description="Tickets that nobody has replied to.")
    resolutions: KeptView


class QueueList(_View):
    """Every human queue."""

    queues: list[QueueView]


class DeadLetterSummary(_View):
    """A message that was given up, and why."""

    message_id: str
    source: str
    reason: str
    ticket_id: str | None
    turn: int | None
    attempts: int
    status: DeadLetterStatus
    note: str
    created_at: datetime


def _readable(body: bytes) -> str:
    return body.decode("utf-8", "backslashreplace")


class DeadLetterView(DeadLetterSummary):
    """A dead letter with its body."""

    body: Annotated[str, BeforeValidator(_readable)] = Field(description="UTF-8; bytes that are none stand as \\xNN.")


class DeadLetterList(_View):
    """Dead letters, newest first."""

    dead_letters: list[DeadLetterSummary]


class Health(_View):
    """The process is alive."""

    status: Literal["ok"]


class Readiness(_View):
    """What the service stands on. Intake works while the broker is away: messages wait in the outbox."""

    status: Literal["ready", "degraded"]
    store: Literal["ok"]
    broker: Literal["ok", "unavailable", "misconfigured"]
    outbox_depth: int
    outbox_oldest_age_s: float = Field(description="0 when the outbox is empty.")
