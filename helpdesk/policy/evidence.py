"""How far the knowledge base covers a ticket."""

import math
from collections.abc import Sequence

from helpdesk.article_feedback import Opinions
from helpdesk.ports.knowledge import Passage, Question
from helpdesk.predictions import Prediction

_SIMILARITY, _ITS_INTENT, _LEAD = 9.9, 5.9, 1.7
_LIKELIEST, _LOG_LIKELIEST, _CONSTANT = -3.3, 0.45, -4.3
_MAX_LEAD = 0.3
_LEAST_CONFIDENCE = 0.01


FEEDBACK_SCORES = ("opinion", "place_without_feedback")
"""What a decision records of the feedback that ordered its passages; no rule compares it."""


def question_of(excerpt: str, prediction: Prediction, opinions: Opinions | None = None) -> Question:
    """Return what is searched for a ticket's text: articles of its likely intents come sooner, and well-liked ones."""
    return Question(
        text=excerpt,
        intent_prior={top.label: top.confidence for top in prediction.top_labels},
        opinions=opinions.by_content if opinions is not None else {},
    )


def feedback_scores(passages: Sequence[Passage]) -> dict[str, float]:
    """Return what a decision records of the feedback behind its passages; nothing where there was none."""
    if not any(passage.opinion for passage in passages):
        return {}
    return dict(zip(FEEDBACK_SCORES, (passages[0].opinion, float(passages[0].place)), strict=True))


def evidence(passages: Sequence[Passage], prediction: Prediction) -> float:
    """Return how probable it is that the best passage is about what the ticket asks, 0..1; 0 without passages.

    For it speak its similarity, the probability of its intent, and its lead over articles of other intents; against it,
    a sure prediction of another intent. An article without an intent counts as one of the predicted intent.

    Where opinions have put another article first, the lesser of both counts: feedback alone opens no gate.

    Source:
        Logistic regression over a half of each benchmark set, answerable questions as often as others; see
        ``helpdesk/adapters/retrieval/LOG.md`` and docs/adr/0024-learnt-evidence.md.
    """
    if not passages:
        return 0.0
    return min(_evidence(one, prediction) for one in (passages[0], min(passages, key=lambda passage: passage.place)))


def _evidence(best: Passage, prediction: Prediction) -> float:
    likeliest = prediction.prediction_confidence
    named = {top.label: top.confidence for top in prediction.top_labels}
    probability = named.get(best.article.intent, 0.0) if best.article.intent else likeliest
    weighed = (
        _SIMILARITY * best.similarity
        + _ITS_INTENT * probability
        + _LEAD * min(max(best.lead, 0.0), _MAX_LEAD)
        + _LIKELIEST * likeliest
        + _LOG_LIKELIEST * math.log(max(likeliest, _LEAST_CONFIDENCE))
        + _CONSTANT
    )
    return 1 / (1 + math.exp(-weighed))
