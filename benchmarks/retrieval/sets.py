"""What is searched and asked: a public support set, our own knowledge base, and questions that neither can answer."""

import csv
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.processes import PROJECT_DIR, BenchmarkFailed
from helpdesk.knowledge.checking import check_path
from helpdesk.ports.knowledge import Article
from helpdesk.settings import Settings

OWN_QUESTIONS = Path(__file__).with_name("our_questions.jsonl")
_TICKETS = PROJECT_DIR / "data" / "training_tickets.jsonl"
_ORIGINS = {
    "support_kb_documents.json": "derived from the customer-support sets that Bitext publishes (CDLA-Sharing 1.0)",
    "support_kb_questions.csv": "derived from the customer-support sets that Bitext publishes (CDLA-Sharing 1.0)",
    "clinc150_full.json": "https://github.com/clinc/oos-eval, data/data_full.json (CC BY 3.0)",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with the articles that answer it.

    Attributes:
        half: 0 or 1; all questions of one document are on the same side.
    """

    text: str
    right: frozenset[str]
    intent: str
    half: int


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """A knowledge base, and questions that it answers."""

    name: str
    articles: Sequence[Article]
    questions: Sequence[Asked]


def support_kb(datasets: Path) -> QuestionSet:
    """Return the public support set: 418 documents of 4 intents, 1,667 questions, each made from one document."""
    documents = json.loads(_read(datasets / "support_kb_documents.json"))
    articles = [
        Article(
            article_id=row["id"],
            title="",
            question=row["question"],
            intent=row["intent"],
            category=row["category"],
            body=row["response"],
        )
        for row in documents
    ]
    intents = {article.article_id: article.intent for article in articles}
    asked = csv.DictReader(_read(datasets / "support_kb_questions.csv").splitlines(keepends=True))
    questions = [
        Asked(row["question"], frozenset({row["document"]}), intents[row["document"]], _half(row["document"]))
        for row in asked
    ]
    return QuestionSet("support_kb", articles, questions)


def our_own(path: Path = OWN_QUESTIONS) -> QuestionSet:
    """Return our knowledge base with tickets of held-out templates, whose right articles a reader has named.

    A ticket whose template is not held out any more is left out.

    Raises:
        BenchmarkFailed: an article that a ticket names is gone.
    """
    checked = check_path(PROJECT_DIR / "data" / "knowledge_base", Settings(), today=datetime.now(UTC).date())
    known = {article.article_id for article in checked.articles}
    rows = [json.loads(line) for line in _read(path).splitlines()]
    held_out = {row["template"] for row in _tickets() if row["split"] == "test"}
    for row in rows:
        if unknown := set(row["articles"]) - known:
            raise BenchmarkFailed(f"{path.name} names {sorted(unknown)}, which the knowledge base lacks.")
    questions = [
        Asked(row["text"], frozenset(row["articles"]), row["intent"], _half(row["template"]))
        for row in rows
        if row["articles"] and row["template"] in held_out
    ]
    return QuestionSet("ours", checked.articles, questions)


def clinc_out_of_scope(datasets: Path) -> list[str]:
    """Return CLINC150's 1,000 out-of-scope test questions."""
    return [text for text, _ in json.loads(_read(datasets / "clinc150_full.json"))["oos_test"]]


def our_out_of_scope() -> list[str]:
    """Return one out-of-scope ticket of each held-out template."""
    first: dict[str, str] = {}
    for row in _tickets():
        if row["split"] == "test" and row["intent"] == "out_of_scope":
            first.setdefault(row["template"], row["text"])
    return list(first.values())


def _tickets() -> list[dict[str, str]]:
    return [json.loads(line) for line in _read(_TICKETS).splitlines()]


def _half(name: str) -> int:
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 2


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        origin = f"; it is {_ORIGINS[path.name]}" if path.name in _ORIGINS else ""
        raise BenchmarkFailed(f"{path} cannot be read ({error.strerror}){origin}.") from error
