"""How far a judge agrees with the labels that a person gave to answers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.questions import Asked
from evaluation.shares import Share, share
from helpdesk.errors import InvalidData
from helpdesk.ports.judge import Judge, Judgement, JudgeTask, Relevance
from helpdesk.ports.knowledge import Article, Passage
from helpdesk.ports.writer import AnswerBlock, WrittenAnswer
from helpdesk.tickets import Citation
from models.table_file import read_table


@dataclass(frozen=True, slots=True)
class Labelled:
    """An answer to a question, with what a person thinks of it."""

    task: JudgeTask
    question_id: str
    label: Relevance


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far a judge agrees with a person.

    Attributes:
        same: share of answers with the same label; those without a verdict count as different.
        same_relevant: the same, of the question whether an answer is relevant or not.
        kappa: Cohen's, of the three labels: 0 is chance, 1 is agreement throughout.
        table: how often (person's label, judge's label) met; None: no verdict.
        differing: the answers on which they differ, with the judge's account.
    """

    judge: str
    same: Share
    same_relevant: Share
    kappa: float
    table: Mapping[tuple[Relevance, Relevance | None], int]
    differing: Sequence[tuple[Labelled, Judgement]]


def read_labels(path: Path, questions: Mapping[str, Asked], articles: Mapping[str, Article]) -> list[Labelled]:
    """Read labelled answers: columns ``question`` (an id), ``answer``, ``cites`` (ids of articles) and ``label``.

    Raises:
        InvalidData: names the line, and what is wrong with it.
    """
    found = []
    table = read_table(path)
    for row in table.rows:
        where = f"{table.name}, line {row.line}"
        asked = questions.get(str(row.cells.get("question")))
        if asked is None:
            raise InvalidData(f"there is no question {row.cells.get('question')!r}", field=where)
        label = str(row.cells.get("label"))
        if label not in set(Relevance):
            raise InvalidData(f"{label!r} is no label", field=where, remedy=f"use one of {', '.join(Relevance)}")
        cell = row.cells.get("cites") or []
        names = cell if isinstance(cell, list) else [name.strip() for name in str(cell).split(";")]
        if unknown := [name for name in names if name not in articles]:
            raise InvalidData(f"cites {unknown[0]!r}, which the knowledge base lacks", field=where)
        cited = [articles[name] for name in names]
        found.append(
            Labelled(_task(asked, str(row.cells.get("answer")), cited, articles), asked.question_id, Relevance(label))
        )
    return found


def agreement(labelled: Sequence[Labelled], judge: Judge) -> Agreement:
    """Let a judge judge labelled answers, and compare."""
    judged = [(one, judge.judge(one.task)) for one in labelled]
    met = Counter((one.label, judgement.label) for one, judgement in judged)
    return Agreement(
        judge=judge.name,
        same=share([one.label is judgement.label for one, judgement in judged]),
        same_relevant=share([_is_same_side(one.label, judgement.label) for one, judgement in judged]),
        kappa=_kappa(met, len(judged)),
        table=met,
        differing=[(one, judgement) for one, judgement in judged if one.label is not judgement.label],
    )


def _task(asked: Asked, text: str, cited: Sequence[Article], articles: Mapping[str, Article]) -> JudgeTask:
    citations = tuple(Citation(article_id=one.article_id, title=one.title, quote="", url=one.url) for one in cited)
    answer = WrittenAnswer(
        blocks=(AnswerBlock(text=text, citations=citations),), sufficient=True, writer="labelled", prompt_version=""
    )
    return JudgeTask(
        ticket="\n".join(part for part in (asked.subject, asked.text) if part),
        answer=answer,
        passages=[Passage(article=one, similarity=1.0) for one in cited],
        right=tuple(articles[name] for name in asked.articles if name in articles),
        key_points=asked.key_points,
    )


def _is_same_side(person: Relevance, judge: Relevance | None) -> bool:
    return judge is not None and (person is Relevance.RELEVANT) == (judge is Relevance.RELEVANT)


def _kappa(met: Mapping[tuple[Relevance, Relevance | None], int], total: int) -> float:
    """Return Cohen's kappa (Cohen 1960)."""
    if not total:
        return 0.0
    same = sum(count for (person, judge), count in met.items() if person is judge) / total
    chance = 0.0
    for label in Relevance:
        persons = sum(count for (person, _), count in met.items() if person is label)
        judges = sum(count for (_, judge), count in met.items() if judge is label)
        chance += persons * judges / total**2
    return (same - chance) / (1 - chance) if chance < 1 else 1.0
