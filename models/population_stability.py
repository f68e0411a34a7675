"""The population stability index (PSI) of two samples, and how large luck alone makes it at their sizes.

Shapes: counts are (strata, cells). The index compares the cells of all strata together, the reference being weighed so
that its strata have the shares that they have in the window; with one stratum that is the plain index.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr
from scipy.stats import binomtest

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DRAWS = 2_000


@dataclass(frozen=True, slots=True)
class Stability:
    """How far a window lies from its reference.

    Attributes:
        psi: the index; 0 where both are alike.
        luck: what the index stays below, but for a share ``level`` of all draws, where nothing has changed.
    """

    psi: float
    luck: float

    @property
    def beyond_luck(self) -> bool:
        """Whether the index is larger than luck explains."""
        return self.psi > self.luck


def population_stability_index(window: Floats, reference: Floats) -> Floats:
    """Return the index along the last axis, which holds counts; it is symmetric, and at least 0.

    Half a row per cell, shared out as both samples together have them, is added to each: a cell that is empty in one
    of them then counts, and is not infinite.

    Source:
        Siddiqi 2006, Credit Risk Scorecards; it is the divergence of Jeffreys 1946.
    """
    added = window.shape[-1] / 2
    sizes = [counts.sum(axis=-1, keepdims=True) for counts in (window, reference)]
    together = added * (window / sizes[0] + reference / sizes[1]) / 2
    one, other = ((counts + together) / (size + added) for counts, size in zip((window, reference), sizes, strict=True))
    index: Floats = (rel_entr(one, other) + rel_entr(other, one)).sum(axis=-1)
    return index


def at_mix_of(window: Floats, reference: Floats) -> Floats:
    """Return the reference's cells with its strata weighed as the window has them, shape (…, cells).

    They sum to the number of rows that, drawn at that mix, would be as telling.
    """
    wanted, present = window.sum(axis=-1), reference.sum(axis=-1)
    shares = (wanted[..., None] / present[..., None] * reference).sum(axis=-2) / wanted.sum(axis=-1)[..., None]
    effective = wanted.sum(axis=-1) ** 2 / (wanted**2 / present).sum(axis=-1)
    weighed: Floats = shares * effective[..., None]
    return weighed


def stability(window: Ints, reference: Ints, *, level: float, draws: int = DRAWS, seed: int = 0) -> Stability:
    """Return the index, and its quantile 1 - ``level`` over draws in which both samples come from one population.

    The draws are a parametric bootstrap: per stratum, both samples anew from what they hold together. The usual
    chi-square approximation (Yurdakul 2018) fails on the few rows per cell that make the guard necessary.

    Args:
        window: at least one row.
        reference: at least one row in every stratum of the window.
    """
    rng = np.random.default_rng(seed)
    together = window + reference
    pooled = together / together.sum(axis=-1, keepdims=True)
    drawn = [
        rng.multinomial(counts.sum(axis=-1), pooled, size=(draws, len(counts))).astype(np.float64)
        for counts in (window, reference)
    ]
    return Stability(
        psi=float(_index(window.astype(np.float64), reference.astype(np.float64))),
        luck=float(np.quantile(_index(*drawn), 1 - level)),
    )


def _index(window: Floats, reference: Floats) -> Floats:
    return population_stability_index(window.sum(axis=-2), at_mix_of(window, reference))


def share_interval(part: int, whole: int) -> tuple[float, float]:
    """Return the 95 % interval of a share; all from 0 to 1 where there is nothing.

    Source:
        Wilson 1927.
    """
    if not whole:
        return 0.0, 1.0
    low, high = binomtest(part, whole).proportion_ci(0.95, method="wilson")
    return float(low), float(high)
