"""The knowledge base on a real store and index: versions, ways back, crashes, and several who change it at once."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from helpdesk.adapters.knowledge_chroma import ChromaKnowledge
from helpdesk.adapters.store_sql import SqlStore
from helpdesk.errors import (
    ArticleExists,
    ArticleNotFound,
    ArticlesRefused,
    InvalidInput,
    KnowledgeUnavailable,
    KnowledgeVersionNotFound,
    VersionConflict,
)
from helpdesk.knowledge.base import KnowledgeBase
from helpdesk.knowledge.changes import Origin
from helpdesk.knowledge.checking import Checked, check_sources, make_articles
from helpdesk.knowledge.compiling import changed_fields
from helpdesk.knowledge.sources import RawArticle, Sources
from helpdesk.knowledge.standards import Standards
from helpdesk.ports.knowledge import Question
from helpdesk.settings import PROJECT_DIR, Settings
from processor.following import Follower
from tests.contract.knowledge_contract import WordEncoder
from tests.knowledge_process import rows

STANDARDS = Standards(today=date(2026, 11, 1))
ANNA = Origin(by="anna", source="/srv/articles", reason="a test")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with closing(SqlStore.open(Settings(state_dir=tmp_path, database_url=None))) as opened:
        opened.migrate()
        yield opened


@pytest.fixture
def words() -> WordEncoder:
    return WordEncoder()


@pytest.fixture
def index(tmp_path: Path, words: WordEncoder) -> Iterator[ChromaKnowledge]:
    with closing(ChromaKnowledge(words, path=tmp_path / "knowledge", look_every_s=0.0)) as opened:
        yield opened


@pytest.fixture
def base(store: SqlStore, index: ChromaKnowledge) -> KnowledgeBase:
    return KnowledgeBase(store, index)


def whole(*names: str) -> Checked:
    return check_sources(rows(*names), STANDARDS)


def some(*names: str) -> Checked:
    return make_articles(rows(*names), STANDARDS)


def found(index: ChromaKnowledge, text: str = "How do I use") -> set[str]:
    [passages] = index.search([Question(text=text)], limit=20)
    return {passage.article.article_id for passage in passages}


def process(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.knowledge_process", str(tmp_path), *arguments]
    return subprocess.Popen(
        command, cwd=PROJECT_DIR, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True
    )


def test_an_index_that_another_encoder_made_is_made_again(
    base: KnowledgeBase, store: SqlStore, words: WordEncoder, tmp_path: Path
) -> None:
    base.load(whole("tent", "lamp"), ANNA)
    other = WordEncoder()
    other.name = "words-2"
    with closing(ChromaKnowledge(other, path=tmp_path / "knowledge")) as index:
        assert KnowledgeBase(store, index).settle()
        assert len(found(index)) == 2
        assert not KnowledgeBase(store, index).settle()


def test_a_load_says_what_it_changed_records_it_and_embeds_nothing_else(
    base: KnowledgeBase, index: ChromaKnowledge, words: WordEncoder
) -> None:
    first = base.load(whole("tent", "lamp", "stove"), ANNA)
    assert (first.added, first.changed, first.removed, first.unchanged) == (("lamp", "stove", "tent"), (), (), 0)
    assert (first.embedded, first.version.number, first.version.articles) == (3, 1, 3)
    words.encoded.clear()
    second = base.load(whole("tent", "lamp", "rope"), Origin(by="bert"))
    assert (second.added, second.changed, second.removed, second.unchanged) == (("rope",), (), ("stove",), 2)
    assert second.embedded == 1
    assert all("rope" in text for text in words.encoded)
    assert [(item.number, item.by, item.added, item.removed) for item in base.versions(limit=9)] == [
        (2, "bert", 1, 1),
        (1, "anna", 3, 0),
    ]
    assert index.version() == second.version.version == second.version.checksum[:12]
    assert base.newest() == second.version


def test_a_load_of_the_same_makes_no_version(base: KnowledgeBase) -> None:
    first = base.load(whole("tent", "lamp"), ANNA)
    again = base.load(whole("lamp", "tent"), Origin(by="bert"))
    assert again.version == first.version
    assert (again.unchanged, again.embedded) == (2, 0)
    assert len(base.versions(limit=9)) == 1


def test_an_error_refuses_the_whole_load_and_nothing_changes(base: KnowledgeBase, index: ChromaKnowledge) -> None:
    base.load(whole("tent"), ANNA)
    bad = Sources((RawArticle("bad.md", {"title": "Bad", "body": "Dear {{customer}}, all is well with you."}),))
    with pytest.raises(ArticlesRefused, match=r"bad\.md.*placeholder") as refused:
        base.load(check_sources(rows("lamp") + bad, STANDARDS), ANNA)
    assert refused.value.problems[0][0] == "bad.md"
    assert found(index) == {"tent"}
    assert len(base.versions(limit=9)) == 1


def test_articles_are_added_edited_and_removed_one_by_one(base: KnowledgeBase, index: ChromaKnowledge) -> None:
    base.load(whole("tent", "lamp"), ANNA)
    assert base.add(some("rope"), ANNA, STANDARDS).added == ("rope",)
    edited = make_articles(
        changed_fields(base.article("rope"), {"body": "Tie a knot and then another one."}), STANDARDS
    )
    assert base.edit(edited, ANNA, STANDARDS, expected=base.article("rope")).changed == ("rope",)
    assert index.article("rope").body == "Tie a knot and then another one."
    assert base.remove(["tent", "rope"], ANNA, STANDARDS).removed == ("rope", "tent")
    assert found(index) == {"lamp"}
    assert [version.action for version in base.versions(limit=9)] == ["remove", "edit", "add", "load"]


def test_what_cannot_be_added_edited_or_removed_is_refused_and_nothing_changes(base: KnowledgeBase) -> None:
    base.load(whole("tent", "lamp"), ANNA)
    with pytest.raises(ArticleExists, match="tent"):
        base.add(some("rope", "tent"), ANNA, STANDARDS)
    with pytest.raises(ArticleNotFound, match="rope"):
        base.edit(some("rope"), ANNA, STANDARDS)
    with pytest.raises(ArticleNotFound, match="rope"):
        base.remove(["lamp", "rope"], ANNA, STANDARDS)
    with pytest.raises(InvalidInput, match="nothing would be left"):
        base.remove(["lamp", "tent"], ANNA, STANDARDS)
    seen = base.article("tent")
    base.edit(make_articles(changed_fields(seen, {"title": "Tents"}), STANDARDS), ANNA, STANDARDS, expected=seen)
    with pytest.raises(VersionConflict, match="meanwhile"):
        base.edit(make_articles(changed_fields(seen, {"title": "Huts"}), STANDARDS), ANNA, STANDARDS, expected=seen)
    assert [version.number for version in base.versions(limit=9)] == [2, 1]


def test_an_article_that_others_link_to_is_not_removed(base: KnowledgeBase, tmp_path: Path) -> None:
    (tmp_path / "brand.json").write_text('{"article_url_prefix": "https://help.example/"}')
    standards = Standards.of(Settings(), today=date(2026, 11, 1), articles=tmp_path)
    linking = RawArticle(
        "a.md", {"id": "pegs", "title": "Pegs", "intent": "use_it", "body": "Read [this](tent.md) first."}
    )
    base.load(check_sources(rows("tent") + Sources((linking,)), standards), ANNA)
    with pytest.raises(ArticlesRefused, match=r"pegs.*'tent'"):
        base.remove(["tent"], ANNA, standards)
    base.remove(["pegs"], ANNA, standards)


def test_every_version_can_be_read_and_put_into_force_again(base: KnowledgeBase, index: ChromaKnowledge) -> None:
    first = base.load(whole("tent", "lamp"), ANNA).version
    base.load(whole("rope"), ANNA)
    base.load(whole("axe"), ANNA)
    assert [article.article_id for article in base.articles(first.version)] == ["lamp", "tent"]
    assert base.article("tent", "1").title == "How do I use my tent?"
    back = base.roll_back(Origin(by="bert", reason="axes are dangerous"), to=first.version)
    assert (back.version.number, back.version.version, back.version.action) == (4, first.version, "rollback")
    assert back.version.source == f"version 1 ({first.version})"
    assert index.version() == first.version
    assert found(index) == {"tent", "lamp"}
    base.roll_back(ANNA)
    assert found(index) == {"axe"}
    for unknown in ("99", "nowhere"):
        with pytest.raises(KnowledgeVersionNotFound, match=unknown):
            base.roll_back(ANNA, to=unknown)


def test_without_an_earlier_version_there_is_no_way_back(base: KnowledgeBase) -> None:
    for _ in range(2):
        with pytest.raises(KnowledgeVersionNotFound, match="no earlier version"):
            base.roll_back(ANNA)
        base.load(whole("tent"), ANNA)


def test_a_build_that_fails_is_neither_recorded_nor_seen(
    base: KnowledgeBase, index: ChromaKnowledge, words: WordEncoder
) -> None:
    base.load(whole("tent"), ANNA)
    words.fails = True
    with pytest.raises(KnowledgeUnavailable):
        base.load(whole("lamp"), ANNA)
    words.fails = False
    assert len(base.versions(limit=9)) == 1
    assert found(index) == {"tent"}


@pytest.mark.parametrize(
    ("failpoint", "recorded"),
    [("knowledge.after_build_before_record", ["tent"]), ("knowledge.after_record_before_swap", ["lamp", "rope"])],
)
def test_a_kill_before_the_swap_leaves_the_old_version_whole_and_the_next_start_settles_it(
    base: KnowledgeBase, index: ChromaKnowledge, tmp_path: Path, failpoint: str, recorded: list[str]
) -> None:
    base.load(whole("tent"), ANNA)
    killed = process(tmp_path, "lamp", "rope", HELPDESK_FAILPOINT=failpoint)
    assert killed.wait(60) == -signal.SIGKILL
    killed.communicate()
    assert found(index) == {"tent"}
    assert [article.article_id for article in base.articles()] == recorded
    assert base.settle() is (recorded != ["tent"])
    assert found(index) == set(recorded)
    assert not base.settle()
    base.load(whole("axe"), ANNA)
    assert found(index) == {"axe"}


def test_a_kill_while_encoding_leaves_the_old_version_and_no_lock_behind(
    base: KnowledgeBase, index: ChromaKnowledge, tmp_path: Path
) -> None:
    base.load(whole("tent"), ANNA)
    slow = process(tmp_path, "lamp", "--hold", "60")
    assert slow.stdout is not None
    assert slow.stdout.readline() == "encoding\n"
    slow.kill()
    slow.communicate()
    assert found(index) == {"tent"}
    base.load(whole("tent", "axe"), ANNA)
    assert found(index) == {"tent", "axe"}


def test_loads_of_several_processes_come_one_after_the_other_and_each_is_recorded(
    base: KnowledgeBase, index: ChromaKnowledge, tmp_path: Path
) -> None:
    base.load(whole("tent"), ANNA)
    names = ("lamp", "rope", "axe")
    running = [process(tmp_path, name, f"{name}-two", "--hold", "0.2") for name in names]
    seen: set[frozenset[str]] = set()
    while any(item.poll() is None for item in running):
        seen.add(frozenset(found(index)))
    for item in running:
        item.communicate()
        assert item.returncode == 0
    whole_ones = {frozenset({name, f"{name}-two"}) for name in names} | {frozenset({"tent"})}
    assert seen <= whole_ones
    versions = base.versions(limit=9)
    assert [version.number for version in versions] == [4, 3, 2, 1]
    assert {version.by for version in versions} == {*names, "anna"}
    assert found(index) == {versions[0].by, f"{versions[0].by}-two"}
    assert not base.settle()


def test_threads_that_add_at_once_lose_nothing(base: KnowledgeBase, index: ChromaKnowledge) -> None:
    base.load(whole("tent"), ANNA)
    names = [f"thing-{letter}" for letter in "abcde"]
    failures: list[BaseException] = []

    def add(name: str) -> None:
        try:
            base.add(some(name), ANNA, STANDARDS)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=add, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert found(index) == {"tent", *names}
    assert base.versions(limit=1)[0].number == 6


def test_an_index_that_the_store_does_not_know_is_not_replaced_by_one_article(
    base: KnowledgeBase, index: ChromaKnowledge
) -> None:
    index.load(list(whole("tent", "lamp").articles))
    with pytest.raises(KnowledgeVersionNotFound, match="kb load"):
        base.add(some("rope"), ANNA, STANDARDS)
    assert found(index) == {"tent", "lamp"}
    base.load(whole("tent", "lamp"), ANNA)
    base.add(some("rope"), ANNA, STANDARDS)
    assert found(index) == {"tent", "lamp", "rope"}


def test_the_first_articles_may_be_added_one_by_one(base: KnowledgeBase, index: ChromaKnowledge) -> None:
    base.add(some("rope"), ANNA, STANDARDS)
    base.add(some("tent"), ANNA, STANDARDS)
    assert found(index) == {"rope", "tent"}


def test_an_index_that_was_lost_is_made_again_from_the_store(
    base: KnowledgeBase, store: SqlStore, words: WordEncoder, tmp_path: Path
) -> None:
    base.load(whole("tent", "lamp"), ANNA)
    with closing(ChromaKnowledge(words, path=tmp_path / "new", look_every_s=0.0)) as empty:
        assert KnowledgeBase(store, empty).settle()
        assert found(empty) == {"tent", "lamp"}


def test_a_worker_settles_what_stays_behind_and_not_what_is_just_being_swapped(
    base: KnowledgeBase, store: SqlStore, index: ChromaKnowledge, words: WordEncoder, tmp_path: Path
) -> None:
    base.load(whole("tent"), ANNA)
    with closing(ChromaKnowledge(words, path=tmp_path / "of-another-machine", look_every_s=0.0)) as other:
        follower = Follower(KnowledgeBase(store, other))
        follower.look()
        assert other.version() == ""
        follower.look()
        assert found(other) == {"tent"}
        version = base.load(whole("lamp"), ANNA).version.version
        follower.look()
        follower.look()
        assert (other.version(), found(other)) == (version, {"lamp"})


def test_a_worker_gives_an_index_up_that_has_another_master(
    base: KnowledgeBase, index: ChromaKnowledge, caplog: pytest.LogCaptureFixture
) -> None:
    base.load(whole("tent"), ANNA)
    follower = Follower(base)
    for _ in range(6):
        index.load(list(whole("lamp").articles))
        follower.look()
        follower.look()
    assert found(index) == {"lamp"}
    told = [record for record in caplog.records if "not this store's alone" in record.message]
    assert len(told) == 1


def test_a_running_worker_heals_an_interrupted_load(
    base: KnowledgeBase, index: ChromaKnowledge, tmp_path: Path
) -> None:
    base.load(whole("tent"), ANNA)
    with Follower(base, every_s=0.05):
        killed = process(tmp_path, "lamp", "rope", HELPDESK_FAILPOINT="knowledge.after_record_before_swap")
        killed.communicate()
        limit = time.monotonic() + 20
        while found(index) != {"lamp", "rope"} and time.monotonic() < limit:
            time.sleep(0.02)
    assert found(index) == {"lamp", "rope"}
