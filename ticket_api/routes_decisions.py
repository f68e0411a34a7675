"""Decisions over HTTP, for operators and ML engineers: listed by what they rest on, and replayed."""

from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from helpdesk.decisions import Outcome
from helpdesk.errors import PredictorUnavailable
from helpdesk.policy.replay import Replay
from helpdesk.ports.decision_log import DecisionFilter
from helpdesk.web.problems import problem_responses
from ticket_api.filters import Cursor, Limit, Moment, Name, Queue
from ticket_api.parameters import TicketId
from ticket_api.responses import DecisionView
from ticket_api.services import Analyst, Uses

router = APIRouter(tags=["decisions"], responses=problem_responses(400, 401, 403, 413, 422, 429, 503))

Turn = Annotated[int | None, Query(ge=1, le=2**31 - 1, description="Which decision (default: the latest).")]
PolicyNumber = Annotated[int | None, Query(ge=1, le=2**31 - 1, description="A version of the policy.")]
Confidence = Annotated[float | None, Field(ge=0, le=1, allow_inf_nan=False)]


class DecisionFilters(BaseModel):
    """Which decisions; what is left out does not matter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    intent: Name | None = None
    outcome: Outcome | None = None
    queue: Queue | None = None
    policy: Name | None = Field(default=None, description="A version's name, as decisions carry it.")
    model: Name | None = None
    code: Name | None = Field(default=None, description="The code of any of the reasons.")
    since: Moment | None = None
    until: Moment | None = None
    confidence_from: Confidence = None
    confidence_to: Confidence = None
    cursor: Cursor | None = Field(default=None, description="The `next_cursor` of the page before.")
    limit: Limit = 50


class ListedDecision(DecisionView):
    """A decision in a list of all tickets'."""

    ticket_id: str


class DecisionList(BaseModel):
    """One page of decisions, newest first."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    decisions: list[ListedDecision]
    next_cursor: str | None = Field(description="For the next page; null on the last.")


class ComparedView(BaseModel):
    """One thing as it was recorded, and as it is in the replay."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    what: str
    recorded: str | float | None
    replayed: str | float | None
    differs: bool


class ReplayView(BaseModel):
    """A decision beside its replay."""

    model_config = ConfigDict(frozen=True)

    ticket_id: str
    turn: int
    policy: str = Field(description="The version that it was replayed under.")
    ran: bool
    same: bool = Field(description="Outcome and queue are the same.")
    unknown: str = Field(description="What the record lacks, where the outcome is unknown.")
    warning: str = Field(description="The record does not follow from its own inputs; empty where it does.")
    note: str
    reasons: list[str]
    rows: list[ComparedView]

    @classmethod
    def of(cls, found: Replay) -> Self:
        """Return the view of a replay."""
        return cls(
            ticket_id=found.record.ticket_id,
            turn=found.record.turn,
            policy=found.policy,
            ran=found.ran,
            same=found.same,
            unknown=found.unknown,
            warning=found.warning,
            note=found.note.strip(),
            reasons=list(found.reasons),
            rows=[ComparedView.model_validate(row) for row in found.rows],
        )


@router.get("/decisions")
def list_decisions(caller: Analyst, services: Uses, filters: Annotated[DecisionFilters, Query()]) -> DecisionList:
    """List decisions of all tickets, newest first."""
    wanted = DecisionFilter(**filters.model_dump(exclude={"cursor", "limit"}))
    with services.store.reading() as tx:
        page = tx.list_decisions(wanted, cursor=filters.cursor, limit=filters.limit)
    return DecisionList.model_validate(page)


@router.get("/tickets/{ticket_id}/replay", responses=problem_responses(404))
def replay_record(
    ticket_id: TicketId, caller: Analyst, services: Uses, turn: Turn = None, policy: PolicyNumber = None
) -> ReplayView:
    """Decide a ticket again from its record, under its own policy or another version."""
    return ReplayView.of(services.rehearsal.replay(ticket_id, turn=turn, number=policy))


@router.post("/tickets/{ticket_id}/replay", responses=problem_responses(404, 500))
def run_again(
    ticket_id: TicketId, caller: Analyst, services: Uses, turn: Turn = None, policy: PolicyNumber = None
) -> ReplayView:
    """Decide a ticket again with today's model and knowledge base; nothing is stored or sent."""
    if services.predictor is None:
        raise PredictorUnavailable("This service was started without a prediction API.")
    found = services.rehearsal.run(
        ticket_id,
        turn=turn,
        number=policy,
        predictor=services.predictor,
        knowledge=services.index,
        passages=services.settings.knowledge.passages,
        opinions=services.opinions.look(),
    )
    return ReplayView.of(found)
