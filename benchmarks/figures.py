"""What is printed of repeated measurements: the median, and how far the others lie from it."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of several measurements, with the least and the greatest of them."""

    median: float
    low: float
    high: float
    count: int

    @property
    def width(self) -> float:
        """The distance from the least to the greatest, as a share of the median; 0 where the median is 0."""
        return (self.high - self.low) / self.median if self.median else 0.0


def spread(values: Sequence[float]) -> Spread:
    """Return the spread of 1 or more measurements.

    Raises:
        ValueError: there are none.
    """
    if not values:
        raise ValueError("nothing was measured")
    return Spread(statistics.median(values), min(values), max(values), len(values))


def median_ratio(values: Sequence[float], baseline: Sequence[float]) -> float:
    """Return the median of the ratios, round by round.

    Both lists are in the order of the rounds. What slows a whole round down, such as another program on the machine,
    slows both sides of its ratio, and so drops out.

    Raises:
        ValueError: the lists differ in length or are empty, or a baseline is 0.
    """
    if not all(baseline):
        raise ValueError("a baseline of 0 gives no ratio")
    return spread([value / base for value, base in zip(values, baseline, strict=True)]).median


def number(value: float) -> str:
    """Return a figure as people read it: three digits that count, or all digits before the point."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
