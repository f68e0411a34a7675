"""Deciding again from a record: the same policy gives the same again, and what the record lacks is never guessed."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from helpdesk.decisions import DecisionRecord, Outcome, Reason
from helpdesk.policy.clarify import reply_to
from helpdesk.policy.decide import WRITTEN_FOR, Decision, decide, to_a_person, triage
from helpdesk.policy.redeciding import Case, Unknown, could_ask, names_words, redecide
from helpdesk.policy.replay import replay
from helpdesk.policy.rules import Autonomy, Policy
from helpdesk.ports.knowledge import Passage
from helpdesk.predictions import LabelScore, Prediction
from helpdesk.tickets import Author
from tests.factories import make_message, make_ticket
from tests.fakes import ARTICLE, GUEST_ARTICLE
from tests.policies import FILE, SHIPPED, changed_policy

INTENTS = {"cancel_order": "ORDER", "get_refund": "REFUND", "complaint": "FEEDBACK", "contact_human_agent": "CONTACT"}
TEXTS = ("How do I cancel?", "My lawyer will write to you.", "Let me talk to a human agent.", "It caught fire", "")
WRITING = {
    "passes": (),
    "fails": (Reason(code="claim_uncited", text="Nothing is cited."), Reason(code="promise", text="It promises.")),
    "links": (Reason(code="link_not_allowed", text="A link leads elsewhere."),),
    "budget": (Reason(code="budget_hour", text="Answers have cost enough."),),
    "reused": (Reason(code="answer_reused", text="It was answered before."),),
}

predictions = st.builds(
    lambda intent, confidence, threshold, out_of_scope, sentiment, valid, language: Prediction(
        predicted_label=intent,
        prediction_confidence=confidence,
        confidence_threshold=threshold,
        category=INTENTS[intent],
        top_labels=[LabelScore(label=intent, confidence=confidence)],
        out_of_scope=out_of_scope,
        out_of_scope_score=1.0 if out_of_scope else -1.0,
        out_of_scope_threshold=0.0,
        sentiment_score=sentiment,
        sentiment_valid=valid,
        language=language,
        model_version="test",
    ),
    st.sampled_from(sorted(INTENTS)),
    st.floats(0, 1),
    st.floats(0, 1),
    st.sampled_from([False, False, True]),
    st.floats(-1, 1),
    st.booleans(),
    st.sampled_from(["en", "en", "en", "de", ""]),
)
policies = st.builds(
    lambda autonomy, floor, evidence, upset, hosts: changed_policy(
        autonomy={"default": autonomy, "intents": {"complaint": "draft"}},
        confidence_floor=floor,
        evidence_threshold=evidence,
        upset_at=upset,
        link_hosts=hosts,
    ),
    st.sampled_from([*Autonomy]).map(str),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(-1, 1),
    st.sampled_from([[], ["shop.example"], ["shop.example", "help.example"]]),
)
cases = st.builds(
    lambda prediction, text, evidence, last, writing, policy: make_case(
        prediction, text, evidence, policy, answered_last_by=last, writing=writing
    ),
    predictions,
    st.sampled_from(TEXTS),
    st.floats(0, 1),
    st.sampled_from([None, Author.MACHINE, Author.AGENT]),
    st.sampled_from(sorted(WRITING)),
    policies,
)


def make_case(
    prediction: Prediction,
    text: str,
    evidence: float,
    policy: Policy,
    *,
    answered_last_by: Author | None = None,
    writing: str = "passes",
) -> Case:
    """Return a decision as a worker makes and records it, writing and checks included."""
    decision = triage(prediction, text, policy) or decide(
        prediction, text, evidence, policy, answered_last_by=answered_last_by
    )
    if decision.reasons[0].code in WRITTEN_FOR and (found := WRITING[writing]):
        if writing == "reused":
            decision = replace(decision, reasons=(*decision.reasons, *found))
        else:
            decision = to_a_person(decision, prediction, found)
    return Case(
        record=recorded(decision, prediction, policy), text=text, answered_last_by=answered_last_by, policy=policy
    )


def recorded(decision: Decision, prediction: Prediction, policy: Policy) -> DecisionRecord:
    return DecisionRecord(
        ticket_id="t" * 32,
        turn=1,
        outcome=decision.outcome,
        queue=decision.queue,
        reasons=decision.reasons,
        scores=decision.scores,
        prediction=prediction.model_dump(mode="json"),
        versions={"model": "test", "policy": policy.name},
        at=datetime(2026, 11, 21, tzinfo=UTC),
    )


def sure(intent: str = "cancel_order", confidence: float = 0.97) -> Prediction:
    return Prediction(
        predicted_label=intent,
        prediction_confidence=confidence,
        confidence_threshold=0.8,
        category=INTENTS[intent],
        top_labels=[LabelScore(label=intent, confidence=confidence)],
        out_of_scope=False,
        out_of_scope_score=-1.0,
        out_of_scope_threshold=0.0,
        sentiment_score=0.0,
        sentiment_valid=True,
        language="en",
        model_version="test",
    )


@settings(deadline=None)
@given(case=cases)
def test_the_same_policy_gives_the_same_decision_word_for_word(case: Case) -> None:
    assert case.policy is not None
    found = redecide(case, case.policy)
    record = case.record
    assert (found.outcome, found.queue) == (record.outcome, record.queue)
    assert found.reasons == record.reasons
    assert dict(found.scores) == dict(record.scores)
    assert found.at_most is record.outcome


@settings(deadline=None)
@given(case=cases, policy=policies)
def test_without_the_words_the_record_tells_the_same_as_with_them(case: Case, policy: Policy) -> None:
    """Where both policies look for the same words, the record knows whether they stood in the text."""
    if names_words(case.record) is None:
        return
    with_text, without = redecide(case, policy), redecide(replace(case, text=None), policy)
    assert (with_text.outcome, with_text.queue, with_text.unknown) == (without.outcome, without.queue, without.unknown)


@settings(deadline=None)
@given(case=cases, policy=policies)
def test_what_is_known_is_what_a_worker_would_have_decided(case: Case, policy: Policy) -> None:
    """Each known outcome is that of the whole way, with the evidence that stands in the record."""
    found = redecide(case, policy)
    if found.outcome is None:
        assert found.unknown is not None
        return
    prediction = Prediction.model_validate(case.record.prediction)
    evidence = case.record.scores.get("evidence", 0.0)
    fresh = triage(prediction, case.text or "", policy) or decide(
        prediction, case.text or "", evidence, policy, answered_last_by=case.answered_last_by
    )
    if fresh.reasons[0].code not in WRITTEN_FOR or len(case.record.reasons) == 1:
        assert (found.outcome, found.queue) == (fresh.outcome, fresh.queue)


def test_an_answer_that_was_never_written_is_not_guessed() -> None:
    strict, loose = changed_policy(evidence_threshold=0.9), changed_policy(evidence_threshold=0.3)
    found = redecide(make_case(sure(), "How?", 0.5, strict), loose)
    assert (found.outcome, found.unknown, found.at_most) == (None, Unknown.WRITING, Outcome.ANSWER)


def test_evidence_that_was_never_looked_for_is_not_guessed() -> None:
    strict, loose = changed_policy(confidence_floor=0.99), changed_policy(confidence_floor=0.5)
    found = redecide(make_case(sure(), "How?", 0.5, strict), loose)
    assert (found.outcome, found.unknown, found.at_most) == (None, Unknown.EVIDENCE, Outcome.ANSWER)
    drafting = changed_policy(confidence_floor=0.5, autonomy={"default": "draft", "intents": {}})
    assert redecide(make_case(sure(), "How?", 0.5, strict), drafting).at_most is Outcome.DRAFT


def test_a_draft_that_passed_its_checks_would_have_been_an_answer() -> None:
    draft = changed_policy(autonomy={"default": "draft", "intents": {}})
    answer = changed_policy(autonomy={"default": "answer", "intents": {}})
    assert redecide(make_case(sure(), "How?", 0.9, draft), answer).outcome is Outcome.ANSWER
    failed = redecide(make_case(sure(), "How?", 0.9, draft, writing="fails"), answer)
    assert (failed.outcome, failed.queue) == (Outcome.ROUTE, "ORDER")


@pytest.mark.parametrize(
    ("before", "after", "writing", "outcome"),
    [
        (["a.example"], ["a.example", "b.example"], "passes", Outcome.ANSWER),
        (["a.example"], [], "passes", Outcome.ANSWER),
        (["a.example", "b.example"], ["a.example"], "passes", None),
        ([], ["a.example"], "passes", None),
        (["a.example"], ["a.example", "b.example"], "links", None),
    ],
)
def test_other_link_hosts_leave_open_only_what_they_may_change(
    before: list[str], after: list[str], writing: str, outcome: Outcome | None
) -> None:
    case = make_case(sure(), "How?", 0.9, changed_policy(link_hosts=before), writing=writing)
    assert redecide(case, changed_policy(link_hosts=after)).outcome is outcome


def test_what_no_policy_decided_stays_as_it_was() -> None:
    record = DecisionRecord(
        ticket_id="t",
        turn=1,
        outcome=Outcome.ROUTE,
        queue="GENERAL",
        reasons=(Reason(code="predictor_unavailable", text="Away."),),
        at=datetime(2026, 11, 21, tzinfo=UTC),
    )
    found = redecide(Case(record=record, text="", answered_last_by=None, policy=None), SHIPPED)
    assert (found.outcome, found.queue, found.by_policy) == (Outcome.ROUTE, "GENERAL", False)


def test_a_record_that_this_code_cannot_read_is_unknown() -> None:
    case = make_case(sure(), "How?", 0.9, SHIPPED)
    strange = replace(case, record=replace(case.record, prediction={"predicted_label": "x"}))
    assert redecide(strange, SHIPPED).unknown is Unknown.RECORD


def test_under_a_policy_that_nobody_knows_a_written_answer_stays_open() -> None:
    case = replace(make_case(sure(), "How?", 0.9, SHIPPED), policy=None)
    assert redecide(case, SHIPPED).unknown is Unknown.LINKS


CLARIFY: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["clarify"]
BOTH = (Passage(article=ARTICLE, similarity=0.81), Passage(article=GUEST_ARTICLE, similarity=0.80))
WAVERING = sure(confidence=0.48).model_copy(
    update={
        "top_labels": [
            LabelScore(label="cancel_order", confidence=0.48),
            LabelScore(label="change_order", confidence=0.41),
        ]
    }
)


def asked_case(prediction: Prediction, policy: Policy = SHIPPED, text: str = "Please cancel it.") -> Case:
    """Return the first decision on a ticket for which two articles fit, as a worker makes and records it."""
    decision = decide(prediction, text, 0.97, policy, passages=BOTH, may_ask=True)
    return Case(
        record=recorded(decision, prediction, policy), text=text, answered_last_by=None, policy=policy, may_ask=True
    )


@pytest.mark.parametrize("may_ask", [True, None])
@pytest.mark.parametrize("prediction", [sure(), WAVERING])
def test_a_question_back_is_the_same_again_or_unknown(prediction: Prediction, may_ask: bool | None) -> None:
    case = replace(asked_case(prediction), may_ask=may_ask)
    assert case.record.outcome is Outcome.ASK
    found = redecide(case, SHIPPED)
    if may_ask is None:
        assert (found.unknown, found.at_most) in [(Unknown.QUESTION, Outcome.ANSWER), (Unknown.QUESTION, Outcome.ASK)]
        assert replay(case, SHIPPED).warning == ""
    else:
        assert (found.outcome, found.queue, found.reasons) == (Outcome.ASK, None, case.record.reasons)
        assert dict(found.scores) == dict(case.record.scores)


def test_a_policy_that_never_asks_leaves_the_answer_unknown_and_the_wavering_to_people() -> None:
    silent = changed_policy(clarify=None)
    assert redecide(asked_case(sure()), silent).unknown is Unknown.WRITING
    assert redecide(asked_case(WAVERING), silent).outcome is Outcome.ROUTE
    assert redecide(asked_case(WAVERING, silent), SHIPPED).outcome is Outcome.ASK
    stricter = changed_policy(evidence_threshold=0.99)
    assert redecide(asked_case(sure()), stricter).outcome is Outcome.ROUTE


def test_other_rules_of_what_to_ask_need_the_passages_unless_the_text_names_it() -> None:
    silent = changed_policy(clarify=None)
    assert redecide(asked_case(sure(), silent), SHIPPED).unknown is Unknown.QUESTION
    named = asked_case(sure(), silent, "Please cancel it, I ordered as a guest.")
    assert redecide(named, SHIPPED).outcome is Outcome.ANSWER
    closer = changed_policy(clarify=CLARIFY | {"close_within": 0.001})
    assert redecide(asked_case(sure()), closer).unknown is Unknown.QUESTION
    patient = changed_policy(clarify=CLARIFY | {"wait_hours": 1})
    assert redecide(asked_case(sure()), patient).outcome is Outcome.ASK


def test_the_reply_to_a_question_is_held_to_the_rule_that_asked() -> None:
    question = next(iter(CLARIFY["choices"].values()))["question"]["en"]
    talk = [
        make_message(make_ticket(), text="Please cancel it."),
        make_message(make_ticket(), author=Author.MACHINE, text=question, is_question=True),
        make_message(make_ticket(), turn=2, text="Hm?"),
    ]
    rule = reply_to(SHIPPED.clarify, talk)
    decision = decide(sure(), "Hm?", 0.97, SHIPPED, passages=BOTH, asked=rule)
    record = replace(recorded(decision, sure(), SHIPPED), turn=2)
    case = Case(record=record, text="Hm?", answered_last_by=None, policy=SHIPPED, conversation=talk)
    found = redecide(case, SHIPPED)
    assert found.reasons[0].code == "reply_unclear"
    assert (found.outcome, found.reasons) == (record.outcome, record.reasons)
    assert redecide(case, changed_policy(clarify=None)).unknown is Unknown.EVIDENCE


@pytest.mark.parametrize(
    ("turn", "author", "told"), [(1, Author.CUSTOMER, True), (2, Author.CUSTOMER, None), (2, Author.MACHINE, False)]
)
def test_whether_somebody_could_be_asked_is_known_or_open(turn: int, author: Author, told: bool | None) -> None:
    record = replace(make_case(sure(), "How?", 0.9, SHIPPED).record, turn=turn)
    assert could_ask(record, [make_message(make_ticket(), author=author, text="How?")]) is told
