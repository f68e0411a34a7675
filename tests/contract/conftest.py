"""The shop's real articles, loaded once per session, for the suites of knowledge and writers."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date

import pytest

from helpdesk.adapters.encoder_minilm import MiniLmEncoder
from helpdesk.adapters.knowledge_chroma import ChromaKnowledge
from helpdesk.knowledge.checking import check_path
from helpdesk.ports.knowledge import Article
from helpdesk.settings import PROJECT_DIR, Settings


@pytest.fixture(scope="session")
def shop_articles() -> Sequence[Article]:
    checked = check_path(PROJECT_DIR / "data" / "knowledge_base", Settings(), today=date(2026, 12, 1))
    assert checked.findings == ()
    return checked.articles


@pytest.fixture(scope="session")
def shop_knowledge(
    encoder: MiniLmEncoder, shop_articles: Sequence[Article], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ChromaKnowledge]:
    with closing(ChromaKnowledge(encoder, path=tmp_path_factory.mktemp("knowledge"))) as knowledge:
        knowledge.load(shop_articles)
        yield knowledge
