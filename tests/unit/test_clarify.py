"""One question back: when the policy asks, what it asks, and that it asks no more than once and never over a person."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpdesk.decisions import Outcome
from helpdesk.errors import InvalidData
from helpdesk.policy.clarify import ClarifyRules, Fact, may_ask, reply_to
from helpdesk.policy.decide import Decision, decide
from helpdesk.policy.rules import Policy, load_policy
from helpdesk.ports.knowledge import Passage
from helpdesk.predictions import LabelScore, Prediction
from helpdesk.settings import ProcessorSettings
from helpdesk.tickets import AWAITS_PERSON, GENERAL, INTERVENTION, Author, ConversationMessage, Status, Ticket
from tests.factories import make_message, make_ticket
from tests.fakes import ARTICLE, GUEST_ARTICLE, codes

SHIPPED = ProcessorSettings().policy_file
POLICY = load_policy(SHIPPED)
TEXT = "Please cancel my order."
CHOICE = "Did you order as a guest, or with an account?"
BOTH = (Passage(article=ARTICLE, similarity=0.81), Passage(article=GUEST_ARTICLE, similarity=0.80))


def make_prediction(
    first: tuple[str, float] = ("cancel_order", 0.97),
    second: tuple[str, float] = ("change_order", 0.01),
    **changes: Any,
) -> Prediction:
    values: dict[str, Any] = {
        "predicted_label": first[0],
        "prediction_confidence": first[1],
        "confidence_threshold": 0.8,
        "category": "ORDER",
        "top_labels": [LabelScore(label=label, confidence=confidence) for label, confidence in (first, second)],
        "out_of_scope": False,
        "out_of_scope_score": -9.0,
        "out_of_scope_threshold": 0.0,
        "sentiment_score": 0.0,
        "sentiment_valid": True,
        "language": "en",
        "model_version": "test",
    }
    return Prediction.model_validate(values | changes)


WAVERING = make_prediction(("cancel_order", 0.48), ("change_order", 0.41))


def decided(
    prediction: Prediction = WAVERING,
    text: str = TEXT,
    passages: Sequence[Passage] = BOTH,
    *,
    policy: Policy = POLICY,
    ask: bool = True,
    **known: Any,
) -> Decision:
    return decide(prediction, text, 0.97, policy, passages=passages, may_ask=ask, **known)


def question(decision: Decision) -> str:
    assert decision.outcome is Outcome.ASK
    assert decision.queue is None
    assert decision.clarification is not None
    return decision.clarification.question


def with_rules(**changes: Any) -> Policy:
    assert POLICY.clarify is not None
    rules = ClarifyRules.model_validate(POLICY.clarify.model_dump() | changes)
    return POLICY.model_copy(update={"clarify": rules})


def with_order_number() -> Policy:
    assert POLICY.clarify is not None
    fact = POLICY.clarify.facts["order_number"].model_dump() | {"intents": ["track_order"]}
    return with_rules(facts={"order_number": fact})


# Between two intents


def test_where_two_intents_are_close_the_customer_is_asked_which_in_plain_words() -> None:
    decision = decided()
    assert question(decision).startswith("Is your question about cancelling an order, or about changing an order?")
    assert codes(decision.reasons) == ["asks_which_intent"]
    assert "“cancel_order” (48%) or “change_order” (41%)" in decision.reasons[0].text
    assert decision.scores["runner_up"] == 0.41
    assert decision.clarification is not None
    assert decision.clarification.wait == timedelta(hours=72)


@pytest.mark.parametrize(
    "prediction",
    [
        make_prediction(("cancel_order", 0.70), ("change_order", 0.26)),
        make_prediction(("cancel_order", 0.30), ("change_order", 0.20)),
        make_prediction(("cancel_order", 0.45), ("complaint", 0.40)),
        make_prediction(("cancel_order", 0.45), ("contact_human_agent", 0.40)),
        WAVERING.model_copy(update={"top_labels": WAVERING.top_labels[:1]}),
    ],
    ids=["too far apart", "both unlikely", "kept for people", "asks for a person", "only one is known"],
)
def test_where_a_question_would_not_decide_a_person_gets_the_ticket(prediction: Prediction) -> None:
    decision = decided(prediction)
    assert (decision.outcome, decision.queue) == (Outcome.ROUTE, "ORDER")
    assert codes(decision.reasons) == ["confidence_below_threshold"]


def test_in_a_language_without_a_text_nobody_is_asked() -> None:
    policy = POLICY.model_copy(update={"languages": frozenset({"en", "de"})})
    german = WAVERING.model_copy(update={"language": "de"})
    assert decided(german, policy=policy).outcome is Outcome.ROUTE
    assert question(decided(WAVERING.model_copy(update={"language": ""})))


@pytest.mark.parametrize(
    ("changes", "text", "queue"),
    [
        ({"sentiment_score": -0.9}, TEXT, INTERVENTION),
        ({}, "Let me speak to a human", INTERVENTION),
        ({}, "My lawyer will call", INTERVENTION),
        ({"out_of_scope": True}, TEXT, GENERAL),
        ({"language": "fr"}, TEXT, GENERAL),
    ],
)
@pytest.mark.parametrize("prediction", [WAVERING, make_prediction()])
def test_who_needs_a_person_is_never_asked(
    prediction: Prediction, changes: dict[str, Any], text: str, queue: str
) -> None:
    decision = decided(prediction.model_copy(update=changes), text)
    assert (decision.outcome, decision.queue) == (Outcome.ROUTE, queue)


# What the articles turn on


def test_where_two_articles_fit_that_differ_in_one_condition_the_customer_is_asked_for_it() -> None:
    decision = decided(make_prediction())
    assert question(decision) == CHOICE
    assert codes(decision.reasons) == ["asks_choice_ordered_as"]
    assert "“Cancel an order” and “Cancel a guest order”" in decision.reasons[0].text


@pytest.mark.parametrize(
    ("text", "passages"),
    [
        ("I ordered as a guest, please cancel it", BOTH),
        ("Cancel the order in my account", BOTH),
        ("I dont have an account. Cancel it.", BOTH),
        (TEXT, BOTH[:1]),
        (TEXT, (BOTH[0], replace(BOTH[1], similarity=0.7))),
        (TEXT, (BOTH[0], replace(BOTH[0], similarity=0.8))),
        (TEXT, (BOTH[0], replace(BOTH[1], article=replace(GUEST_ARTICLE, intent="get_invoice")))),
    ],
    ids=["guest", "account", "no account", "one article", "not close", "same option", "other intent"],
)
def test_where_the_ticket_says_it_or_nothing_turns_on_it_the_answer_comes_at_once(
    text: str, passages: Sequence[Passage]
) -> None:
    assert decided(make_prediction(), text, passages).outcome is Outcome.ANSWER


def test_a_fact_that_the_best_article_needs_is_asked_for_unless_the_ticket_names_it() -> None:
    article = replace(GUEST_ARTICLE, intent="track_order", body="Enter the order number and the postcode.")
    prediction, passages = make_prediction(("track_order", 0.97)), [Passage(article=article, similarity=0.8)]
    asked = decided(prediction, "Where is my parcel?", passages, policy=with_order_number())
    assert "number of your order" in question(asked)
    assert codes(asked.reasons) == ["asks_fact_order_number"]
    for text, found in (("Where is TB-20418835?", passages), ("Where is my parcel?", BOTH)):
        assert decided(prediction, text, found, policy=with_order_number()).outcome is Outcome.ANSWER
    assert decided(prediction, "Where is my parcel?", passages).outcome is Outcome.ANSWER
    sent_along = decided(
        prediction, "Where is it?", passages, policy=with_order_number(), metadata={"order": "TB-20418835", "items": 2}
    )
    assert sent_along.outcome is Outcome.ANSWER


def test_an_intent_whose_answers_people_approve_is_not_asked_about() -> None:
    autonomy = POLICY.autonomy.model_copy(update={"intents": {"cancel_order": "draft"}})
    policy = POLICY.model_copy(update={"autonomy": autonomy})
    assert decided(make_prediction(), policy=policy).outcome is Outcome.DRAFT
    assert decided(WAVERING, policy=policy).outcome is Outcome.ROUTE


def test_without_the_section_nothing_is_asked() -> None:
    policy = POLICY.model_copy(update={"clarify": None})
    assert decided(WAVERING, policy=policy).outcome is Outcome.ROUTE
    assert decided(make_prediction(), policy=policy).outcome is Outcome.ANSWER


# The reply


def conversation(*texts: str, ticket: Ticket | None = None) -> list[ConversationMessage]:
    """Return messages of customer and machine in turn; the machine's ask back."""
    ticket = ticket or make_ticket()
    authors = (Author.CUSTOMER, Author.MACHINE)
    return [
        make_message(ticket, text=text, author=authors[at % 2], is_question=at % 2 == 1)
        for at, text in enumerate(texts)
    ]


@pytest.mark.parametrize(
    ("reply", "first"),
    [("as a guest", "cancel-as-guest"), ("With an account.", ARTICLE.article_id), ("no account", "cancel-as-guest")],
)
def test_the_reply_chooses_the_article(reply: str, first: str) -> None:
    asked = reply_to(POLICY.clarify, conversation(TEXT, f"Hello,\n\n{CHOICE}\n\nYour team", reply))
    assert asked is not None
    assert not isinstance(asked, Fact)
    text = f"{TEXT} {reply}"
    assert asked.preferred(text, BOTH)[0].article.article_id == first
    assert decided(make_prediction(), text, ask=False, asked=asked).outcome is Outcome.ANSWER


@pytest.mark.parametrize("reply", ["yes", "What do you mean?", "first as a guest, then with an account"])
def test_a_reply_that_does_not_say_it_goes_to_a_person(reply: str) -> None:
    asked = reply_to(POLICY.clarify, conversation(TEXT, CHOICE, reply))
    decision = decided(make_prediction(), f"{TEXT} {reply}", ask=False, asked=asked)
    assert (decision.outcome, decision.queue) == (Outcome.ROUTE, "ORDER")
    assert codes(decision.reasons) == ["reply_unclear"]


def test_once_an_answer_came_the_question_is_over() -> None:
    talk = conversation(TEXT, CHOICE, "as a guest")
    answer = make_message(make_ticket(), text="There you are.", author=Author.MACHINE)
    assert reply_to(POLICY.clarify, [*talk, answer]) is None
    assert reply_to(POLICY.clarify, talk[:1]) is None
    assert reply_to(None, talk) is None


# No more than once, and never over a person

PREDICTIONS = st.builds(
    lambda first, share, language, out_of_scope, sentiment: make_prediction(
        ("cancel_order", first),
        ("change_order", first * share),
        language=language,
        out_of_scope=out_of_scope,
        sentiment_score=sentiment,
    ),
    first=st.floats(0.2, 1.0),
    share=st.floats(0.0, 1.0),
    language=st.sampled_from(["en", "en", "en", "de", ""]),
    out_of_scope=st.sampled_from([False, False, False, True]),
    sentiment=st.sampled_from([0.0, 0.0, 0.0, -0.9]),
)
REPLIES = st.sampled_from(["yes", "as a guest", "TB-20418835", "I said that already", "cancelling", "talk to a human"])


@settings(deadline=None)
@given(turns=st.lists(st.tuples(PREDICTIONS, REPLIES), min_size=1, max_size=6), passages=st.sampled_from([BOTH, ()]))
def test_however_the_customer_goes_on_a_ticket_is_asked_back_at_most_once(
    turns: list[tuple[Prediction, str]], passages: Sequence[Passage]
) -> None:
    ticket, talk = make_ticket(), [make_message(make_ticket(), text=TEXT)]
    asked = 0
    for prediction, reply in turns:
        decision = decided(
            prediction, passages=passages, ask=may_ask(ticket, talk), asked=reply_to(POLICY.clarify, talk)
        )
        if decision.outcome is Outcome.ROUTE:
            ticket = replace(ticket, queue=decision.queue)
            talk.append(make_message(ticket, text="A person's reply.", author=Author.AGENT))
        else:
            is_question = decision.outcome is Outcome.ASK
            asked += is_question
            said = question(decision) if is_question else "An answer."
            talk.append(make_message(ticket, text=said, author=Author.MACHINE, is_question=is_question))
        talk.append(make_message(ticket, text=reply))
    assert asked <= 1


@settings(deadline=None)
@given(
    prediction=PREDICTIONS,
    before=st.lists(st.sampled_from([Author.MACHINE, Author.AGENT, Author.CUSTOMER]), max_size=4),
    is_question=st.booleans(),
    queue=st.sampled_from([None, "ORDER"]),
)
def test_who_was_told_anything_or_was_with_a_person_is_not_asked(
    prediction: Prediction, before: list[Author], is_question: bool, queue: str | None
) -> None:
    ticket = make_ticket(queue=queue)
    talk = [make_message(ticket, author=author, is_question=is_question) for author in before]
    talk.append(make_message(ticket))
    decision = decided(prediction, ask=may_ask(ticket, talk))
    if queue is not None or set(before) - {Author.CUSTOMER}:
        assert decision.outcome is not Outcome.ASK


@pytest.mark.parametrize("status", sorted({*AWAITS_PERSON, Status.CLAIMED}))
def test_a_ticket_that_waits_for_a_person_or_is_with_one_may_not_be_asked(status: Status) -> None:
    ticket = make_ticket(status=status, queue=GENERAL)
    assert not may_ask(ticket, [make_message(ticket)])


# The section of the policy file


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("{first}, or about {second}", "{first} or not", "clarify.between_intents.question.en: .*second"),
        ("wait_hours: 72", "wait_hours: 0", "clarify.wait_hours"),
        ("floor: 0.25", "flor: 0.25", "clarify.between_intents.flor"),
        ("tags: [guest]", "tags: []", "clarify.choices.ordered_as: .*exactly one"),
        ('en: "Did you order', 'english: "Did you order', "clarify.choices.ordered_as.question.english"),
        ('or with an account?"', 'or with {{account}}?"', "clarify.choices.ordered_as.question.en: .*placeholder"),
        ('or with an account?"', f'{"or " * 120}?"', "clarify.choices.ordered_as.question.en: .*300"),
        ('words: ["TB-########"', 'words: [""', "clarify.facts.order_number.words"),
    ],
)
def test_a_rule_of_the_section_that_does_not_fit_is_named(tmp_path: Path, old: str, new: str, named: str) -> None:
    text = SHIPPED.read_text()
    assert old in text
    path = tmp_path / "policy.yaml"
    path.write_text(text.replace(old, new))
    with pytest.raises(InvalidData, match=named):
        load_policy(path)


def test_every_intent_that_the_machine_may_answer_has_a_name_to_ask_with() -> None:
    assert POLICY.clarify is not None
    assert POLICY.clarify.between_intents is not None
    names = POLICY.clarify.between_intents.names["en"]
    assert not [label for label in names if POLICY.autonomy_of(label) != "answer"]
    assert len(names) == 24
