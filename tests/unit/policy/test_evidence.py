"""The evidence asks how near the best passage is, and whether it is about what the customer probably wants."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpdesk.policy.evidence import evidence
from helpdesk.ports.knowledge import Article, Passage
from helpdesk.predictions import LabelScore, Prediction
from tests.contract.knowledge_contract import LAMP, STOVE, make_article
from tests.fakes import make_prediction

UNNAMED = make_article("map", question="Where is the map?", body="In the lid.", intent="")
OTHER = make_article("rope", question="How long is the rope?", body="Ten metres.", intent="use_rope")
NEAR = Passage(article=STOVE, similarity=0.6, lead=0.1)


def predicted(**confidence: float) -> Prediction:
    tops = [LabelScore(label=label, confidence=value) for label, value in confidence.items()]
    found = {"predicted_label": tops[0].label, "prediction_confidence": tops[0].confidence, "top_labels": tops}
    return make_prediction("").model_copy(update=found)


SURE = predicted(use_stove=0.9, use_lamp=0.06)


def test_a_near_passage_of_a_sure_intent_is_good_evidence() -> None:
    assert evidence([NEAR], SURE) > 0.95


@pytest.mark.parametrize("article", [LAMP, OTHER])
def test_a_near_passage_of_another_intent_than_the_sure_one_is_none(article: Article) -> None:
    assert evidence([replace(NEAR, article=article)], SURE) < 0.35


def test_the_unsurer_the_prediction_the_less_it_speaks_against_another_intent() -> None:
    other = [replace(NEAR, article=OTHER)]
    assert evidence(other, SURE) < evidence(other, predicted(use_stove=0.4, use_lamp=0.3))


def test_more_similarity_and_more_lead_are_more_evidence() -> None:
    assert evidence([replace(NEAR, similarity=0.3)], SURE) < evidence([NEAR], SURE)
    assert evidence([replace(NEAR, lead=-0.1)], SURE) < evidence([NEAR], SURE)


def test_an_article_without_intent_counts_as_one_of_the_predicted_intent() -> None:
    assert evidence([replace(NEAR, article=UNNAMED)], SURE) == evidence([NEAR], SURE)


def test_what_is_far_away_is_no_evidence_and_neither_is_nothing() -> None:
    assert evidence([], SURE) == 0.0
    assert evidence([replace(NEAR, similarity=0.1, lead=0.0)], predicted(use_stove=0.3)) < 0.1


@settings(deadline=None)
@given(st.floats(-1, 1), st.floats(-2, 2), st.floats(0, 1))
def test_it_is_a_probability_whatever_was_found(similarity: float, lead: float, confidence: float) -> None:
    assert (
        0 <= evidence([Passage(article=STOVE, similarity=similarity, lead=lead)], predicted(use_stove=confidence)) <= 1
    )


def test_feedback_alone_opens_no_gate_and_may_close_it() -> None:
    """Of the article that opinions put first and the one that was first without them, the lesser counts."""
    strong, thin = replace(NEAR, place=1), replace(NEAR, article=LAMP, similarity=0.2, lead=0.0, place=2)
    assert evidence([thin, strong], SURE) == evidence([thin], SURE) < evidence([strong, thin], SURE)
    promoted, demoted = replace(strong, place=2), replace(thin, place=1)
    assert evidence([promoted, demoted], SURE) == evidence([demoted, promoted], SURE)
