"""How far the knowledge base covers a ticket."""

import math
from collections.abc import Sequence

from helpdesk.ports.knowledge import Passage, Question
from helpdesk.predictions import Prediction

_UNLIKELY = 0.01
"""The probability of an intent that is not among the prediction's likeliest three."""


def question_about(excerpt: str, prediction: Prediction) -> Question:
    """Return what is asked of the knowledge base for a ticket's words."""
    return Question(text=excerpt, intent_prior={top.label: top.confidence for top in prediction.top_labels})


def evidence(passages: Sequence[Passage], prediction: Prediction) -> float:
    """Return the best passage's cosine times the square root of its intent's probability, 0..1; 0 without passages.

    Either factor alone lets through what the other would stop: a sure intent that no article is about, or an article
    that sounds alike for another intent. An article without an intent counts as one of the predicted intent.
    """
    if not passages:
        return 0.0
    best = passages[0]
    named = {top.label: top.confidence for top in prediction.top_labels}
    probability = prediction.prediction_confidence
    if best.article.intent:
        probability = max(_UNLIKELY, named.get(best.article.intent, 0.0))
    return max(0.0, best.similarity) * math.sqrt(probability)
