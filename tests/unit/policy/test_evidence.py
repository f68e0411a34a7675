"""The evidence asks how near the best passage is, and whether it is about what the customer probably wants."""

import math
from collections.abc import Sequence

import pytest

from helpdesk.policy.evidence import evidence
from helpdesk.ports.knowledge import Article, Passage
from helpdesk.predictions import LabelScore
from tests.contract.knowledge_contract import LAMP, STOVE, make_article
from tests.fakes import make_prediction

PREDICTION = make_prediction("").model_copy(
    update={
        "predicted_label": "use_stove",
        "prediction_confidence": 0.81,
        "top_labels": [LabelScore(label="use_stove", confidence=0.81), LabelScore(label="use_lamp", confidence=0.09)],
    }
)
UNNAMED = make_article("map", question="Where is the map?", body="In the lid.", intent="")
OTHER = make_article("rope", question="How long is the rope?", body="Ten metres.", intent="use_rope")


@pytest.mark.parametrize(
    ("best", "expected"),
    [(STOVE, 0.8 * 0.9), (LAMP, 0.8 * 0.3), (OTHER, 0.8 * 0.1), (UNNAMED, 0.8 * 0.9)],
)
def test_the_probability_is_that_of_the_best_passages_own_intent(best: Article, expected: float) -> None:
    passages: Sequence[Passage] = [Passage(article=best, similarity=0.8), Passage(article=STOVE, similarity=0.9)]
    assert evidence(passages, PREDICTION) == pytest.approx(expected)


def test_nothing_found_and_nothing_alike_is_no_evidence() -> None:
    assert evidence([], PREDICTION) == 0.0
    assert evidence([Passage(article=STOVE, similarity=-0.2)], PREDICTION) == 0.0
    assert not math.isnan(evidence([Passage(article=OTHER, similarity=0.0)], PREDICTION))
