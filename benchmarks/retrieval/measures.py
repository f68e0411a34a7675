"""How good a ranking is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.retrieval.sets import Asked, QuestionSet

SAME_ANSWER_COSINE = 0.8
Shares = dict[str, float]


@dataclass(frozen=True, slots=True)
class Sample:
    """One system on one half of one set; shares from 0 to 1.

    Attributes:
        half: whose questions were asked; settings were chosen on the other one.
        shares: means over the half's questions, by measure.
    """

    data: str
    system: str
    half: int
    questions: int
    shares: Shares
    settings: str = ""


def means(samples: Sequence[Sample]) -> Shares:
    """Return the shares over the questions of all samples."""
    total = sum(sample.questions for sample in samples)
    return {
        measure: sum(sample.shares[measure] * sample.questions for sample in samples) / total
        for measure in samples[0].shares
    }


class Judge:
    """Says of rankings how good they are.

    Args:
        answers: unit vectors of the articles' bodies; shape (articles, dimension).
    """

    def __init__(self, data: QuestionSet, answers: NDArray[np.float32]) -> None:
        self._intents: Mapping[str, str] = {article.article_id: article.intent for article in data.articles}
        self._rows = {article.article_id: row for row, article in enumerate(data.articles)}
        self._answers = answers

    def shares(self, questions: Sequence[Asked], rankings: Sequence[Sequence[str]]) -> Shares:
        """Return the means of all measures; a ranking holds up to ten ids."""
        judged = [self._judged(asked, ranking) for asked, ranking in zip(questions, rankings, strict=True)]
        return {measure: float(np.mean([one[measure] for one in judged])) for measure in judged[0]}

    def _judged(self, asked: Asked, ranking: Sequence[str]) -> Shares:
        rank = next((at for at, name in enumerate(ranking, start=1) if name in asked.right), 0)
        top = ranking[0] if ranking else ""
        return {
            "hit@1": float(rank == 1),
            "hit@3": float(0 < rank <= 3),
            "hit@5": float(0 < rank <= 5),
            "hit@10": float(0 < rank <= 10),
            "MRR@10": 1 / rank if rank else 0.0,
            "same-intent hit@1": float(self._intents.get(top) == asked.intent),
            "same answer at 1": float(self._is_same_answer(asked, top)),
        }

    def _is_same_answer(self, asked: Asked, top: str) -> bool:
        if not top:
            return False
        vector = self._answers[self._rows[top]]
        return any(float(vector @ self._answers[self._rows[name]]) >= SAME_ANSWER_COSINE for name in asked.right)
