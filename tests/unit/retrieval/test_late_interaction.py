"""Questions and articles are compared token by token, in 8 bits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from helpdesk.adapters.retrieval.late_interaction import max_similarity, quantised, token_matrix, weighted

Floats = NDArray[np.float32]


def rows(seed: int, count: int, dimension: int = 24) -> Floats:
    return np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)


def similarity(question: Floats, article: Floats) -> float:
    return max_similarity(weighted(question), token_matrix(quantised(article)))


def exact(question: Floats, article: Floats) -> float:
    lengths = np.linalg.norm(question, axis=1)
    cosines = (question / lengths[:, None]) @ (article / np.linalg.norm(article, axis=1, keepdims=True)).T
    return float((cosines.max(axis=1) * lengths).sum() / lengths.sum())


def test_every_token_that_has_its_like_gives_a_similarity_of_one() -> None:
    article = rows(1, 12)
    assert similarity(article[[3, 7, 7]] * 5, article) == pytest.approx(1.0, abs=0.01)


def test_a_long_token_vector_counts_more_than_a_short_one() -> None:
    axes = np.eye(4, dtype=np.float32)
    found, missing = axes[0], axes[1]
    article = axes[[0, 2]]
    assert similarity(np.stack([found * 3, missing]), article) == pytest.approx(0.75, abs=0.01)
    assert similarity(np.stack([found, missing * 3]), article) == pytest.approx(0.25, abs=0.01)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(1, 60))
def test_eight_bits_change_a_similarity_by_less_than_a_hundredth(seed: int, asked: int, length: int) -> None:
    question, article = rows(seed, asked), rows(seed + 1, length)
    assert similarity(question, article) == pytest.approx(exact(question, article), abs=0.01)


def test_nothing_asked_or_nothing_said_is_like_nothing() -> None:
    nothing = np.empty((0, 24), dtype=np.float32)
    assert similarity(nothing, rows(1, 3)) == 0.0
    assert similarity(rows(1, 3), nothing) == 0.0
    assert similarity(np.zeros((2, 24), dtype=np.float32), rows(1, 3)) == 0.0


def test_eight_bits_take_a_quarter_of_the_memory() -> None:
    tokens = rows(1, 180, 384)
    assert token_matrix(quantised(tokens)).size_bytes < tokens.nbytes / 3.8
