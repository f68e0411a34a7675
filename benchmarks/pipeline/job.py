"""The job that every peer runs for a ticket, made of Helpdesk's own parts: the same model, decision, tables and SQL.

It does a little less than Helpdesk's worker, which also counts each start in its inbox, records that the ticket is
being processed, and puts a message for the human queue into the outbox, which the relay then publishes.
"""

import threading
from dataclasses import replace

from helpdesk.clock import utc_now
from helpdesk.decisions import DecisionRecord
from helpdesk.desk import event, waiting
from helpdesk.policy.decide import Decision, triage
from helpdesk.policy.rules import load_policy
from helpdesk.predictions import Prediction
from helpdesk.settings import Settings, load_settings
from helpdesk.tickets import AWAITS_MACHINE, GENERAL, Action, Author, ConversationMessage, Ticket
from helpdesk.wiring import open_predictor, open_store
from models.preprocess import readable

ACTOR = "benchmark"


class Job:
    """Decides a ticket and records the outcome. Safe for use by several threads, and harmless when it is run twice."""

    def __init__(self, settings: Settings) -> None:
        self._store, self._predictor = open_store(settings), open_predictor(settings)
        self._policy = load_policy(settings.processor.policy_file)

    def run(self, ticket_id: str) -> None:
        """Load, predict, decide, record; when this returns the outcome is committed."""
        with self._store.reading() as tx:
            ticket = tx.ticket(ticket_id)
            conversation = tx.conversations([ticket_id])[ticket_id]
        if ticket.status not in AWAITS_MACHINE:
            return
        text = _text(ticket, conversation)
        (prediction,) = self._predictor.predict([text])
        decision = triage(prediction, text, self._policy)
        if decision is None:
            raise ValueError(f"the policy of the benchmark routes every ticket, but not {ticket_id}")
        self._record(ticket_id, prediction, decision)

    def _record(self, ticket_id: str, prediction: Prediction, decision: Decision) -> None:
        now = utc_now()
        reason = " ".join(fired.text for fired in decision.reasons)
        with self._store.transaction() as tx:
            ticket = tx.ticket(ticket_id)
            if ticket.status not in AWAITS_MACHINE:
                return
            found = replace(
                ticket,
                intent=prediction.predicted_label,
                category=prediction.category,
                confidence=prediction.prediction_confidence,
                sentiment=prediction.sentiment_score if prediction.sentiment_valid else None,
            )
            queued = waiting(found, Action.ROUTE, queue=decision.queue or GENERAL, reason=reason, at=now)
            tx.save([queued])
            routed = event(queued, Action.ROUTE, actor=Author.MACHINE, name=ACTOR, reason=reason, queue=queued.queue)
            tx.add_events([routed])
            tx.add_decisions(
                [
                    DecisionRecord(
                        ticket_id=ticket_id,
                        turn=ticket.turn,
                        outcome=decision.outcome,
                        queue=decision.queue,
                        reasons=decision.reasons,
                        scores=decision.scores,
                        prediction=prediction.model_dump(),
                        versions={"model": prediction.model_version, "policy": self._policy.name},
                        at=now,
                    )
                ]
            )


_lock = threading.Lock()
_jobs: list[Job] = []


def decide_ticket(ticket_id: str) -> None:
    """Run the job in this process; what it needs is opened the first time."""
    with _lock:
        if not _jobs:
            _jobs.append(Job(load_settings()))
    _jobs[0].run(ticket_id)


def _text(ticket: Ticket, conversation: list[ConversationMessage]) -> str:
    return f"{ticket.subject}\n{readable(conversation[-1].text)}".strip()
