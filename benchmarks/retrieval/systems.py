"""The systems that are compared, each as a function from a question to article ids, best first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from benchmarks.retrieval.reading import Reader
from benchmarks.retrieval.sets import QuestionSet
from helpdesk.adapters.retrieval import HybridIndex, TokenStore, Tuning, asked_vectors, joined, wording_of
from helpdesk.adapters.retrieval.fusion import reciprocal_rank_fusion
from helpdesk.adapters.retrieval.near_duplicates import near_duplicates
from helpdesk.ports.encoder import Encoding
from helpdesk.ports.knowledge import Article, Question
from helpdesk.predictions import Prediction

DEPTH = 10
NEAR_DUPLICATE_COSINE = 0.97
_MEMORY_BYTES = 2**30
GRID = [Tuning(prior=prior, cosine=cosine) for prior, cosine in product((0.05, 0.1, 0.2, 0.3), (1.0, 2.0, 3.0))]
BOOSTS = (0.25, 0.5, 2.0, 3.0)


@dataclass(frozen=True, slots=True)
class Query:
    """A question as the systems get it."""

    text: str
    encoding: Encoding
    prediction: Prediction

    @property
    def prior(self) -> dict[str, float]:
        """The likeliest intents with their probabilities, as the worker passes them on."""
        return {top.label: top.confidence for top in self.prediction.top_labels}


Ranker = Callable[[Query], list[str]]
Floats = NDArray[np.float32]


def queries(reader: Reader, texts: Sequence[str]) -> list[Query]:
    """Return questions with what the models say of them."""
    read = zip(texts, reader.questions(texts), reader.predictions(texts), strict=True)
    return [Query(*one) for one in read]


def index_of(articles: Sequence[Article], reader: Reader, tokens: TokenStore, tuning: Tuning) -> HybridIndex:
    """Return the index that ships, over these articles."""
    wordings = [wording_of(article) for article in articles]
    vectors = joined(asked_vectors(reader, wordings), reader.encode([wording.whole for wording in wordings]))
    groups = [articles[leader].article_id for leader in near_duplicates(vectors, NEAR_DUPLICATE_COSINE)]
    return HybridIndex(articles, wordings, vectors, groups, tokens, tuning=tuning)


def token_store(reader: Reader) -> TokenStore:
    """Return a store that has room for all that a benchmark reads."""
    return TokenStore(reader, None, memory_bytes=_MEMORY_BYTES)


def shipped(index: HybridIndex) -> Ranker:
    """Return the whole retrieval, as the worker asks it."""

    def rank(query: Query) -> list[str]:
        passages = index.search(Question(text=query.text, intent_prior=query.prior), query.encoding, limit=DEPTH)
        return [passage.article.article_id for passage in passages]

    return rank


def peers(data: QuestionSet, index: HybridIndex) -> Mapping[str, Ranker]:
    """Return what is compared with, the parts of our own retrieval among it."""
    ids = [article.article_id for article in data.articles]

    def fused(query: Query) -> Floats:
        return reciprocal_rank_fusion([index.lexical_scores(query.text), index.cosines(query.encoding)])

    def reranked(query: Query) -> list[str]:
        rows = np.argsort(-fused(query), kind="stable")[:30]
        order = np.argsort(-index.token_similarities(query.encoding, rows), kind="stable")
        return [ids[row] for row in rows[order][:DEPTH]]

    return {
        "BM25": lambda query: _best(ids, index.lexical_scores(query.text)),
        "dense": lambda query: _best(ids, index.cosines(query.encoding)),
        "RRF of both": lambda query: _best(ids, fused(query)),
        "RRF, 30 re-ranked by MaxSim": reranked,
    }


def minsearch(data: QuestionSet, boost: float | None) -> Ranker:
    """Return minsearch over question and body, the question counted ``boost`` times where one is given."""
    from minsearch import Index  # only the benchmark has it, not its tests

    rows = [
        {"id": article.article_id, "question": f"{article.question} {article.title}", "body": article.body}
        for article in data.articles
    ]
    index = Index(text_fields=["question", "body"], keyword_fields=["id"]).fit(rows)
    boosts = {} if boost is None else {"question": boost}

    def rank(query: Query) -> list[str]:
        return [row["id"] for row in index.search(query.text, boost_dict=boosts, num_results=DEPTH)]

    return rank


def _best(ids: Sequence[str], scores: Floats) -> list[str]:
    return [ids[row] for row in np.argsort(-scores, kind="stable")[:DEPTH]]
