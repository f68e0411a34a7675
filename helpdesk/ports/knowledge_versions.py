"""The part of the store port that keeps every version of the knowledge base, with all its articles."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from helpdesk.ports.knowledge import Article


class KnowledgeAction(StrEnum):
    """What made a version."""

    LOAD = "load"
    ADD = "add"
    EDIT = "edit"
    REMOVE = "remove"
    CRAWL = "crawl"
    ROLL_BACK = "rollback"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeVersion:
    """One version of the knowledge base: what, when, by whom and why.

    Attributes:
        number: counts up from 1, one for every change; the same content may come back under a new number.
        version: the name of the content, which decisions carry.
        checksum: SHA-256 of the content; ``version`` is its beginning.
        source: where the articles came from, such as a path.
        articles: how many there are since.
        added, changed, removed: against the number before.
    """

    number: int
    version: str
    checksum: str
    action: KnowledgeAction
    by: str
    source: str
    reason: str
    articles: int
    added: int
    changed: int
    removed: int
    at: datetime


class KnowledgeVersions(Protocol):
    """Reads and writes versions within one transaction."""

    def add_knowledge_version(self, version: KnowledgeVersion, changes: Mapping[str, Article | None]) -> None:
        """Store a version as its changes against the number before, by article id; None stands for a removed article.

        Raises:
            VersionConflict: the number is taken; nothing of the call is stored.
        """

    def knowledge_versions(self, *, limit: int) -> list[KnowledgeVersion]:
        """Return the latest versions, newest first."""

    def knowledge_version(self, name: str) -> KnowledgeVersion:
        """Return the latest version of this name, or the one with this number.

        Raises:
            KnowledgeVersionNotFound: there is none.
        """

    def knowledge_articles(self, number: int, *, only: Collection[str] | None = None) -> list[Article]:
        """Return the articles of a version in the order of their ids: all, or those of these ids that it has."""
