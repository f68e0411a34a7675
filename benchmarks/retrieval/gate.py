"""The gate: does a score tell questions that the knowledge base can answer from those that it cannot?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from benchmarks.retrieval.reading import Reader
from benchmarks.retrieval.sets import QuestionSet
from benchmarks.retrieval.systems import Query, index_of
from helpdesk.adapters.retrieval import HybridIndex, TokenStore, Tuning
from helpdesk.policy.evidence import evidence
from helpdesk.ports.knowledge import Passage, Question
from helpdesk.predictions import Prediction

PRECISION = 0.95
_SPARE = 8
"""How many articles may be withheld from one ranking."""
_UNLIKELY = 0.01
"""The probability of an intent that is not among the prediction's likeliest three."""
Score = Callable[[Sequence[Passage], Prediction], float]
Floats = NDArray[np.float64]


def _similarity(passages: Sequence[Passage], _: Prediction) -> float:
    return passages[0].similarity if passages else 0.0


def _times_own_probability(passages: Sequence[Passage], prediction: Prediction) -> float:
    named = {top.label: top.confidence for top in prediction.top_labels}
    probability = max(_UNLIKELY, named.get(passages[0].article.intent, 0.0)) if passages else 0.0
    return max(0.0, _similarity(passages, prediction)) * float(np.sqrt(probability))


def _times_confidence(passages: Sequence[Passage], prediction: Prediction) -> float:
    return max(0.0, _similarity(passages, prediction)) * float(np.sqrt(prediction.prediction_confidence))


SCORES: Mapping[str, Score] = {
    "similarity of the best passage": _similarity,
    "similarity · √ confidence of the prediction": _times_confidence,
    "similarity · √ p(the passage's intent), as before": _times_own_probability,
    "evidence, learnt on half 0": evidence,
}


@dataclass(frozen=True, slots=True)
class Found:
    """A question with what was found for it.

    Attributes:
        is_right: by measure, whether an answer from this would be right; all false where nothing can be.
    """

    query: Query
    passages: Sequence[Passage]
    half: int
    is_right: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class GateSample:
    """What one score is worth on one set.

    Attributes:
        auroc: by kind of question that cannot be answered, against all that can: of all, and of half 1 alone.
        given: by measure, the share of answerable questions that are answered right, at 95 % precision among all
            answers to answerable and same-domain questions.
        carried: by measure, share and precision with a threshold from the other half.
        threshold: the score from which same-intent answers have that precision.
    """

    data: str
    score: str
    auroc: Mapping[str, tuple[float, float]]
    given: Mapping[str, float]
    carried: Mapping[str, tuple[float, float]]
    threshold: float


class Pools:
    """Answerable questions of a set, and those that it cannot answer, each with what is found for it."""

    def __init__(
        self, data: QuestionSet, asked: Sequence[Query], index: HybridIndex, reader: Reader, tokens: TokenStore
    ) -> None:
        self._data, self._asked, self._index, self._reader, self._tokens = data, asked, index, reader, tokens

    def answerable(self) -> list[Found]:
        """Return all questions of the set, asked of the whole knowledge base."""
        found = [_search(self._index, query) for query in self._asked]
        return [
            Found(
                query,
                passages,
                asked.half,
                {
                    "intent": passages[0].article.intent == asked.intent,
                    "article": any(passage.article.article_id in asked.right for passage in passages[:3]),
                },
            )
            for query, asked, passages in zip(self._asked, self._data.questions, found, strict=True)
        ]

    def without_intent(self, tuning: Tuning) -> list[Found]:
        """Return the same questions, asked of the knowledge base without any article of their intent."""
        found = []
        for intent in sorted({asked.intent for asked in self._data.questions}):
            others = [article for article in self._data.articles if article.intent != intent]
            index = index_of(others, self._reader, self._tokens, tuning)
            for query, asked in zip(self._asked, self._data.questions, strict=True):
                if asked.intent == intent:
                    found.append(_unanswerable(query, _search(index, query), asked.half))
        return found

    def without_article(self) -> list[Found]:
        """Return the same questions, with the right articles taken out of what is found."""
        found = []
        for query, asked in zip(self._asked, self._data.questions, strict=True):
            passages = [one for one in _search(self._index, query) if one.article.article_id not in asked.right]
            found.append(_unanswerable(query, passages, asked.half))
        return found

    def foreign(self, queries: Sequence[Query]) -> list[Found]:
        """Return out-of-scope questions."""
        return [_unanswerable(query, _search(self._index, query), at % 2) for at, query in enumerate(queries)]


def measure(
    data: str, answerable: Sequence[Found], same_domain: str, unanswerable: Mapping[str, Sequence[Found]]
) -> list[GateSample]:
    """Return what each score is worth.

    Args:
        same_domain: which of the unanswerable questions are in the hard pool, beside the answerable ones.
    """
    samples = []
    pool = [*answerable, *unanswerable[same_domain]]
    for name, score in SCORES.items():
        values = _values(score, pool)
        given, carried, threshold = {}, {}, 0.0
        for measured in answerable[0].is_right:
            right = np.array([found.is_right.get(measured, False) for found in pool])
            halves = np.array([found.half for found in pool])
            bound = threshold_for(values, right)
            threshold = bound if measured == "intent" else threshold
            given[measured] = _outcome(values >= bound, right, len(answerable))[0]
            answers = np.zeros(len(pool), dtype=np.bool_)
            for half in (0, 1):
                answers[halves == half] = values[halves == half] >= threshold_for(
                    values[halves != half], right[halves != half]
                )
            carried[measured] = _outcome(answers, right, len(answerable))
        auroc = {
            kind: (_auroc(score, answerable, found), _auroc(score, *map(_half_1, (answerable, found))))
            for kind, found in unanswerable.items()
        }
        samples.append(GateSample(data, name, auroc, given, carried, threshold))
    return samples


def threshold_for(values: Floats, right: NDArray[np.bool_]) -> float:
    """Return the least score from which on 95 % of the answers are right; infinity where there is none."""
    order = np.argsort(-values, kind="stable")
    precision = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    last_of_its_score = np.append(np.diff(values[order]) != 0, True)
    reached = np.flatnonzero((precision >= PRECISION) & last_of_its_score)
    return float(values[order][reached[-1]]) if len(reached) else float("inf")


def _outcome(answers: NDArray[np.bool_], right: NDArray[np.bool_], answerable: int) -> tuple[float, float]:
    """Return the share of answerable questions that are answered right, and the precision of all answers."""
    correct = int((answers & right).sum())
    return correct / answerable, correct / max(1, int(answers.sum()))


def _half_1(found: Sequence[Found]) -> list[Found]:
    return [one for one in found if one.half == 1]


def _auroc(score: Score, answerable: Sequence[Found], unanswerable: Sequence[Found]) -> float:
    positive, negative = _values(score, answerable), _values(score, unanswerable)
    labels = np.concatenate([np.ones(len(positive)), np.zeros(len(negative))])
    return float(roc_auc_score(labels, np.concatenate([positive, negative])))


def _values(score: Score, found: Sequence[Found]) -> Floats:
    return np.array([score(one.passages, one.query.prediction) for one in found], dtype=np.float64)


def _search(index: HybridIndex, query: Query) -> list[Passage]:
    return index.search(Question(text=query.text, intent_prior=query.prior), query.encoding, limit=5 + _SPARE)


def _unanswerable(query: Query, passages: Sequence[Passage], half: int) -> Found:
    return Found(query, passages, half, {})
