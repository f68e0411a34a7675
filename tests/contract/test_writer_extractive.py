"""The extractive writer keeps the writers' promises, on a small shop and on all of our articles."""

from collections.abc import Sequence

import pytest

from helpdesk.adapters.encoder_minilm import MiniLmEncoder
from helpdesk.adapters.knowledge_chroma import ChromaKnowledge
from helpdesk.adapters.sentences import units
from helpdesk.adapters.writer_extractive import ExtractiveWriter
from helpdesk.ports.knowledge import Article, Passage, Question
from helpdesk.ports.writer import WritingTask
from processor.checks import check_answer
from tests.contract.writer_contract import RESET, WriterContract, customer_wrote, make_task


class TestExtractiveWriter(WriterContract):
    @pytest.fixture
    def writer(self, encoder: MiniLmEncoder) -> ExtractiveWriter:
        return ExtractiveWriter(encoder)

    def test_every_line_stands_in_the_article(self, writer: ExtractiveWriter) -> None:
        answer = writer.write(make_task("How do I reset my password?"))
        own = {unit.text for unit in units(RESET.body)} | {RESET.title}
        quotes = {citation.quote for block in answer.blocks for citation in block.citations}
        assert quotes <= own
        assert answer.blocks[0].text == units(RESET.body)[0].text

    def test_the_answer_ends_with_where_to_read_on(self, writer: ExtractiveWriter) -> None:
        assert writer.write(make_task("How do I reset my password?")).text.endswith(RESET.url)

    def test_a_question_that_no_passage_fits_gets_no_answer(self, writer: ExtractiveWriter) -> None:
        task = make_task("What is the capital of Mongolia?", similarity=0.1)
        assert not writer.write(task).sufficient

    @pytest.mark.parametrize("text", ["", "   ", "?"])
    def test_a_ticket_that_asks_nothing_gets_no_answer(self, writer: ExtractiveWriter, text: str) -> None:
        assert not writer.write(make_task(text, similarity=0.1)).sufficient

    def test_another_language_gets_no_answer(self, writer: ExtractiveWriter) -> None:
        assert not writer.write(make_task("Wie setze ich mein Passwort zurück?", language="de")).sufficient

    def test_a_short_second_message_is_read_with_the_first(self, writer: ExtractiveWriter) -> None:
        assert writer.write(make_task("How do I reset my password?", "and then?", similarity=0.3)).sufficient


@pytest.mark.timeout(400)  # the first test encodes every article, which takes a busy machine minutes
class TestOurArticles:
    def test_each_articles_own_question_is_answered_from_it_and_passes_the_checks(
        self, encoder: MiniLmEncoder, shop_knowledge: ChromaKnowledge, shop_articles: Sequence[Article]
    ) -> None:
        writer = ExtractiveWriter(encoder)
        found = shop_knowledge.search([Question(text=article.question) for article in shop_articles], limit=5)
        cited = 0
        for article, passages in zip(shop_articles, found, strict=True):
            answer = writer.write(_task(article.question, passages))
            assert check_answer(answer, passages, customer_wrote(article.question)) == [], article.article_id
            cited += answer.blocks[0].citations[0].article_id == article.article_id
        assert cited / len(shop_articles) >= 0.90


def _task(text: str, passages: Sequence[Passage]) -> WritingTask:
    return WritingTask(ticket_id="t1", conversation=customer_wrote(text), passages=passages)
