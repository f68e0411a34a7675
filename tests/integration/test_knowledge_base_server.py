"""The knowledge base of several machines: one store, one Chroma server, and changes from everywhere at once."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import date
from pathlib import Path

import pytest

from helpdesk.adapters.knowledge_chroma import ChromaKnowledge
from helpdesk.adapters.store_sql import SqlStore
from helpdesk.knowledge.base import KnowledgeBase
from helpdesk.knowledge.changes import Origin
from helpdesk.knowledge.checking import check_sources
from helpdesk.knowledge.standards import Standards
from helpdesk.ports.knowledge import Question
from helpdesk.settings import StoreSettings
from tests.chroma import ChromaServer
from tests.contract.knowledge_contract import WordEncoder
from tests.contract.test_store_postgresql import own_schema
from tests.knowledge_process import rows

STANDARDS = Standards(today=date(2026, 11, 1))
SETS = {name: (f"{name}-one", f"{name}-two", f"{name}-three") for name in ("tent", "lamp", "rope", "axe")}


@pytest.fixture(scope="module")
def server() -> Iterator[ChromaServer]:
    chroma = ChromaServer()
    try:
        yield chroma.start()
    finally:
        chroma.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    if request.param == "sqlite":
        urls = iter([f"sqlite:///{tmp_path / 'helpdesk.db'}"])
    else:
        urls = own_schema(request.getfixturevalue("postgresql_url"))
    for url in urls:
        with closing(SqlStore(url, StoreSettings())) as opened:
            opened.migrate()
            yield opened


def test_loads_of_several_machines_leave_the_last_recorded_version_in_force(
    server: ChromaServer, store: SqlStore
) -> None:
    server.ensure_running()
    server.forget_everything()
    with ExitStack() as stack:

        def machine() -> ChromaKnowledge:
            return stack.enter_context(closing(ChromaKnowledge(WordEncoder(), url=server.url, look_every_s=0.0)))

        def load(name: str, index: ChromaKnowledge) -> None:
            KnowledgeBase(store, index).load(check_sources(rows(*SETS[name]), STANDARDS), Origin(by=name))

        reader = machine()
        load("tent", reader)
        failures: list[BaseException] = []
        seen: set[frozenset[str]] = set()
        stop = threading.Event()

        def guarded(name: str) -> None:
            try:
                index = machine()
                for _ in range(3):
                    load(name, index)
            except BaseException as failure:
                failures.append(failure)

        def read() -> None:
            try:
                while not stop.is_set():
                    [passages] = reader.search([Question(text="How do I use")], limit=20)
                    seen.add(frozenset(passage.article.article_id for passage in passages))
            except BaseException as failure:
                failures.append(failure)

        reading = threading.Thread(target=read)
        loading = [threading.Thread(target=guarded, args=(name,)) for name in SETS]
        for thread in (reading, *loading):
            thread.start()
        for thread in loading:
            thread.join()
        stop.set()
        reading.join()
        assert failures == []
        assert seen <= {frozenset(names) for names in SETS.values()}
        base = KnowledgeBase(store, machine())
        versions = base.versions(limit=50)
        assert [version.number for version in versions] == list(range(len(versions), 0, -1))
        assert len(versions) >= len(SETS)
        assert base.behind() == ""
        assert {article.article_id for article in base.articles()} == set(SETS[versions[0].by])
