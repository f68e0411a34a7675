"""The knowledge port: articles in, passages for a question out."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Protocol

from helpdesk.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One article of the knowledge base, in Markdown. ``intent`` and ``category`` are empty where nobody named them.

    Attributes:
        also_asked: how else customers put the question; searched, and shown to nobody.
    """

    article_id: str
    title: str
    question: str
    intent: str = ""
    category: str = ""
    body: str
    updated: str = ""
    url: str = ""
    tags: tuple[str, ...] = ()
    also_asked: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """The SHA-256 of all that the article says, in hexadecimal."""
        fields = asdict(self)
        if not self.also_asked:  # as before there was such a field, so that versions keep their names
            del fields["also_asked"]
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()

    @property
    def content_digest(self) -> str:
        """The SHA-256 of what its reader sees, in hexadecimal: a new date or tag does not change it."""
        return hashlib.sha256(json.dumps((self.title, self.question, self.body)).encode()).hexdigest()


def checksum_of(articles: Iterable[Article]) -> str:
    """Return the SHA-256 of a knowledge base, in whatever order its articles come."""
    lines = sorted(f"{article.digest}  {article.article_id}" for article in articles)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def version_of(articles: Iterable[Article]) -> str:
    """Return the name of the version that holds exactly these articles: the first twelve digits of its checksum."""
    return checksum_of(articles)[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """An article found for a question.

    Attributes:
        similarity: how alike question and article are, -1 to 1: a mean of cosines, of their texts and of their tokens;
            whatever is held of the article, this stays as it is.
        lead: how far its place in the ranking is ahead of the best article of another intent, in similarity.
        place: where the article stood before opinions moved it, from 1.
        opinion: what was held of it, -1 to 1.
    """

    article: Article
    similarity: float
    lead: float = 0.0
    place: int = 1
    opinion: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """What a load changed in the index.

    Attributes:
        embedded: articles whose vectors had to be computed.
        collapsed: groups of articles that mean the same, by id; a search returns one of each.
    """

    version: str
    added: int
    changed: int
    removed: int
    unchanged: int
    embedded: int = 0
    collapsed: tuple[tuple[str, ...], ...] = ()


FILTERS = frozenset({"intent", "category", "tag"})
"""The fields that a search can be narrowed by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to search for.

    Attributes:
        intent_prior: probabilities of intents; articles of probable ones come sooner.
        filters: values that an article must have, by a field of ``FILTERS``.
        opinions: what is held of articles, -1 to 1, by ``Article.content_digest``; they order what was found anew, and
            change nothing of which articles that are.
    """

    text: str
    intent_prior: Mapping[str, float] = field(default_factory=dict)
    filters: Mapping[str, str] = field(default_factory=dict)
    opinions: Mapping[str, float] = field(default_factory=dict)


def read_filters(texts: Iterable[str]) -> dict[str, str]:
    """Return filters written as ``field=value``, such as ``category=REFUND``.

    Raises:
        InvalidInput: one is not written so, names an unknown field, or names a field a second time.
    """
    filters: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not value:
            raise InvalidInput(f"{text[:80]!r} is no filter", field="filter", remedy="write it as category=REFUND")
        if name in filters:
            raise InvalidInput(f"names {name!r} twice", field="filter", remedy="give each field one value")
        filters[name] = value
    require_known(filters)
    return filters


def require_known(filters: Iterable[str]) -> None:
    """Raise InvalidInput where a filter names no field that can be filtered by: ignored, it would let through all."""
    if unknown := sorted(set(filters) - FILTERS):
        remedy = f"the fields are {', '.join(sorted(FILTERS))}"
        raise InvalidInput(f"no search is narrowed by {unknown[0]!r}", field="filter", remedy=remedy)


class Knowledge(Protocol):
    """A searchable knowledge base."""

    def load(
        self, articles: Sequence[Article], *, before_swap: Callable[[LoadReport], None] | None = None
    ) -> LoadReport:
        """Make the knowledge base hold exactly these articles; embeds only what changed; queries never see half of it.

        Args:
            before_swap: called once the new version is complete, and before any search sees it. Where it raises, the
                version before stays in force.

        Raises:
            InvalidData: duplicate ids, an empty article, or an unresolved placeholder.
            KnowledgeUnavailable: the index cannot be written.
        """

    def search(self, questions: Sequence[Question], *, limit: int) -> list[list[Passage]]:
        """Return up to ``limit`` passages per question, best first; near-duplicates collapsed.

        Raises:
            InvalidInput: a filter names an unknown field.
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
