"""The decision: which ticket is answered, drafted or routed, and with which reason."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpdesk.decisions import Outcome
from helpdesk.policy.decide import Decision, decide, triage
from helpdesk.policy.rules import Policy
from helpdesk.predictions import LabelScore, Prediction
from helpdesk.settings import ProcessorSettings
from helpdesk.tickets import GENERAL, HUMAN_QUEUES, INTERVENTION, REVIEW_QUEUE, Author
from tests.policies import SHIPPED

TEXT = "How do I cancel order TB-20418835?"


@pytest.fixture(scope="module")
def policy() -> Policy:
    return SHIPPED


def make_prediction(
    *,
    label: str = "cancel_order",
    category: str = "ORDER",
    confidence: float = 0.97,
    threshold: float = 0.8,
    out_of_scope: bool = False,
    sentiment: float = 0.0,
    sentiment_valid: bool = True,
    language: str = "en",
) -> Prediction:
    return Prediction(
        predicted_label=label,
        prediction_confidence=confidence,
        confidence_threshold=threshold,
        category=category,
        top_labels=[LabelScore(label=label, confidence=confidence)],
        out_of_scope=out_of_scope,
        out_of_scope_score=9.0 if out_of_scope else -9.0,
        out_of_scope_threshold=0.0,
        sentiment_score=sentiment,
        sentiment_valid=sentiment_valid,
        language=language,
        model_version="test",
    )


def codes(decision: Decision) -> list[str]:
    return [reason.code for reason in decision.reasons]


def test_a_sure_intent_with_evidence_is_answered(policy: Policy) -> None:
    decision = decide(make_prediction(), TEXT, evidence=0.9, policy=policy)
    assert decision.outcome is Outcome.ANSWER
    assert decision.queue is None
    assert codes(decision) == ["confident_and_grounded"]


def test_an_intent_that_is_only_drafted_waits_for_review(policy: Policy) -> None:
    prediction = make_prediction(label="complaint", category="FEEDBACK")
    decision = decide(prediction, "The zip is broken.", evidence=0.9, policy=policy)
    assert (decision.outcome, decision.queue, codes(decision)) == (Outcome.DRAFT, REVIEW_QUEUE, ["draft_only"])


def test_what_the_machine_would_answer_is_only_drafted_once_a_person_has_answered(policy: Policy) -> None:
    decision = decide(make_prediction(), TEXT, evidence=0.9, policy=policy, answered_last_by=Author.AGENT)
    assert (decision.outcome, decision.queue) == (Outcome.DRAFT, REVIEW_QUEUE)
    assert codes(decision) == ["person_answered_last"]
    assert "a person answered this customer last" in decision.reasons[0].text


@pytest.mark.parametrize("author", [None, Author.MACHINE])
def test_after_the_machines_own_answer_it_may_answer_again(policy: Policy, author: Author | None) -> None:
    decision = decide(make_prediction(), TEXT, evidence=0.9, policy=policy, answered_last_by=author)
    assert decision.outcome is Outcome.ANSWER


def test_thin_evidence_goes_to_the_category(policy: Policy) -> None:
    decision = decide(make_prediction(), TEXT, evidence=policy.evidence_threshold - 0.01, policy=policy)
    assert (decision.outcome, decision.queue, codes(decision)) == (Outcome.ROUTE, "ORDER", ["evidence_too_thin"])


@pytest.mark.parametrize(
    ("prediction", "text", "queue", "code"),
    [
        (make_prediction(confidence=0.5), TEXT, "ORDER", "confidence_below_threshold"),
        (make_prediction(out_of_scope=True), TEXT, GENERAL, "out_of_scope"),
        (make_prediction(language="de"), TEXT, GENERAL, "language"),
        (make_prediction(sentiment=-0.9), TEXT, INTERVENTION, "upset"),
        (make_prediction(), "Let me talk to a  human now", INTERVENTION, "asked_for_person"),
        (make_prediction(label="contact_human_agent", category="CONTACT"), TEXT, INTERVENTION, "asked_for_person"),
        (make_prediction(), "My lawyers will write to you", INTERVENTION, "reserved_topic_legal"),
        (make_prediction(), "the power bank overheated", INTERVENTION, "reserved_topic_safety"),
    ],
)
def test_what_needs_a_person_is_routed_before_the_knowledge_base_is_asked(
    policy: Policy, prediction: Prediction, text: str, queue: str, code: str
) -> None:
    decision = triage(prediction, text, policy)
    assert decision is not None
    assert (decision.outcome, decision.queue, codes(decision)) == (Outcome.ROUTE, queue, [code])


def test_a_sentiment_that_is_not_valid_changes_nothing(policy: Policy) -> None:
    assert triage(make_prediction(sentiment=-0.95, sentiment_valid=False), TEXT, policy) is None


def test_an_upset_customer_goes_ahead_of_the_others(policy: Policy) -> None:
    decision = triage(make_prediction(sentiment=-0.9), TEXT, policy)
    assert decision is not None
    assert decision.raises_priority


def test_a_stem_matches_its_endings_but_no_longer_word_around_it(policy: Policy) -> None:
    assert policy.reserved_topic("I consulted two lawyers") == ("legal", "lawyers")
    assert policy.reserved_topic("a trailblazing flawyerless tent") is None


def test_reasons_say_the_figures_that_mattered(policy: Policy) -> None:
    decision = triage(make_prediction(confidence=0.5, threshold=0.9), TEXT, policy)
    assert decision is not None
    assert "50%" in decision.reasons[0].text
    assert "90%" in decision.reasons[0].text


@settings(deadline=None)
@given(
    confidence=st.floats(0, 1),
    threshold=st.floats(0, 1),
    evidence=st.floats(0, 1),
    sentiment=st.floats(-1, 1),
    out_of_scope=st.booleans(),
    text=st.text(max_size=200),
)
def test_every_ticket_is_either_answered_or_has_a_queue_and_a_reason(
    confidence: float, threshold: float, evidence: float, sentiment: float, out_of_scope: bool, text: str
) -> None:
    policy = SHIPPED
    prediction = make_prediction(
        confidence=confidence, threshold=threshold, sentiment=sentiment, out_of_scope=out_of_scope
    )
    decision = decide(prediction, text, evidence, policy)
    assert decision.reasons
    if decision.outcome is Outcome.ANSWER:
        assert confidence >= max(threshold, policy.confidence_floor)
        assert evidence >= policy.evidence_threshold
        assert not out_of_scope
    else:
        assert decision.queue in HUMAN_QUEUES


@settings(deadline=None)
@given(evidence=st.floats(0, 1), lower=st.floats(0.6, 1), higher=st.floats(0.6, 1))
def test_more_confidence_never_takes_an_answer_away(evidence: float, lower: float, higher: float) -> None:
    policy = SHIPPED
    less, more = sorted((lower, higher))
    if decide(make_prediction(confidence=less), TEXT, evidence, policy).outcome is Outcome.ANSWER:
        assert decide(make_prediction(confidence=more), TEXT, evidence, policy).outcome is Outcome.ANSWER


def test_the_policy_file_that_ships_is_found(policy: Policy) -> None:
    assert Path(ProcessorSettings().policy_file).is_file()
    assert policy.name.startswith(f"{policy.version}-")
