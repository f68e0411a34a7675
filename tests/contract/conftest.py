"""The shop's real articles, loaded once per session, for the suites of knowledge and writers."""

from collections.abc import Iterator, Sequence
from contextlib import closing

import pytest

from helpdesk.adapters.articles_markdown import read_articles
from helpdesk.adapters.encoder_minilm import MiniLmEncoder
from helpdesk.adapters.knowledge_chroma import ChromaKnowledge
from helpdesk.ports.knowledge import Article
from helpdesk.settings import PROJECT_DIR


@pytest.fixture(scope="session")
def shop_articles() -> Sequence[Article]:
    return read_articles(PROJECT_DIR / "data" / "knowledge_base")


@pytest.fixture(scope="session")
def shop_knowledge(
    encoder: MiniLmEncoder, shop_articles: Sequence[Article], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ChromaKnowledge]:
    with closing(ChromaKnowledge(encoder, path=tmp_path_factory.mktemp("knowledge"))) as knowledge:
        knowledge.load(shop_articles)
        yield knowledge
