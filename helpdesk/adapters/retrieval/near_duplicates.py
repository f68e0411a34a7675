"""Articles that mean the same, of which a search returns one."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

_BLOCK = 512


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


def collapsed(group_of: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    """Return the groups that have more than one member."""
    groups: dict[str, list[str]] = {}
    for name, group in group_of.items():
        groups.setdefault(group, []).append(name)
    return tuple(sorted(tuple(sorted(names)) for names in groups.values() if len(names) > 1))
