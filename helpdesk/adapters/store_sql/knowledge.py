"""Versions of the knowledge base, and the articles of each."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import bindparam, func, select

from helpdesk.adapters.store_sql.bulk import Bulk, bulk_insert
from helpdesk.adapters.store_sql.knowledge_schema import knowledge_articles, knowledge_changes, knowledge_versions
from helpdesk.adapters.store_sql.scope import Scope, columns_of, insert_into, names_of, record_of
from helpdesk.errors import KnowledgeVersionNotFound, VersionConflict
from helpdesk.ports.knowledge import Article
from helpdesk.ports.knowledge_versions import KnowledgeVersion

_MAX_NUMBER_DIGITS = 9
"""A name of a version has twelve digits, all of which may be decimal by chance."""


@dataclass(frozen=True, slots=True)
class _Content:
    digest: str
    article: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Change:
    number: int
    article_id: str
    digest: str | None


_ADD_VERSION = Bulk(
    lambda dialect: insert_into(knowledge_versions, dialect).on_conflict_do_nothing(index_elements=["number"]),
    names_of(KnowledgeVersion),
)
_ADD_CONTENT = Bulk(
    lambda dialect: insert_into(knowledge_articles, dialect).on_conflict_do_nothing(index_elements=["digest"]),
    names_of(_Content),
)
_ADD_CHANGES = bulk_insert(knowledge_changes, _Change)

_NEWEST_FIRST = select(*columns_of(knowledge_versions, KnowledgeVersion)).order_by(knowledge_versions.c.number.desc())
_NAMED = _NEWEST_FIRST.where(knowledge_versions.c.version == bindparam("name")).limit(1)
_NUMBERED = _NEWEST_FIRST.where(knowledge_versions.c.number == bindparam("number"))
_LAST_CHANGES = (
    select(knowledge_changes.c.article_id, func.max(knowledge_changes.c.number).label("number"))
    .where(knowledge_changes.c.number <= bindparam("number"))
    .group_by(knowledge_changes.c.article_id)
    .subquery()
)
_ARTICLES = (
    select(knowledge_articles.c.article)
    .join(knowledge_changes, knowledge_changes.c.digest == knowledge_articles.c.digest)
    .join(
        _LAST_CHANGES,
        (knowledge_changes.c.article_id == _LAST_CHANGES.c.article_id)
        & (knowledge_changes.c.number == _LAST_CHANGES.c.number),
    )
)
_SOME_ARTICLES = _ARTICLES.where(knowledge_changes.c.article_id.in_(bindparam("ids", expanding=True)))


class KnowledgeTables(Scope):
    """Stores and reads versions."""

    def add_knowledge_version(self, version: KnowledgeVersion, changes: Mapping[str, Article | None]) -> None:
        """Store a version as its changes against the number before."""
        if not _ADD_VERSION.execute(self._connection, [version]):
            raise VersionConflict(f"Somebody else has made version {version.number} of the knowledge base meanwhile.")
        rows = [_Change(version.number, name, article.digest if article else None) for name, article in changes.items()]
        articles = {article.digest: article for article in changes.values() if article is not None}
        # Sorted, because two transactions that insert the same keys in different order would wait for each other.
        if content := [_Content(digest, asdict(article)) for digest, article in sorted(articles.items())]:
            _ADD_CONTENT.execute(self._connection, content)
        if rows:
            _ADD_CHANGES.execute(self._connection, rows)

    def knowledge_versions(self, *, limit: int) -> list[KnowledgeVersion]:
        """Return the latest versions, newest first."""
        return [record_of(KnowledgeVersion, row) for row in self._connection.execute(_NEWEST_FIRST.limit(limit))]

    def knowledge_version(self, name: str) -> KnowledgeVersion:
        """Return the latest version of this name, or the one with this number."""
        row = self._connection.execute(_NAMED, {"name": name}).one_or_none()
        if row is None and name.isascii() and name.isdigit() and len(name) <= _MAX_NUMBER_DIGITS:
            row = self._connection.execute(_NUMBERED, {"number": int(name)}).one_or_none()
        if row is None:
            raise KnowledgeVersionNotFound(
                f"There is no version {name} of the knowledge base; `helpdesk kb versions` lists them."
            )
        return record_of(KnowledgeVersion, row)

    def knowledge_articles(self, number: int, *, only: Collection[str] | None = None) -> list[Article]:
        """Return the articles of a version in the order of their ids."""
        if only is None:
            stored = self._connection.scalars(_ARTICLES, {"number": number})
        else:
            stored = self._connection.scalars(_SOME_ARTICLES, {"number": number, "ids": list(only)})
        articles = [
            Article(**{**fields, "tags": tuple(fields["tags"]), "also_asked": tuple(fields.get("also_asked", ()))})
            for fields in stored
        ]
        return sorted(articles, key=lambda article: article.article_id)
