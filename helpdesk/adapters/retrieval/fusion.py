"""Several orders of the same articles made into one."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from helpdesk.ports.knowledge import Article

Floats = NDArray[np.float32]

_RRF_K = 60
_UNNAMED = 0.3
"""The probability of an article whose intent nobody named: it neither wins by the prior nor is shut out by it."""


def reciprocal_rank_fusion(scores: Iterable[Floats]) -> Floats:
    """Return the sum of 1 / (60 + rank) over all lists of scores; equal scores share the better rank.

    Source:
        Cormack, Clarke and Büttcher 2009.
    """
    return np.asarray(sum(1 / (_RRF_K + 1 + _ranks(one)) for one in scores), dtype=np.float32)


def _ranks(scores: Floats) -> NDArray[np.int64]:
    """Return how many scores are greater than each."""
    ascending = np.sort(scores)
    return len(scores) - np.searchsorted(ascending, scores, side="right")


def intent_probabilities(articles: Sequence[Article], prior: Mapping[str, float]) -> Floats:
    """Return for each article how probable its intent is for this question; all zeros without a prior."""
    if not prior:
        return np.zeros(len(articles), dtype=np.float32)
    found = [prior.get(article.intent, 0.0) if article.intent else _UNNAMED for article in articles]
    return np.array(found, dtype=np.float32)
