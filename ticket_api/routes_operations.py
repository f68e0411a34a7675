"""What operators and their tools ask for: dead letters, results, health, readiness, metrics."""

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from helpdesk.errors import BrokerMisconfigured, BrokerUnavailable, InvalidInput
from helpdesk.ports.broker import Broker
from helpdesk.results import tallied
from helpdesk.web.instrumentation import metrics_response
from helpdesk.web.problems import problem_responses
from ticket_api.filters import DeadLetterFilters, ResultsPeriod
from ticket_api.parameters import MessageId
from ticket_api.requests import AddNote
from ticket_api.responses import (
    DeadLetterList,
    DeadLetterSummary,
    DeadLetterView,
    Health,
    Readiness,
    ResultsView,
)
from ticket_api.services import Operator, Uses

router = APIRouter(tags=["operations"])

_REPORTED = timedelta(days=30)
_REFUSALS = problem_responses(400, 401, 403, 413, 422, 429, 503)
_MISSING_OR_CONFLICT = problem_responses(404, 409)


@router.get("/dead-letters", responses=_REFUSALS)
def list_dead_letters(
    caller: Operator, services: Uses, filters: Annotated[DeadLetterFilters, Query()]
) -> DeadLetterList:
    """List messages that were given up."""
    letters = services.dead_letters.all(status=filters.status, limit=filters.limit)
    return DeadLetterList(dead_letters=[DeadLetterSummary.model_validate(letter) for letter in letters])


@router.get("/dead-letters/{message_id}", responses=_REFUSALS | problem_responses(404))
def show_dead_letter(message_id: MessageId, caller: Operator, services: Uses) -> DeadLetterView:
    """Show one message that was given up."""
    return DeadLetterView.model_validate(services.dead_letters.one(message_id))


@router.post("/dead-letters/{message_id}/replay", responses=_REFUSALS | _MISSING_OR_CONFLICT)
def replay_dead_letter(message_id: MessageId, caller: Operator, services: Uses) -> DeadLetterView:
    """Give the message another try: its ticket opens a new turn."""
    return DeadLetterView.model_validate(services.dead_letters.replay(message_id, caller.name))


@router.post("/dead-letters/{message_id}/drop", responses=_REFUSALS | _MISSING_OR_CONFLICT)
def drop_dead_letter(
    message_id: MessageId, caller: Operator, services: Uses, body: AddNote | None = None
) -> DeadLetterView:
    """Close the letter without another try; its ticket stays with the people who have it."""
    letter = services.dead_letters.drop(message_id, caller.name, note=body.note if body else "")
    return DeadLetterView.model_validate(letter)


@router.get("/results", responses=_REFUSALS)
def results(caller: Operator, services: Uses, period: Annotated[ResultsPeriod, Query()]) -> ResultsView:
    """Count apart what became of the answers of a period, and whether promises were kept."""
    now = services.clock()
    until = period.until or now
    since = period.since or until - _REPORTED
    if since >= until:
        raise InvalidInput(f"{since} is not before {until}", field="since", remedy="send an earlier time")
    with services.store.reading() as tx:
        found = tallied(
            tx.answered_groups(since, until, watched_days=period.watched_days, now=now),
            tx.hand_overs(since, until),
            tx.promise_groups(since, until),
            since=since,
            until=until,
            watched_days=period.watched_days,
        )
    return ResultsView.model_validate(found)


@router.get("/health")
async def health() -> Health:
    """Say that the process is alive."""
    return Health(status="ok")


@router.get("/ready", responses=problem_responses(503))
def ready(services: Uses) -> Readiness:
    """Say what the service stands on; 503 only while the store is unusable, for intake works without the broker."""
    services.store.check()
    with services.store.reading() as tx:
        depth, oldest = tx.outbox_depth()
    broker = _broker_state(services.broker)
    age_s = max(0.0, (services.clock() - oldest).total_seconds()) if oldest else 0.0
    return Readiness(
        status="ready" if broker == "ok" else "degraded",
        store="ok",
        broker=broker,
        outbox_depth=depth,
        outbox_oldest_age_s=round(age_s, 3),
    )


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **problem_responses(401, 403, 429)},
)
async def metrics(caller: Operator) -> Response:
    """Return this process's metrics in Prometheus' text format."""
    return metrics_response()


def _broker_state(broker: Broker) -> Literal["ok", "unavailable", "misconfigured"]:
    try:
        broker.check()
    except BrokerMisconfigured:
        return "misconfigured"
    except BrokerUnavailable:
        return "unavailable"
    return "ok"
