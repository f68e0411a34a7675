"""Decides what happens to a ticket: pure functions of the prediction, the evidence and the policy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from helpdesk.decisions import Outcome, Reason
from helpdesk.policy.rules import Autonomy, Policy
from helpdesk.predictions import Prediction
from helpdesk.tickets import GENERAL, INTERVENTION, REVIEW_QUEUE, Author

WRITTEN_FOR = frozenset({"confident_and_grounded", "person_answered_last", "draft_only"})
"""The reasons after which an answer or draft is written and checked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do with a ticket, and why.

    Attributes:
        queue: the human queue; for an answer None.
        raises_priority: the ticket goes ahead of the others in its queue.
    """

    outcome: Outcome
    queue: str | None
    reasons: tuple[Reason, ...]
    scores: Mapping[str, float] = field(default_factory=dict)
    raises_priority: bool = False


def triage(prediction: Prediction, text: str, policy: Policy) -> Decision | None:
    """Return the decision that needs no evidence, or None where the knowledge base must be asked.

    Args:
        text: the customer's own words, without quoted mail and signature.
    """
    scores = _scores(prediction, policy)
    threshold = scores["confidence_threshold"]

    def route(queue: str, code: str, sentence: str, *, raises_priority: bool = False) -> Decision:
        return Decision(
            outcome=Outcome.ROUTE,
            queue=queue,
            reasons=(Reason(code=code, text=sentence),),
            scores=scores,
            raises_priority=raises_priority,
        )

    if topic := policy.reserved_topic(text):
        name, words = topic
        return route(
            INTERVENTION,
            f"reserved_topic_{name}",
            f"The customer wrote “{words}”, and the topic “{name}” is kept for people.",
            raises_priority=True,
        )
    if asked := policy.person_asked_for(text):
        return route(INTERVENTION, "asked_for_person", f"The customer asked for a person: “{asked}”.")
    if prediction.sentiment_valid and prediction.sentiment_score <= policy.upset_at:
        return route(
            INTERVENTION,
            "upset",
            f"The customer sounds upset (sentiment {prediction.sentiment_score:+.2f}, bound {policy.upset_at:+.2f}).",
            raises_priority=True,
        )
    if prediction.language and prediction.language not in policy.languages:
        return route(GENERAL, "language", f"The ticket seems to be written in “{prediction.language}”.")
    if prediction.out_of_scope:
        return route(
            GENERAL,
            "out_of_scope",
            f"This is like none of the known intents (score {prediction.out_of_scope_score:.2f}, "
            f"bound {prediction.out_of_scope_threshold:.2f}).",
        )
    if prediction.predicted_label == "contact_human_agent" and prediction.prediction_confidence >= threshold:
        return route(
            INTERVENTION,
            "asked_for_person",
            f"The customer seems to ask for a person ({prediction.prediction_confidence:.0%} sure).",
        )
    if prediction.prediction_confidence < threshold:
        return route(
            prediction.category,
            "confidence_below_threshold",
            f"The intent is most likely “{prediction.predicted_label}”, but only with "
            f"{prediction.prediction_confidence:.0%} confidence ({threshold:.0%} are needed).",
        )
    if policy.autonomy_of(prediction.predicted_label) is Autonomy.OFF:
        return route(
            prediction.category, "autonomy_off", f"The policy keeps “{prediction.predicted_label}” for people."
        )
    return None


def decide(
    prediction: Prediction, text: str, evidence: float, policy: Policy, *, answered_last_by: Author | None = None
) -> Decision:
    """Return the decision for a ticket whose evidence is known.

    Args:
        evidence: see ``helpdesk.policy.evidence``; 0 where nothing was found.
        answered_last_by: who had the last word to the customer; after an agent's, the machine only drafts.
    """
    early = triage(prediction, text, policy)
    if early is not None:
        return early
    scores = {**_scores(prediction, policy), "evidence": evidence, "evidence_threshold": policy.evidence_threshold}
    intent = prediction.predicted_label
    if evidence < policy.evidence_threshold:
        sentence = (
            f"The intent is “{intent}”, but the knowledge base holds too little on it "
            f"(evidence {evidence:.2f}, {policy.evidence_threshold:.2f} are needed)."
        )
        reason = Reason(code="evidence_too_thin", text=sentence)
        return Decision(outcome=Outcome.ROUTE, queue=prediction.category, reasons=(reason,), scores=scores)
    found = f"The intent is “{intent}” ({prediction.prediction_confidence:.0%} sure), with evidence {evidence:.2f}"
    match policy.autonomy_of(intent):
        case Autonomy.ANSWER if answered_last_by is Author.AGENT:
            sentence = f"{found}; a person answered this customer last, so a person approves the answer."
            reason = Reason(code="person_answered_last", text=sentence)
            return Decision(outcome=Outcome.DRAFT, queue=REVIEW_QUEUE, reasons=(reason,), scores=scores)
        case Autonomy.ANSWER:
            reason = Reason(code="confident_and_grounded", text=f"{found}.")
            return Decision(outcome=Outcome.ANSWER, queue=None, reasons=(reason,), scores=scores)
        case Autonomy.DRAFT:
            reason = Reason(code="draft_only", text=f"{found}; the policy wants a person to approve the answer.")
            return Decision(outcome=Outcome.DRAFT, queue=REVIEW_QUEUE, reasons=(reason,), scores=scores)
        case Autonomy.OFF:
            raise AssertionError("triage routes intents that are kept for people")
        case never:
            assert_never(never)


def to_a_person(decision: Decision, prediction: Prediction, reasons: Sequence[Reason]) -> Decision:
    """Return the decision turned into one for the category's queue, with why: its answer could not be used."""
    return replace(decision, outcome=Outcome.ROUTE, queue=prediction.category, reasons=(*decision.reasons, *reasons))


def _scores(prediction: Prediction, policy: Policy) -> dict[str, float]:
    return {
        "confidence": prediction.prediction_confidence,
        "confidence_threshold": policy.threshold_for(prediction.predicted_label, prediction.confidence_threshold),
        "out_of_scope": prediction.out_of_scope_score,
        "out_of_scope_threshold": prediction.out_of_scope_threshold,
        "sentiment": prediction.sentiment_score,
        "upset_at": policy.upset_at,
    }
