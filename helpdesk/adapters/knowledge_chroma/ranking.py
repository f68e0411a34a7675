"""The order of what was found: the cosine, tipped by what the intent probably is; one of each near-duplicate."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from helpdesk.ports.knowledge import Passage

_PRIOR_WEIGHT = 0.05
_PRIOR_FLOOR = 1e-3
_PRIOR_UNNAMED = 0.1
"""For an article whose intent nobody named: it neither wins by the prior nor is shut out by it."""
_BLOCK = 512


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage, with the id that its near-duplicates share."""

    passage: Passage
    group: str


def near_duplicates(vectors: NDArray[np.float32], cosine: float) -> list[int]:
    """Return for each row the first row of its group of near-duplicates, which mostly is itself."""
    leader = list(range(len(vectors)))
    for start in range(0, len(vectors), _BLOCK):
        alike = vectors[start : start + _BLOCK] @ vectors.T >= cosine
        for index, row in enumerate(alike, start=start):
            twins = np.flatnonzero(row[:index])
            if len(twins):
                leader[index] = leader[int(twins[0])]
    return leader


def best(hits: Sequence[Hit], prior: Mapping[str, float], *, limit: int) -> list[Passage]:
    """Return the best passage of each group, best first: cosine + 0.05 · log p(intent)."""

    def score(hit: Hit) -> float:
        if not prior:
            return hit.passage.similarity
        intent = hit.passage.article.intent
        probability = max(prior.get(intent, 0.0), _PRIOR_FLOOR) if intent else _PRIOR_UNNAMED
        return hit.passage.similarity + _PRIOR_WEIGHT * math.log(probability)

    chosen: dict[str, Passage] = {}
    for hit in sorted(hits, key=score, reverse=True):
        chosen.setdefault(hit.group, hit.passage)
    return list(chosen.values())[:limit]
