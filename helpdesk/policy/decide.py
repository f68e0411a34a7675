"""Decides what happens to a ticket: pure functions of the prediction, the evidence and the policy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from helpdesk.decisions import Outcome, Reason
from helpdesk.policy.clarify import Choice, Clarification, Fact, between_intents, missing_fact
from helpdesk.policy.rules import Autonomy, Policy
from helpdesk.ports.knowledge import Passage
from helpdesk.predictions import Prediction
from helpdesk.tickets import GENERAL, INTERVENTION, REVIEW_QUEUE, Author

WRITTEN_FOR = frozenset({"confident_and_grounded", "person_answered_last", "draft_only"})
"""The reasons after which an answer or draft is written and checked."""

_WANTS_PERSON = "contact_human_agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do with a ticket, and why.

    Attributes:
        queue: the human queue; for an answer or a question None.
        raises_priority: the ticket goes ahead of the others in its queue.
        clarification: what the customer is asked, where that is the outcome.
    """

    outcome: Outcome
    queue: str | None
    reasons: tuple[Reason, ...]
    scores: Mapping[str, float] = field(default_factory=dict)
    raises_priority: bool = False
    clarification: Clarification | None = None

    @property
    def needs_writing(self) -> bool:
        """Whether a text is to be written from passages."""
        return self.outcome in {Outcome.ANSWER, Outcome.DRAFT}


def triage(prediction: Prediction, text: str, policy: Policy, *, may_ask: bool = False) -> Decision | None:
    """Return the decision that needs no evidence, or None where the knowledge base must be asked.

    Args:
        text: the customer's own words, without quoted mail and signature.
        may_ask: see ``helpdesk.policy.clarify``.
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
    if prediction.predicted_label == _WANTS_PERSON and prediction.prediction_confidence >= threshold:
        return route(
            INTERVENTION,
            "asked_for_person",
            f"The customer seems to ask for a person ({prediction.prediction_confidence:.0%} sure).",
        )
    if prediction.prediction_confidence < threshold:
        if may_ask and (question := _between_intents(prediction, policy)):
            return _ask(question, scores)
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
    prediction: Prediction,
    text: str,
    evidence: float,
    policy: Policy,
    *,
    passages: Sequence[Passage] = (),
    answered_last_by: Author | None = None,
    may_ask: bool = False,
    asked: Fact | Choice | None = None,
    metadata: Mapping[str, object] | None = None,
) -> Decision:
    """Return the decision for a ticket whose evidence is known.

    Args:
        evidence: see ``helpdesk.policy.evidence``; 0 where nothing was found.
        passages: what the evidence was found in, best first.
        answered_last_by: who gave the last answer to the customer; after an agent's, the machine only drafts.
        may_ask: see ``helpdesk.policy.clarify``.
        asked: what the customer was asked for, and has replied to.
        metadata: what the portal sent along, which nobody need ask for.
    """
    early = triage(prediction, text, policy, may_ask=may_ask)
    if early is not None:
        return early
    scores = {**_scores(prediction, policy), "evidence": evidence, "evidence_threshold": policy.evidence_threshold}
    intent = prediction.predicted_label
    if asked is not None and not asked.is_named_in(text):
        reason = Reason(code="reply_unclear", text="We asked once, and the reply does not say what was asked for.")
        return Decision(outcome=Outcome.ROUTE, queue=prediction.category, reasons=(reason,), scores=scores)
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
            rules = policy.clarify if may_ask else None
            known = with_metadata(text, metadata or {})
            if rules is not None and (missing := missing_fact(rules, prediction, known, passages)):
                return _ask(missing, scores)
            reason = Reason(code="confident_and_grounded", text=f"{found}.")
            return Decision(outcome=Outcome.ANSWER, queue=None, reasons=(reason,), scores=scores)
        case Autonomy.DRAFT:
            reason = Reason(code="draft_only", text=f"{found}; the policy wants a person to approve the answer.")
            return Decision(outcome=Outcome.DRAFT, queue=REVIEW_QUEUE, reasons=(reason,), scores=scores)
        case Autonomy.OFF:
            raise AssertionError("triage routes intents that are kept for people")
        case never:
            assert_never(never)


def with_metadata(text: str, metadata: Mapping[str, object]) -> str:
    """Return everything in which the customer may have named what is else asked for."""
    return "\n".join((text, *map(str, metadata.values())))


def _between_intents(prediction: Prediction, policy: Policy) -> Clarification | None:
    """Return the question between two intents, where the machine could answer either by itself."""
    labels = [top.label for top in prediction.top_labels[:2]]
    if policy.clarify is None or _WANTS_PERSON in labels:
        return None
    if any(policy.autonomy_of(label) is not Autonomy.ANSWER for label in labels):
        return None
    return between_intents(policy.clarify, prediction)


def _ask(question: Clarification, scores: Mapping[str, float]) -> Decision:
    reason = Reason(code=question.code, text=question.why)
    scores = {**scores, **question.compared}
    return Decision(outcome=Outcome.ASK, queue=None, reasons=(reason,), scores=scores, clarification=question)


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
