"""Shares and means with the interval that luck leaves them: a percentile bootstrap over what was drawn."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DRAWS = 2_000
INTERVAL = 0.95


@dataclass(frozen=True, slots=True)
class Share:
    """A mean of values between 0 and 1.

    Attributes:
        low: lower end of its 95 % interval; ``high`` the upper one. Of values that are all alike both are the value:
            the bootstrap cannot see what was never drawn.
        of: how many values; 0: there is nothing to say, and all else is 0.
    """

    value: float
    low: float
    high: float
    of: int

    @property
    def count(self) -> int:
        """How many are true, where the values were."""
        return round(self.value * self.of)


def share(values: Sequence[float], *, seed: int = 0) -> Share:
    """Return the mean with its interval; the same for the same values.

    Source:
        Efron and Tibshirani 1993, percentile intervals.
    """
    if not values:
        return Share(0.0, 0.0, 0.0, 0)
    drawn = np.asarray(values, dtype=np.float64)
    rows = np.random.default_rng(seed).integers(0, len(drawn), (DRAWS, len(drawn)))
    tail = (1 - INTERVAL) / 2
    low, high = np.quantile(drawn[rows].mean(axis=1), (tail, 1 - tail))
    return Share(float(drawn.mean()), float(low), float(high), len(drawn))
