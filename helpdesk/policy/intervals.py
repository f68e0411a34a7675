"""95 % intervals: of a share, of the difference of two shares of the same tickets, and of a sum of probabilities."""

import math
from dataclasses import dataclass

Z = 1.959964
"""Standard deviations on either side that hold 95 % of a normal distribution."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


def share(count: int, of: int) -> Interval:
    """Return a share with Wilson's interval, which holds at 0 and 1 as well.

    Source:
        Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    if not of:
        return Interval(0.0, 0.0, 1.0)
    found, z2 = count / of, Z * Z / of
    middle = (found + z2 / 2) / (1 + z2)
    half = math.sqrt(found * (1 - found) * z2 + z2 * z2 / 4) / (1 + z2)
    return Interval(found, max(0.0, middle - half), min(1.0, middle + half))


def difference(gained: int, lost: int, of: int) -> Interval:
    """Return how a share changes where the same tickets are counted twice, with the normal interval for pairs.

    Args:
        gained: how many count after and did not before.
        lost: how many counted before and do not after.
    """
    if not of:
        return Interval(0.0, -1.0, 1.0)
    change = (gained - lost) / of
    half = Z * math.sqrt(max(0.0, (gained + lost) / of - change * change) / of)
    return Interval(change, max(-1.0, change - half), min(1.0, change + half))


def expected(total: float, variance: float) -> Interval:
    """Return an expected number of events of which each has a probability of its own, with the normal interval.

    Args:
        total: the sum of the probabilities.
        variance: the sum of each probability times the rest to 1.
    """
    half = Z * math.sqrt(max(0.0, variance))
    return Interval(total, max(0.0, total - half), total + half)
