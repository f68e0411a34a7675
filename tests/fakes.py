"""Fakes of the ports that a test scripts: the predictor, the knowledge base and the writer.

Broker and store have no fakes: the embedded ones are real and quick.
"""

import threading
from collections.abc import Callable, Sequence

from helpdesk.decisions import Reason
from helpdesk.errors import ArticleNotFound, KnowledgeUnavailable, PredictorUnavailable
from helpdesk.ports.knowledge import Article, LoadReport, Passage, Question
from helpdesk.ports.writer import AnswerBlock, ModelCall, WritingTask, WrittenAnswer
from helpdesk.predictions import LabelScore, Prediction
from helpdesk.tickets import Citation

ARTICLE = Article(
    article_id="cancel-before-dispatch",
    title="Cancel an order",
    question="How do I cancel my order?",
    intent="cancel_order",
    category="ORDER",
    body="You can cancel an order until it is packed. Open the order and choose Cancel.",
    url="https://help.shop.example/articles/cancel-before-dispatch",
)

GUEST_ARTICLE = Article(
    article_id="cancel-as-guest",
    title="Cancel a guest order",
    question="How do I cancel my order as a guest?",
    intent="cancel_order",
    category="ORDER",
    body="You can cancel an order until it is packed, as a guest too. Open the order by its number and postcode.",
    url="https://help.shop.example/articles/cancel-as-guest",
    tags=("guest",),
)


def make_prediction(text: str) -> Prediction:
    """Return a prediction that the text itself scripts: ``unsure``, ``upset``, ``far-off`` and ``nothing-found``.

    A text that ``wavers`` leaves two intents open, until it says “cancelling”.
    """
    wavers = "wavers" in text and "cancelling" not in text
    confidence = 0.45 if wavers else 0.3 if "unsure" in text else 0.97
    runner_up = [LabelScore(label="change_order", confidence=0.4)] if wavers else []
    return Prediction(
        predicted_label="cancel_order",
        prediction_confidence=confidence,
        confidence_threshold=0.8,
        category="ORDER",
        top_labels=[LabelScore(label="cancel_order", confidence=max(confidence, 0.45)), *runner_up],
        out_of_scope="far-off" in text,
        out_of_scope_score=9.0 if "far-off" in text else -9.0,
        out_of_scope_threshold=0.0,
        sentiment_score=-0.9 if "upset" in text else 0.0,
        sentiment_valid=True,
        language="en",
        model_version="fake",
    )


class FakePredictor:
    """Predicts what the text scripts; ``away`` makes it fail, ``before`` runs first on every call."""

    def __init__(self) -> None:
        self.away = False
        self.before: Callable[[Sequence[str]], None] = lambda texts: None
        self.calls: list[list[str]] = []

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        self.calls.append(list(texts))
        self.before(texts)
        if self.away:
            raise PredictorUnavailable("the prediction service does not answer")
        return [make_prediction(text) for text in texts]

    def check(self) -> None:
        if self.away:
            raise PredictorUnavailable("the prediction service does not answer")

    def close(self) -> None:
        """Nothing is held."""


class FakeKnowledge:
    """Finds its one article for every question but those that say ``nothing-found``; for ``either-way`` two."""

    def __init__(self) -> None:
        self.away = False

    def load(
        self, articles: Sequence[Article], *, before_swap: Callable[[LoadReport], None] | None = None
    ) -> LoadReport:
        return LoadReport(version="fake", added=0, changed=0, removed=0, unchanged=len(articles))

    def search(self, questions: Sequence[Question], *, limit: int) -> list[list[Passage]]:
        if self.away:
            raise KnowledgeUnavailable("the knowledge base does not answer")
        return [self._found(question.text)[:limit] for question in questions]

    def _found(self, text: str) -> list[Passage]:
        if "nothing-found" in text:
            return []
        found = [Passage(article=ARTICLE, similarity=0.9)]
        return [*found, Passage(article=GUEST_ARTICLE, similarity=0.89)] if "either-way" in text else found

    def article(self, article_id: str) -> Article:
        if article_id != ARTICLE.article_id:
            raise ArticleNotFound(f"There is no article {article_id}.")
        return ARTICLE

    def version(self) -> str:
        return "fake"

    def check(self) -> None:
        if self.away:
            raise KnowledgeUnavailable("the knowledge base does not answer")

    def close(self) -> None:
        """Nothing is held."""


class FakeWriter:
    """Quotes the article; ``error`` is raised or ``text`` written instead, and ``hold`` is waited for."""

    version = "fake 0"

    def __init__(self, *, is_remote: bool = False) -> None:
        self.is_remote = is_remote
        self.error: Exception | None = None
        self.text = "You can cancel an order until it is packed."
        self.hold = threading.Event()
        self.hold.set()
        self.entered = threading.Event()
        self.tasks: list[WritingTask] = []
        self.calls: tuple[ModelCall, ...] = ()

    def write(self, task: WritingTask) -> WrittenAnswer:
        self.tasks.append(task)
        self.entered.set()
        self.hold.wait(10)
        if self.error is not None:
            raise self.error
        article = task.passages[0].article
        quote = article.body.split(". ")[0] + "."
        citation = Citation(article_id=article.article_id, title=article.title, quote=quote, url=article.url)
        block = AnswerBlock(text=self.text, citations=(citation,))
        return WrittenAnswer(blocks=(block,), sufficient=True, writer="fake", prompt_version="0", calls=self.calls)

    def close(self) -> None:
        """Nothing is held."""


def codes(reasons: Sequence[Reason]) -> list[str]:
    """Return the codes of the reasons."""
    return [reason.code for reason in reasons]
