"""What a search costs, in encodings of its question."""

import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks.figures import median_ratio
from benchmarks.retrieval.sets import QuestionSet
from helpdesk.adapters.encoder_minilm import MiniLmEncoder
from helpdesk.adapters.knowledge_chroma import ChromaKnowledge
from helpdesk.adapters.sentences import gist
from helpdesk.ports.encoder import Encoding
from helpdesk.ports.knowledge import Article, Question


@dataclass(frozen=True, slots=True)
class CostSample:
    """Searches of one knowledge base, each beside an encoding of the same question.

    Attributes:
        encoder_runs: how often a search ran the encoder, per question.
        ratio: median of a search's time over that of an encoding.
    """

    data: str
    articles: int
    questions: int
    encoder_runs: float
    encode_ms: float
    search_ms: float
    ratio: float


class _CountingEncoder(MiniLmEncoder):
    def __init__(self) -> None:
        super().__init__(cache_size=1)
        self.runs = 0

    def encode_with_tokens(self, texts: Sequence[str]) -> list[Encoding]:
        self.runs += len(texts)
        return super().encode_with_tokens(texts)


def measure_cost(data: QuestionSet, directory: Path, *, questions: int) -> CostSample:
    """Return what the shipped search costs with a local index, token vectors in memory, prior and all."""
    encoder = _CountingEncoder()
    prior = {article.intent: 0.3 for article in data.articles[:3]}
    texts = [gist(asked.text) for asked in data.questions[:questions]]
    with closing(ChromaKnowledge(encoder, path=directory / data.name)) as knowledge:
        knowledge.load([_loadable(article) for article in data.articles])
        for text in texts:  # fills the memory of token vectors
            knowledge.search([Question(text=text, intent_prior=prior)], limit=5)
        encoder.runs = 0
        encode_s, search_s = [], []
        for text in texts:
            question = Question(text=text, intent_prior=prior)
            encode_s.append(_seconds(partial(encoder.encode, [f"{text} "])))
            search_s.append(_seconds(partial(knowledge.search, [question], limit=5)))
    return CostSample(
        data=data.name,
        articles=len(data.articles),
        questions=len(texts),
        encoder_runs=encoder.runs / len(texts),
        encode_ms=statistics.median(encode_s) * 1000,
        search_ms=statistics.median(search_s) * 1000,
        ratio=median_ratio(search_s, encode_s),
    )


def _loadable(article: Article) -> Article:
    """Return the article without what a load refuses: placeholders, and an empty title."""
    question, body = (text.replace("{{", "").replace("}}", "") for text in (article.question, article.body))
    return replace(article, title=article.title or question, question=question, body=body)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
