"""The hybrid index: BM25 and dense search fused, the best compared token by token, near-duplicates collapsed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from helpdesk.adapters.retrieval.filters import admitted
from helpdesk.adapters.retrieval.fusion import Floats, intent_probabilities, reciprocal_rank_fusion
from helpdesk.adapters.retrieval.late_interaction import max_similarity, weighted
from helpdesk.adapters.retrieval.lexical import LexicalIndex
from helpdesk.adapters.retrieval.opinions import reordered
from helpdesk.adapters.retrieval.token_store import TokenStore
from helpdesk.adapters.retrieval.wording import Wording
from helpdesk.ports.encoder import Encoder, Encoding
from helpdesk.ports.knowledge import Article, Passage, Question

_SAMPLE = 1000
_NOT_TELLING, _TELLING = 0.95, 0.70
"""How alike the questions of neighbouring articles are, from where on they say nothing, and to where they say all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """What was tuned; see LOG.md beside this file.

    Attributes:
        reranked: how many of the fused list are compared token by token.
        cosine: weight of the cosine beside the comparison of tokens, where the articles' questions tell them apart.
        prior: weight of the intent's probability beside the likeness of question and article.
        opinion: how far the best or the worst opinion moves an article, in likeness.
    """

    reranked: int = 30
    cosine: float = 2.0
    prior: float = 0.1
    opinion: float = 0.1


SHIPPED = Tuning()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Articles that a search found, best first; each array has shape (found,).

    Attributes:
        rows: of the articles in the index.
        similarities, leads: as ``Passage`` has them.
    """

    rows: NDArray[np.int64]
    scores: Floats
    similarities: Floats
    leads: Floats


class HybridIndex:
    """An immutable index over one version of the knowledge base, in memory. Safe across threads.

    Args:
        wordings: what is searched of each article.
        vectors: shape (articles, 2 · dimension); see ``joined``.
        groups: for each article, the id that its near-duplicates share.
        tokens: has the token vectors of all wordings, or computes them.
    """

    def __init__(
        self,
        articles: Sequence[Article],
        wordings: Sequence[Wording],
        vectors: Floats,
        groups: Sequence[str],
        tokens: TokenStore,
        *,
        tuning: Tuning = SHIPPED,
    ) -> None:
        self._articles, self._wordings, self._groups = articles, wordings, groups
        self._asked, self._whole = (part * np.float32(np.sqrt(2)) for part in np.split(vectors, 2, axis=1))
        self._tokens, self._tuning = tokens, tuning
        self._lexical = LexicalIndex([wording.whole for wording in wordings])
        self._contents = [article.content_digest for article in articles]
        self.asked_weight = telling(self._asked)

    def search(self, question: Question, encoding: Encoding, *, limit: int) -> list[Passage]:
        """Return up to ``limit`` passages, best first, one of each group of near-duplicates.

        Raises:
            InvalidInput: a filter names an unknown field.
        """
        found = self.found(question, encoding, limit=limit)
        held = np.array([question.opinions.get(self._contents[row], 0.0) for row in found.rows])
        return [
            Passage(
                article=self._articles[found.rows[at]],
                similarity=float(found.similarities[at]),
                lead=float(found.leads[at]),
                place=int(at) + 1,
                opinion=float(held[at]),
            )
            for at in reordered(found.scores, held, reach=self._tuning.opinion)
        ]

    def found(self, question: Question, encoding: Encoding, *, limit: int) -> Found:
        """Return what a search finds, before opinions order it.

        Raises:
            InvalidInput: a filter names an unknown field.
        """
        rows = np.flatnonzero(admitted(self._articles, question.filters))
        cosines, lexical = self.cosines(encoding), self._lexical.scores(question.text)
        prior = self._tuning.prior * intent_probabilities(self._articles, question.intent_prior)
        fused = reciprocal_rank_fusion([lexical[rows], (cosines + prior)[rows]])
        candidates = rows[np.argsort(-fused, kind="stable")][: max(self._tuning.reranked, 2 * limit)]
        weight = self._tuning.cosine * self.asked_weight
        likeness = (self.token_similarities(encoding, candidates) + weight * cosines[candidates]) / (1 + weight)
        scores = likeness + prior[candidates]
        order = np.argsort(-scores, kind="stable")
        best: dict[str, int] = {}
        for place in order:
            best.setdefault(self._groups[candidates[place]], int(place))
        ranked = [(self._articles[candidates[place]].intent, float(scores[place])) for place in order]
        first = list(best.values())[:limit]
        leads = [_lead(self._articles[candidates[place]].intent, float(scores[place]), ranked) for place in first]
        return Found(
            rows=candidates[first],
            scores=scores[first],
            similarities=likeness[first].astype(np.float32),
            leads=np.array(leads, dtype=np.float32),
        )

    def lexical_scores(self, text: str) -> Floats:
        """Return BM25 of each article; shape (articles,)."""
        return self._lexical.scores(text)

    def cosines(self, encoding: Encoding) -> Floats:
        """Return each article's cosine with the question: of its whole, and of its own question where that tells."""
        asked, whole = self._asked @ encoding.vector, self._whole @ encoding.vector
        return np.asarray((whole + self.asked_weight * asked) / (1 + self.asked_weight), dtype=np.float32)

    def token_similarities(self, encoding: Encoding, rows: NDArray[np.int64]) -> Floats:
        """Return how near an article's tokens come to those of the question, 0 to 1; shape (len(rows),)."""
        tokens = weighted(encoding.tokens)
        matrices = self._tokens.matrices([self._wordings[row] for row in rows])
        return np.array([max_similarity(tokens, matrix) for matrix in matrices], dtype=np.float32)


def _lead(intent: str, score: float, ranked: Sequence[tuple[str, float]]) -> float:
    """Return how far a score is ahead of the best one of another intent, which may be less than nothing."""
    return score - next((other for name, other in ranked if name != intent), 0.0)


def asked_vectors(encoder: Encoder, wordings: Sequence[Wording]) -> Floats:
    """Return for each article the mean direction of all wordings of its question; shape (articles, dimension)."""
    vectors = encoder.encode([text for wording in wordings for text in wording.asked])
    starts = np.cumsum([0, *(len(wording.asked) for wording in wordings)])[:-1]
    means = np.add.reduceat(vectors, starts, axis=0)
    return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), dtype=np.float32)


def joined(asked: Floats, whole: Floats) -> Floats:
    """Return unit vectors of questions and of whole articles as one: its dot products are the means of both cosines."""
    return np.asarray(np.concatenate([asked, whole], axis=1) / np.sqrt(2), dtype=np.float32)


def telling(asked: Floats) -> float:
    """Return how well their questions tell articles apart, 0 to 1: a question that many articles share says little.

    It is to a field what the inverse document frequency is to a word.
    """
    sample = asked[:_SAMPLE]
    if len(sample) < 2:
        return 1.0
    cosines = sample @ sample.T
    np.fill_diagonal(cosines, -1.0)
    nearest = float(np.median(cosines.max(axis=1)))
    return float(np.clip((_NOT_TELLING - nearest) / (_NOT_TELLING - _TELLING), 0.0, 1.0))
