"""The knowledge port: articles in, passages for a question out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One article of the knowledge base, in Markdown."""

    article_id: str
    title: str
    question: str
    intent: str
    category: str
    body: str
    updated: str = ""
    url: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """An article found for a question; ``similarity`` is the cosine, -1 to 1."""

    article: Article
    similarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """What a load changed."""

    version: str
    added: int
    changed: int
    removed: int
    unchanged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to search for: the text, and a prior over intents (probabilities) that tips near-ties."""

    text: str
    intent_prior: Mapping[str, float] = field(default_factory=dict)


class Knowledge(Protocol):
    """A searchable knowledge base."""

    def load(self, articles: Sequence[Article]) -> LoadReport:
        """Make the knowledge base hold exactly these articles; embeds only what changed; queries never see half of it.

        Raises:
            InvalidData: duplicate ids, an empty article, or an unresolved placeholder.
            KnowledgeUnavailable: the index cannot be written.
        """

    def search(self, questions: Sequence[Question], *, limit: int) -> list[list[Passage]]:
        """Return up to ``limit`` passages per question, best first; near-duplicates collapsed.

        Raises:
            KnowledgeUnavailable: nothing is loaded, or the index does not answer.
        """

    def article(self, article_id: str) -> Article:
        """Return an article as it was loaded.

        Raises:
            ArticleNotFound: there is none of this id.
            KnowledgeUnavailable: nothing is loaded, or the index does not answer.
        """

    def version(self) -> str:
        """Return the version that searches see now (empty: nothing is loaded)."""

    def check(self) -> None:
        """Raise KnowledgeUnavailable unless searches can be answered."""

    def close(self) -> None: ...
