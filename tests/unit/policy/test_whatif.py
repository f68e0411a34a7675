"""What another policy would have done: counts, intervals and examples."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpdesk.decisions import DecisionRecord, Outcome, Reason
from helpdesk.policy.decide import decide, triage
from helpdesk.policy.intervals import difference, expected, share
from helpdesk.policy.redeciding import Case
from helpdesk.policy.rules import Policy
from helpdesk.policy.whatif import Judgement, WhatIf, what_if
from helpdesk.predictions import LabelScore, Prediction
from tests.policies import changed_policy

START = datetime(2026, 11, 21, tzinfo=UTC)


def make_case(number: int, confidence: float, evidence: float, policy: Policy, intent: str = "cancel_order") -> Case:
    prediction = Prediction(
        predicted_label=intent,
        prediction_confidence=confidence,
        confidence_threshold=0.0,
        category="ORDER",
        top_labels=[LabelScore(label=intent, confidence=confidence)],
        out_of_scope=False,
        out_of_scope_score=-1.0,
        out_of_scope_threshold=0.0,
        sentiment_score=0.0,
        sentiment_valid=True,
        language="en",
        model_version="test",
    )
    decision = triage(prediction, "", policy) or decide(prediction, "", evidence, policy)
    record = DecisionRecord(
        ticket_id=f"{number:032x}",
        turn=1,
        outcome=decision.outcome,
        queue=decision.queue,
        reasons=decision.reasons,
        scores=decision.scores,
        prediction=prediction.model_dump(),
        versions={"policy": policy.name},
        at=START - timedelta(minutes=number),
    )
    return Case(record=record, text=None, answered_last_by=None, policy=policy)


def tried(
    cases: list[Case], before: Policy, after: Policy, judgements: dict[tuple[str, int], Judgement] | None = None
) -> WhatIf:
    return what_if(cases, before, after, judgements=judgements or {}, examples=5)


confidences = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=40)


@settings(deadline=None)
@given(scores=confidences, floors=st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)))
def test_a_higher_threshold_never_raises_the_automatic_share(
    scores: list[tuple[float, float]], floors: tuple[float, float, float]
) -> None:
    present, *others = floors
    lower, higher = (changed_policy(confidence_floor=floor) for floor in sorted(others))
    before = changed_policy(confidence_floor=present)
    cases = [make_case(number, *both, before) for number, both in enumerate(scores)]
    under_lower, under_higher = tried(cases, before, lower).after, tried(cases, before, higher).after
    assert under_higher.outcomes[Outcome.ANSWER] <= under_lower.outcomes[Outcome.ANSWER]
    assert under_higher.answers_at_most <= under_lower.answers_at_most
    assert under_higher.wrong_expected <= under_lower.wrong_expected + 1e-9


@settings(deadline=None)
@given(scores=confidences, evidence=st.floats(0, 1))
def test_every_decision_is_counted_once_on_each_side(scores: list[tuple[float, float]], evidence: float) -> None:
    before, after = changed_policy(), changed_policy(evidence_threshold=evidence)
    found = tried([make_case(number, *both, before) for number, both in enumerate(scores)], before, after)
    assert found.before.total == found.after.total == len(scores)
    for side in (found.before, found.after):
        assert side.queues.total() == side.outcomes[Outcome.ROUTE] + side.outcomes[Outcome.DRAFT]
        assert side.outcomes[Outcome.ANSWER] <= side.answers_at_most <= side.total
    assert sum(found.moves.values()) == found.changed + found.became_unknown


@settings(deadline=None)
@given(scores=confidences)
def test_the_same_policy_changes_nothing(scores: list[tuple[float, float]]) -> None:
    policy = changed_policy()
    found = tried([make_case(number, *both, policy) for number, both in enumerate(scores)], policy, policy)
    assert (found.changed, found.became_unknown, found.examples) == (0, 0, [])
    assert found.before == found.after


def test_an_intent_that_is_only_drafted_moves_to_review_with_its_reason() -> None:
    before = changed_policy()
    after = changed_policy(autonomy={"default": "answer", "intents": {"cancel_order": "draft"}})
    cases = [make_case(number, 0.9, 0.9, before) for number in range(8)]
    cases += [make_case(9, 0.9, 0.9, before, intent="track_order")]
    found = tried(cases, before, after)
    assert found.before.outcomes == {Outcome.ANSWER: 9}
    assert found.after.outcomes == {Outcome.ANSWER: 1, Outcome.DRAFT: 8}
    assert found.after.queues == {"REVIEW": 8}
    assert found.changed == 8
    assert [example.ticket_id for example in found.examples] == [f"{number:032x}" for number in range(5)]
    assert "wants a person to approve" in found.examples[0].reason
    assert found.before.wrong.value == pytest.approx(0.9)
    assert found.after.wrong.value == pytest.approx(0.1)
    assert found.automatic_difference.value == pytest.approx(-8 / 9)


def test_what_a_run_alone_could_tell_is_counted_apart_and_named() -> None:
    before, after = changed_policy(confidence_floor=0.9), changed_policy(confidence_floor=0.5)
    cases = [make_case(number, confidence, 0.9, before) for number, confidence in enumerate((0.95, 0.7, 0.6, 0.3))]
    found = tried(cases, before, after)
    assert found.after.outcomes == {Outcome.ANSWER: 1, Outcome.ROUTE: 1}
    assert found.after.unknown.total() == found.became_unknown == 2
    assert (found.before.answers_at_most, found.after.answers_at_most) == (1, 3)
    assert all("would need a run" in example.reason for example in found.examples)


def test_what_people_said_is_counted_of_the_answered() -> None:
    before = changed_policy()
    after = changed_policy(autonomy={"default": "answer", "intents": {"track_order": "off"}})
    cases = [make_case(number, 0.9, 0.9, before) for number in range(3)]
    cases += [make_case(3, 0.9, 0.9, before, intent="track_order")]
    said = {
        (cases[0].record.ticket_id, 1): Judgement(intent="cancel_order", score=5),
        (cases[1].record.ticket_id, 1): Judgement(intent="get_refund", score=1),
        (cases[2].record.ticket_id, 1): Judgement(score=3),
        (cases[3].record.ticket_id, 1): Judgement(intent="get_refund", score=2),
    }
    found = tried(cases, before, after, said)
    first, second = found.before, found.after
    assert (first.confirmed, first.corrected, first.helpful, first.unhelpful) == (1, 2, 1, 2)
    assert (second.confirmed, second.corrected, second.helpful, second.unhelpful) == (1, 1, 1, 1)


def test_decisions_under_an_older_policy_are_compared_as_the_present_one_decides_them() -> None:
    old, present = changed_policy(evidence_threshold=0.1), changed_policy(evidence_threshold=0.5)
    cases = [make_case(0, 0.9, 0.3, old)]
    assert cases[0].record.outcome is Outcome.ANSWER
    found = tried(cases, present, present)
    assert found.before.outcomes == {Outcome.ROUTE: 1}
    assert found.changed == 0


def test_what_no_policy_decided_is_named_apart() -> None:
    policy = changed_policy()
    case = make_case(0, 0.9, 0.9, policy)
    away = replace(
        case.record, outcome=Outcome.ROUTE, queue="ORDER", scores={}, reasons=(Reason(code="x_unavailable", text=""),)
    )
    found = tried([replace(case, record=away)], policy, changed_policy(confidence_floor=0.1))
    assert (found.not_by_policy, found.changed, found.after.queues) == (1, 0, {"ORDER": 1})


def test_intervals_hold_what_they_promise() -> None:
    """Of many samples with a known share, about 95 % of the intervals hold it."""
    random.seed(7)
    held_share = held_difference = held_sum = 0
    for _ in range(600):
        draws = [(random.random(), random.random()) for _ in range(200)]
        before, after = [one < 0.30 for one, _ in draws], [one < 0.30 or other < 0.1 for one, other in draws]
        found = share(sum(before), 200)
        held_share += found.low <= 0.30 <= found.high
        change = difference(sum(b and not a for a, b in zip(before, after, strict=True)), 0, 200)
        held_difference += change.low <= 0.07 <= change.high
        probabilities = [0.02 + one * 0.3 for one, _ in draws]
        happened = sum(random.random() < probability for probability in probabilities)
        total = expected(sum(probabilities), sum(p * (1 - p) for p in probabilities))
        held_sum += total.low <= happened <= total.high
    assert 0.92 < held_share / 600 < 0.98
    assert 0.91 < held_difference / 600 < 0.98
    assert 0.92 < held_sum / 600 < 0.98


def test_intervals_of_nothing_say_nothing() -> None:
    assert (share(0, 0).low, share(0, 0).high) == (0.0, 1.0)
    assert (difference(0, 0, 0).low, difference(0, 0, 0).high) == (-1.0, 1.0)
    assert share(0, 50).low == 0.0 < share(0, 50).high < 0.1
