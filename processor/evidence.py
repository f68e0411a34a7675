"""How far the knowledge base covers a ticket."""

import math
from collections.abc import Sequence

from helpdesk.ports.knowledge import Passage


def evidence(passages: Sequence[Passage], p_intent: float) -> float:
    """Return the best passage's cosine times the square root of the intent's probability, 0..1; 0 without passages.

    Either factor alone lets through what the other would stop: a sure intent without an article, or an article that
    sounds alike for another intent. Near-out-of-scope tickets are mostly caught here.
    """
    if not passages:
        return 0.0
    return max(0.0, passages[0].similarity) * math.sqrt(p_intent)
