"""What every writer promises, as tests that each adapter's suite inherits."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from helpdesk.ports.knowledge import Article, Passage
from helpdesk.ports.writer import Writer, WritingTask
from helpdesk.tickets import Author, ConversationMessage
from processor.checks import check_answer

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

RESET = Article(
    article_id="reset-password",
    title="Reset a forgotten password",
    question="How do I reset my password?",
    intent="recover_password",
    category="ACCOUNT",
    url="https://help.shop.example/articles/reset-password",
    body=(
        "You can set a new password at https://www.shop.example/reset with the e-mail address of your account.\n\n"
        '1. Enter your e-mail address and select "Send link".\n'
        "2. Open the e-mail from us.\n"
        "3. Choose a new password within 60 minutes.\n\n"
        "The new password must differ from the last one. All other devices are signed out at once."
    ),
)
INVOICE = Article(
    article_id="download-invoice",
    title="Download an invoice",
    question="Where can I download my invoice?",
    intent="get_invoice",
    category="INVOICE",
    url="https://help.shop.example/articles/download-invoice",
    body="You can download every invoice as a PDF under My account.\n\nInvoices are kept for 10 years.",
)


def customer_wrote(*texts: str) -> list[ConversationMessage]:
    return [
        ConversationMessage(
            ticket_id="t1", turn=turn, author=Author.CUSTOMER, author_name="ada", text=text, created_at=NOON
        )
        for turn, text in enumerate(texts, start=1)
    ]


def make_task(
    *texts: str,
    subject: str = "",
    articles: Sequence[Article] = (RESET, INVOICE),
    similarity: float = 0.7,
    language: str = "en",
) -> WritingTask:
    passages = [Passage(article=article, similarity=similarity - 0.3 * at) for at, article in enumerate(articles)]
    return WritingTask(
        ticket_id="t1", subject=subject, conversation=customer_wrote(*texts), passages=passages, language=language
    )


class WriterContract:
    """Inherit, and provide the fixture ``writer``."""

    @pytest.fixture
    def writer(self) -> Writer:
        raise NotImplementedError

    def test_an_answer_cites_the_passages_it_was_given_and_passes_the_checks(self, writer: Writer) -> None:
        task = make_task("I forgot my password, how do I reset it?")
        answer = writer.write(task)
        assert answer.sufficient
        cited = {citation.article_id for block in answer.blocks for citation in block.citations}
        assert cited == {"reset-password"}
        assert check_answer(answer, task.passages, task.conversation) == []

    def test_steps_stay_whole_and_in_their_order(self, writer: Writer) -> None:
        text = writer.write(make_task("How do I reset my password?")).text
        places = [text.find(words) for words in ("Enter your e-mail", "Open the e-mail", "Choose a new password")]
        assert -1 not in places
        assert places == sorted(places)

    def test_an_answer_names_its_writer_and_the_version_of_its_instructions(self, writer: Writer) -> None:
        answer = writer.write(make_task("How do I reset my password?"))
        assert answer.writer
        assert answer.prompt_version

    def test_a_question_is_answered_also_when_something_else_was_written_after_it(self, writer: Writer) -> None:
        assert writer.write(
            make_task("How do I reset my password?", "I am at home this evening, by the way.")
        ).sufficient

    def test_a_question_that_stands_in_the_subject_alone_is_answered(self, writer: Writer) -> None:
        task = make_task("see subject, thanks", subject="How do I reset my password?", similarity=0.35)
        answer = writer.write(task)
        assert answer.sufficient
        assert answer.blocks[0].citations[0].article_id == "reset-password"

    def test_without_passages_there_is_no_answer(self, writer: Writer) -> None:
        answer = writer.write(make_task("How do I reset my password?", articles=()))
        assert not answer.sufficient
        assert answer.blocks == ()
