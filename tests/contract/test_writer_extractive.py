"""The extractive writer keeps the writers' promises, on a small shop and on all of our articles."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from helpdesk.adapters.encoder_minilm import MiniLmEncoder
from helpdesk.adapters.knowledge_chroma import ChromaKnowledge
from helpdesk.adapters.sentences import units
from helpdesk.adapters.writer_extractive import ExtractiveWriter
from helpdesk.ports.knowledge import Article, Passage, Question
from helpdesk.ports.writer import WritingTask
from processor.checks import check_answer
from tests.contract.writer_contract import INVOICE, RESET, WriterContract, customer_wrote, make_task
from tests.fakes import codes


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

    def test_where_two_passages_fit_about_as_well_a_person_gets_what_was_written(
        self, writer: ExtractiveWriter
    ) -> None:
        text = "How do I reset my password?"
        close = [Passage(article=RESET, similarity=0.61), Passage(article=INVOICE, similarity=0.59)]
        answer = writer.write(_task(text, close))
        assert not answer.sufficient
        [reason] = check_answer(answer, close, customer_wrote(text))
        assert (reason.code, "not sure" in reason.text) == ("passages_insufficient", True)
        assert answer.blocks[0].citations[0].article_id == RESET.article_id
        clear = [close[0], Passage(article=INVOICE, similarity=0.55)]
        assert writer.write(_task(text, clear)).sufficient

    def test_no_answer_begins_with_what_points_back(self, writer: ExtractiveWriter) -> None:
        body = (
            "An account can be deleted once all orders have come.\n\n1. Open your orders.\n2. Wait for them.\n\n"
            "The delete button stays grey until then, and the reason is written below it."
        )
        article = replace(RESET, title="Delete", question="Why can I not delete my account?", body=body)
        answer = writer.write(make_task("the delete button stays grey, why", articles=[article]))
        assert answer.text.startswith("An account can be deleted")


@pytest.mark.timeout(400)  # the first test encodes every article, which takes a busy machine minutes
@pytest.mark.long
class TestOurArticles:
    def test_each_articles_own_question_is_answered_from_it_and_passes_the_checks(
        self, encoder: MiniLmEncoder, shop_knowledge: ChromaKnowledge, shop_articles: Sequence[Article]
    ) -> None:
        writer = ExtractiveWriter(encoder)
        found = shop_knowledge.search([Question(text=article.question) for article in shop_articles], limit=5)
        cited = unsure = 0
        for article, passages in zip(shop_articles, found, strict=True):
            answer = writer.write(_task(article.question, passages))
            reasons = check_answer(answer, passages, customer_wrote(article.question))
            assert set(codes(reasons)) <= {"passages_insufficient"}, article.article_id
            unsure += bool(reasons)
            cited += answer.blocks[0].citations[0].article_id == article.article_id
        assert cited / len(shop_articles) >= 0.90
        assert unsure / len(shop_articles) <= 0.10


def _task(text: str, passages: Sequence[Passage]) -> WritingTask:
    return WritingTask(ticket_id="t1", conversation=customer_wrote(text), passages=passages)
