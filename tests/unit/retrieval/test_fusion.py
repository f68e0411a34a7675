"""Orders are fused by rank, and the intent's probability is a share of the score."""

import numpy as np
import pytest

from helpdesk.adapters.retrieval.fusion import intent_probabilities, reciprocal_rank_fusion
from tests.contract.knowledge_contract import LAMP, STOVE, TENT, make_article


def scores(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.array(values, dtype=np.float32)


def test_what_both_lists_rank_high_comes_first() -> None:
    fused = reciprocal_rank_fusion([scores(9.0, 8.0, 1.0), scores(0.1, 0.9, 0.8)])
    assert fused.argmax() == 1
    assert fused[0] == pytest.approx(1 / 61 + 1 / 63)


def test_the_size_of_scores_does_not_matter_only_their_order() -> None:
    one = reciprocal_rank_fusion([scores(3.0, 2.0, 1.0), scores(1.0, 3.0, 2.0)])
    other = reciprocal_rank_fusion([scores(3000.0, 2.0, -5.0), scores(0.1, 0.3, 0.2)])
    assert one.tolist() == other.tolist()


def test_equal_scores_share_a_rank_so_that_no_words_in_common_favour_nobody() -> None:
    fused = reciprocal_rank_fusion([scores(0.0, 0.0, 0.0, 2.0)])
    assert len(set(fused[:3].tolist())) == 1
    assert fused[3] > fused[0]


def test_an_articles_prior_is_the_probability_of_its_intent() -> None:
    found = intent_probabilities([TENT, STOVE, LAMP], {"use_stove": 0.7, "use_tent": 0.2})
    assert found.tolist() == pytest.approx([0.2, 0.7, 0.0])


def test_an_article_without_an_intent_stands_between_probable_and_improbable_ones() -> None:
    unnamed = make_article("map", question="Where is the map?", body="In the lid.", intent="")
    found = intent_probabilities([unnamed, STOVE, LAMP], {"use_stove": 0.9})
    assert found[2] < found[0] < found[1]


def test_without_a_prediction_there_is_no_prior() -> None:
    assert intent_probabilities([TENT, STOVE], {}).tolist() == [0.0, 0.0]
