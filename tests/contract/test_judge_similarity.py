"""The judge without a model: right article, key points and likeness, with the real encoder."""

import pytest

from helpdesk.adapters.encoder_minilm import MiniLmEncoder
from helpdesk.adapters.judge_similarity import SimilarityJudge
from helpdesk.ports.judge import JudgeTask, Relevance, missing_points
from helpdesk.ports.knowledge import Article, Passage
from helpdesk.ports.writer import AnswerBlock, WrittenAnswer
from helpdesk.tickets import Citation
from tests.contract.writer_contract import INVOICE, RESET

POINTS = ("shop.example/reset | reset page", "60 minutes")


@pytest.fixture(scope="module")
def judge() -> SimilarityJudge:
    return SimilarityJudge(MiniLmEncoder())


def make_task(text: str, cites: Article, *right: Article, key_points: tuple[str, ...] = POINTS) -> JudgeTask:
    citation = Citation(article_id=cites.article_id, title=cites.title, quote=text, url=cites.url)
    block = AnswerBlock(text=text, citations=(citation,))
    answer = WrittenAnswer(blocks=(block,), sufficient=True, writer="test", prompt_version="")
    passages = [Passage(article=article, similarity=0.7) for article in (RESET, INVOICE)]
    return JudgeTask(ticket="I lost my password", answer=answer, passages=passages, right=right, key_points=key_points)


def test_the_right_article_with_every_key_point_is_relevant(judge: SimilarityJudge) -> None:
    found = judge.judge(make_task(RESET.body, RESET, RESET))
    assert found.label is Relevance.RELEVANT
    assert found.findings["cited"] == found.findings["coverage"] == 1.0


def test_the_right_article_without_a_key_point_is_partly_relevant(judge: SimilarityJudge) -> None:
    found = judge.judge(make_task(RESET.body.replace("60 minutes", "an hour"), RESET, RESET))
    assert found.label is Relevance.PARTLY_RELEVANT
    assert "60 minutes" in found.reason


def test_another_article_is_not_relevant(judge: SimilarityJudge) -> None:
    assert judge.judge(make_task(INVOICE.body, INVOICE, RESET)).label is Relevance.NON_RELEVANT


def test_another_article_that_says_the_same_is_relevant(judge: SimilarityJudge) -> None:
    assert judge.judge(make_task(RESET.body, INVOICE, RESET)).label is Relevance.RELEVANT


def test_what_no_article_answers_has_no_relevant_answer(judge: SimilarityJudge) -> None:
    found = judge.judge(make_task(RESET.body, RESET, key_points=()))
    assert found.label is Relevance.NON_RELEVANT
    assert "No article" in found.reason


def test_without_key_points_article_and_likeness_decide(judge: SimilarityJudge) -> None:
    assert judge.judge(make_task(RESET.body, RESET, RESET, key_points=())).label is Relevance.RELEVANT


def test_the_judge_is_named_with_its_encoder(judge: SimilarityJudge) -> None:
    assert "MiniLM" in judge.name


@pytest.mark.parametrize("text", ["Select “Send link”.", 'select  "send\nlink"', 'SELECT ‘SEND LINK’ or "Send Link"'])
def test_a_key_point_is_found_in_any_case_spacing_and_quotes(text: str) -> None:
    assert missing_points(text, ['"Send link" | nothing']) == []


def test_a_key_point_that_is_missing_is_named_whole() -> None:
    assert missing_points("Wait a day.", ["14 days | two weeks", "a day"]) == ["14 days | two weeks"]
