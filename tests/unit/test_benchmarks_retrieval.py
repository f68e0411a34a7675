"""The retrieval benchmark counts what it says it counts."""

import json

import numpy as np
import pytest

from benchmarks.retrieval.gate import threshold_for
from benchmarks.retrieval.measures import Judge, Sample, means
from benchmarks.retrieval.sets import OWN_QUESTIONS, Asked, QuestionSet, our_own
from tests.contract.knowledge_contract import LAMP, STOVE, TENT

DATA = QuestionSet("gear", [TENT, STOVE, LAMP], [])
ANSWERS = np.array([[1.0, 0.0], [0.9, np.sqrt(0.19)], [0.0, 1.0]], dtype=np.float32)


def judged(ranking: list[str], *right: str) -> dict[str, float]:
    return Judge(DATA, ANSWERS).shares([Asked("?", frozenset(right), "use_tent", 0)], [ranking])


def test_a_right_article_counts_by_its_rank() -> None:
    shares = judged(["stove", "lamp", "tent"], "tent")
    assert (shares["hit@1"], shares["hit@3"], shares["hit@10"]) == (0.0, 1.0, 1.0)
    assert shares["MRR@10"] == pytest.approx(1 / 3)
    assert judged(["stove", "tent"], "tent", "stove")["MRR@10"] == 1.0


def test_nothing_found_is_nothing_right() -> None:
    assert set(judged([], "tent").values()) == {0.0}


def test_another_article_may_give_the_same_answer_or_have_the_same_intent() -> None:
    assert judged(["stove"], "tent")["same answer at 1"] == 1.0
    assert judged(["lamp"], "tent")["same answer at 1"] == 0.0
    assert judged(["tent"], "lamp")["same-intent hit@1"] == 1.0
    assert judged(["stove"], "lamp")["same-intent hit@1"] == 0.0


def test_halves_count_by_their_questions() -> None:
    halves = [Sample("gear", "x", half, count, {"hit@1": share}) for half, count, share in ((0, 1, 1.0), (1, 3, 0.0))]
    assert means(halves) == {"hit@1": 0.25}


def test_the_threshold_is_the_least_score_with_the_precision() -> None:
    values = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    assert threshold_for(values, np.array([True, True, True, True, False])) == 0.6
    assert threshold_for(values, np.array([False, False, True, True, True])) == float("inf")


def test_equal_scores_are_answered_together_or_not_at_all() -> None:
    assert threshold_for(np.array([0.9, 0.5, 0.5]), np.array([True, True, False])) == 0.9


def test_our_questions_are_held_out_and_their_articles_exist() -> None:
    data = our_own()
    rows = [json.loads(line) for line in OWN_QUESTIONS.read_text(encoding="utf-8").splitlines()]
    assert len(data.questions) >= 0.9 * len(rows) >= 150
    intents = {article.article_id: article.intent for article in data.articles}
    assert {asked.intent for asked in data.questions} == set(intents.values())
