"""What is held of articles, where it enters the ranking: the one place."""

import numpy as np
from numpy.typing import NDArray


def reordered(scores: NDArray[np.floating], opinions: NDArray[np.floating], *, reach: float) -> NDArray[np.int64]:
    """Return the order of what was found, best first; without opinions it is the order of the scores.

    Args:
        scores: of what was found; shape (found,).
        opinions: -1 to 1; shape (found,).
        reach: by how much of a score the best opinion raises an article, and the worst lowers it.
    """
    return np.argsort(-(scores + reach * np.clip(opinions, -1.0, 1.0)), kind="stable")
