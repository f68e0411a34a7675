"""How good a ranking is on questions that gave no feedback, and how sure the difference between two rankings is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.feedback.customers import PASSAGES, Asked

MEASURES = ("hit@1", f"MRR@{PASSAGES}")
_RESAMPLED = 10_000
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Difference:
    """What one of the measures gains, as a share, with its 95 % interval."""

    before: float
    after: float
    low: float
    high: float


def judged(asked: Sequence[Asked], held: Mapping[str, float], reach: float) -> Floats:
    """Return each measure of each question; shape (questions, measures)."""
    rows = []
    for question in asked:
        names = [article.article_id for article in question.ranked(held, reach)]
        rank = next((at for at, name in enumerate(names, start=1) if name in question.right), 0)
        rows.append((float(rank == 1), 1 / rank if rank else 0.0))
    return np.array(rows)


def difference(before: Floats, after: Floats, groups: Sequence[str], *, seed: int) -> list[Difference]:
    """Return the mean of each measure before and after, and the interval of the gain by a paired bootstrap.

    Args:
        before, after: shape (questions, measures), row by row the same question.
        groups: of each question; those of one group are drawn together, since they are no independent evidence.
    """
    gains = after - before
    names = sorted(set(groups))
    members = [np.flatnonzero([group == name for group in groups]) for name in names]
    sums = np.array([gains[rows].sum(axis=0) for rows in members])
    sizes = np.array([len(rows) for rows in members])
    drawn = np.random.default_rng(seed).integers(len(names), size=(_RESAMPLED, len(names)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)[:, None]
    low, high = np.quantile(means, (0.025, 0.975), axis=0)
    return [Difference(*figures) for figures in zip(before.mean(axis=0), after.mean(axis=0), low, high, strict=True)]
