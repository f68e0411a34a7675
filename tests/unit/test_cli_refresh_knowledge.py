"""When `helpdesk run` loads the knowledge base, and when it leaves it alone; on a real store and index."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cli.refresh_knowledge import refresh
from helpdesk.adapters.knowledge_chroma import ChromaKnowledge
from helpdesk.errors import ArticlesRefused
from helpdesk.knowledge.base import KnowledgeBase
from helpdesk.knowledge.changes import Origin
from helpdesk.knowledge.checking import Checked
from helpdesk.ports.knowledge import Article, Knowledge
from helpdesk.ports.store import Store
from helpdesk.settings import KnowledgeSettings, Settings
from helpdesk.wiring import open_store
from tests.contract.knowledge_contract import WordEncoder

ARTICLE = "---\nid: {id}\ntitle: {id}\nquestion: What is {id}?\nintent: track_order\ncategory: SHIPPING\n---\n{body}\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "articles").mkdir()
    return Settings(state_dir=tmp_path, DATABASE_URL=None, knowledge=KnowledgeSettings(path=tmp_path / "articles"))


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with closing(open_store(settings)) as opened:
        opened.migrate()
        yield opened


@pytest.fixture
def knowledge(tmp_path: Path) -> Iterator[Knowledge]:
    with closing(ChromaKnowledge(WordEncoder(), path=tmp_path / "knowledge", url=None)) as opened:
        yield opened


def write(settings: Settings, name: str, body: str) -> None:
    (settings.knowledge.path / f"{name}.md").write_text(ARTICLE.format(id=name, body=body))


def by_hand(store: Store, knowledge: Knowledge) -> str:
    article = Article(article_id="own", title="own", question="own?", intent="i", category="c", body="By hand.")
    return KnowledgeBase(store, knowledge).load(Checked((article,), ()), Origin(by="anna")).version.version


def test_an_empty_index_is_filled(settings: Settings, store: Store, knowledge: Knowledge) -> None:
    write(settings, "parcel", "Two days.")
    assert refresh(settings, store, knowledge, always=False)
    assert knowledge.version() != ""


def test_changed_articles_replace_what_was_loaded_before(
    settings: Settings, store: Store, knowledge: Knowledge
) -> None:
    write(settings, "parcel", "Two days.")
    refresh(settings, store, knowledge, always=False)
    before = knowledge.version()
    write(settings, "parcel", "Three days.")
    assert refresh(settings, store, knowledge, always=False)
    assert knowledge.version() != before


def test_what_somebody_loaded_by_hand_stays(settings: Settings, store: Store, knowledge: Knowledge) -> None:
    write(settings, "parcel", "Two days.")
    refresh(settings, store, knowledge, always=False)
    version = by_hand(store, knowledge)
    assert not refresh(settings, store, knowledge, always=False)
    assert knowledge.version() == version


def test_what_somebody_loaded_by_hand_comes_back_where_the_index_was_lost(
    settings: Settings, store: Store, knowledge: Knowledge, tmp_path: Path
) -> None:
    write(settings, "parcel", "Two days.")
    version = by_hand(store, knowledge)
    with closing(ChromaKnowledge(WordEncoder(), path=tmp_path / "another")) as empty:
        assert not refresh(settings, store, empty, always=False)
        assert empty.version() == version


def test_an_article_with_an_error_leaves_the_version_before_in_force(
    settings: Settings, store: Store, knowledge: Knowledge, caplog: pytest.LogCaptureFixture
) -> None:
    write(settings, "letter", "Dear {{customer}}, two days.")
    with pytest.raises(ArticlesRefused, match="letter"):
        refresh(settings, store, knowledge, always=False)
    (settings.knowledge.path / "letter.md").unlink()
    write(settings, "parcel", "Two days.")
    refresh(settings, store, knowledge, always=False)
    version = knowledge.version()
    write(settings, "letter", "Dear {{customer}}, two days.")
    assert not refresh(settings, store, knowledge, always=False)
    assert knowledge.version() == version
    assert any(record.levelname == "ERROR" and "letter.md" in vars(record)["where"] for record in caplog.records)


def test_the_demo_always_loads_its_articles(settings: Settings, store: Store, knowledge: Knowledge) -> None:
    write(settings, "parcel", "Two days.")
    version = by_hand(store, knowledge)
    assert refresh(settings, store, knowledge, always=True)
    assert knowledge.version() != version
