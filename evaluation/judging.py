"""Judges what was written: grounding measured by code, and what it is worth to the customer by a judge."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from evaluation.grounding import Grounding, ground
from evaluation.trial import Handled
from helpdesk.ports.judge import Judge, Judgement, JudgeTask, Relevance
from helpdesk.ports.knowledge import Article
from helpdesk.ports.writer import WrittenAnswer
from processor.injection import instruction_in


@dataclass(frozen=True, slots=True)
class Judged:
    """A question with what became of it; grounding and judgement where it was answered or drafted."""

    handled: Handled
    grounding: Grounding | None = None
    judgement: Judgement | None = None

    @property
    def answer(self) -> WrittenAnswer | None:
        """The answer, where it was sent or goes to a person as a draft."""
        return self.handled.work.answer if self.grounding is not None else None

    @property
    def label(self) -> Relevance | None:
        """What the answer is worth; None where none was written or the judge gave no verdict."""
        return self.judgement.label if self.judgement is not None else None


def judge_all(
    handled: Sequence[Handled], judge: Judge, articles: Mapping[str, Article], *, parallel: int
) -> list[Judged]:
    """Judge every answer that was sent or drafted.

    Args:
        articles: the knowledge base, by id.
        parallel: answers judged at a time by a remote judge.
    """
    with ThreadPoolExecutor(parallel if judge.is_remote else 1) as pool:
        return list(pool.map(lambda one: _judged(one, judge, articles), handled))


def _judged(handled: Handled, judge: Judge, articles: Mapping[str, Article]) -> Judged:
    answer = handled.work.answer
    if answer is None or not handled.is_written:
        return Judged(handled)
    ticket = "\n".join(part for part in (handled.asked.subject, handled.asked.text) if part)
    grounding = ground(answer, handled.work.passages, ticket)
    if words := instruction_in(answer.text):
        # Whoever wrote this wants to be judged well: the judge does not get to read it.
        reason = f"The answer speaks to a machine: “{words}”."
        return Judged(handled, grounding, Judgement(label=Relevance.NON_RELEVANT, reason=reason))
    task = JudgeTask(
        ticket=ticket,
        answer=answer,
        passages=handled.work.passages,
        right=tuple(articles[name] for name in handled.asked.articles if name in articles),
        key_points=handled.asked.key_points,
    )
    return Judged(handled, grounding, judge.judge(task))
