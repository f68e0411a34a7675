"""Comparing two models on the same rows: each metric's difference, with an interval from a paired bootstrap."""

from dataclasses import dataclass

import numpy as np

from models.row_scores import RowScores, metrics_of

SAMPLES = 1_000
INTERVAL = 0.95
LOWER_IS_BETTER = frozenset({"ece", "nll", "oos_fpr95", "oos_false_rejections"})


@dataclass(frozen=True, slots=True)
class Difference:
    """How much more the second model has of a metric than the first.

    Attributes:
        low: lower end of the 95 % interval of the difference.
        high: its upper end.
    """

    metric: str
    first: float
    second: float
    low: float
    high: float

    @property
    def significant(self) -> bool:
        """Whether the interval leaves out zero: the difference is more than the luck of these rows."""
        return self.low > 0 or self.high < 0


def compare(
    first: RowScores, second: RowScores, labels: tuple[int, int], *, samples: int = SAMPLES, seed: int = 0
) -> list[Difference]:
    """Return the differences between two models' scores of the same rows, in the same order.

    Both are measured on rows drawn with replacement, the same for both: what is hard for both cancels out.

    Args:
        labels: how many labels each model has.

    Source:
        Efron and Tibshirani 1993, percentile intervals; Koehn 2004, paired use.
    """
    rng = np.random.default_rng(seed)
    at_all = metrics_of(first, labels[0]), metrics_of(second, labels[1])
    drawn: dict[str, list[float]] = {name: [] for name in at_all[0]}
    for _ in range(samples):
        rows = rng.integers(0, len(first.targets), len(first.targets))
        one, other = metrics_of(first.take(rows), labels[0]), metrics_of(second.take(rows), labels[1])
        for name in one.keys() & drawn.keys():  # a draw may hold no out-of-scope row
            drawn[name].append(other[name] - one[name])
    tail = (1 - INTERVAL) / 2
    return [
        Difference(name, at_all[0][name], at_all[1][name], *map(float, np.quantile(values, (tail, 1 - tail))))
        for name, values in drawn.items()
        if values
    ]


def verdict(difference: Difference) -> str:
    """Return whether the second model is better or worse beyond the luck of these rows."""
    if not difference.significant:
        return "not significant"
    return "better" if (difference.low > 0) != (difference.metric in LOWER_IS_BETTER) else "worse"
