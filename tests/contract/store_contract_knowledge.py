"""The store contract: versions of the knowledge base and their articles."""

from dataclasses import replace

import pytest

from helpdesk.adapters.store_sql import SqlStore
from helpdesk.errors import KnowledgeVersionNotFound, VersionConflict
from helpdesk.ports.knowledge import Article, checksum_of
from helpdesk.ports.knowledge_versions import KnowledgeAction, KnowledgeVersion
from tests.contract.store_fixtures import StoreFixtures
from tests.factories import NOON

TENT = Article(
    article_id="tent", title="帐篷", question="How?", also_asked=("Why?",), body="Poles\nfirst.", tags=("a", "b; c")
)
LAMP = Article(article_id="lamp", title="Lamp", question="Charge?", intent="use", category="GEAR", body="Cable.")


def make_version(number: int, *articles: Article, **fields: object) -> KnowledgeVersion:
    checksum = checksum_of(articles)
    values = {
        "number": number,
        "version": checksum[:12],
        "checksum": checksum,
        "action": KnowledgeAction.LOAD,
        "by": "anna",
        "source": "/srv/articles",
        "reason": "",
        "articles": len(articles),
        "added": len(articles),
        "changed": 0,
        "removed": 0,
        "at": NOON,
    }
    return KnowledgeVersion(**(values | fields))  # type: ignore[arg-type]


class KnowledgeVersionsContract(StoreFixtures):
    def test_a_version_comes_back_as_it_was_stored(self, store: SqlStore) -> None:
        version = make_version(1, TENT, LAMP, reason="größer ✓")
        with store.transaction() as tx:
            assert tx.knowledge_versions(limit=5) == []
            tx.add_knowledge_version(version, {"tent": TENT, "lamp": LAMP})
        with store.reading() as tx:
            assert tx.knowledge_versions(limit=5) == [version]
            assert tx.knowledge_articles(1) == [LAMP, TENT]

    def test_each_version_has_its_own_articles_for_ever(self, store: SqlStore) -> None:
        brighter = replace(LAMP, body="Sun.")
        steps: list[dict[str, Article | None]] = [
            {"tent": TENT, "lamp": LAMP},
            {"lamp": brighter},
            {"tent": None},
            {"tent": TENT, "lamp": LAMP},
        ]
        with store.transaction() as tx:
            for number, changes in enumerate(steps, start=1):
                tx.add_knowledge_version(make_version(number), changes)
        with store.reading() as tx:
            assert [tx.knowledge_articles(number) for number in range(5)] == [
                [],
                [LAMP, TENT],
                [brighter, TENT],
                [brighter],
                [LAMP, TENT],
            ]
            assert [version.number for version in tx.knowledge_versions(limit=2)] == [4, 3]

    def test_single_articles_of_a_version_are_read_by_their_ids(self, store: SqlStore) -> None:
        with store.transaction() as tx:
            tx.add_knowledge_version(make_version(1, TENT, LAMP), {"tent": TENT, "lamp": LAMP})
            tx.add_knowledge_version(make_version(2), {"lamp": None})
        with store.reading() as tx:
            assert tx.knowledge_articles(1, only=["lamp", "rope"]) == [LAMP]
            assert tx.knowledge_articles(2, only=["lamp", "tent"]) == [TENT]
            assert tx.knowledge_articles(1, only=[]) == []

    def test_a_version_is_found_by_name_or_number_the_latest_of_a_name_first(self, store: SqlStore) -> None:
        with store.transaction() as tx:
            tx.add_knowledge_version(make_version(1, TENT), {"tent": TENT})
            tx.add_knowledge_version(make_version(2, TENT, LAMP), {"lamp": LAMP})
            tx.add_knowledge_version(make_version(3, TENT), {"lamp": None})
        with store.reading() as tx:
            assert tx.knowledge_version(make_version(1, TENT).version).number == 3
            assert tx.knowledge_version("2").number == 2
            for unknown in ("4", "0", "", "²", "9" * 40, "nowhere"):
                with pytest.raises(KnowledgeVersionNotFound, match="kb versions"):
                    tx.knowledge_version(unknown)

    def test_a_number_is_given_once_and_the_second_who_wants_it_stores_nothing(self, store: SqlStore) -> None:
        with store.transaction() as tx:
            tx.add_knowledge_version(make_version(1, TENT), {"tent": TENT})
        with pytest.raises(VersionConflict), store.transaction() as tx:
            tx.add_knowledge_version(make_version(1, LAMP), {"lamp": LAMP})
        with store.reading() as tx:
            assert tx.knowledge_articles(1) == [TENT]
