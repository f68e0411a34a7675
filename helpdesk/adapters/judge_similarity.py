"""The judge that needs no model behind a key: it holds an answer against what a person named as the right articles."""

from collections.abc import Sequence

from helpdesk.ports.encoder import Encoder
from helpdesk.ports.judge import Judgement, JudgeTask, Relevance, missing_points


class SimilarityJudge:
    """Judges by three measures, against the reference that a person made of the question.

    - cited: whether the answer cites an article that a person named as right.
    - coverage: the share of the question's key points that stand in the answer; 1 where it has none.
    - similarity: the largest cosine between the answer and one of the right articles.

    What the knowledge base cannot answer has no right article, so an answer to it is not relevant, however it reads.
    The thresholds were checked on hand-labelled answers; docs/explanation/judging.md has the agreement.

    Args:
        encoder: the thresholds are MiniLM's.
        relevant_from: coverage from which an answer is relevant.
        alike_from: cosine below which an answer is about something else, though a right article is cited.
    """

    is_remote = False

    def __init__(self, encoder: Encoder, *, relevant_from: float = 0.99, alike_from: float = 0.55) -> None:
        self._encoder = encoder
        self._relevant_from, self._alike_from = relevant_from, alike_from

    @property
    def name(self) -> str:
        """The measures, their encoder and the version of the rules."""
        return f"similarity-1 ({self._encoder.name}, key points, right article)"

    def judge(self, task: JudgeTask) -> Judgement:
        """Judge one answer."""
        if not task.right:
            return Judgement(label=Relevance.NON_RELEVANT, reason="No article of the knowledge base answers this.")
        missing = missing_points(task.answer.text, task.key_points)
        findings = {
            "cited": float(not _cited(task).isdisjoint(article.article_id for article in task.right)),
            "coverage": 1 - len(missing) / len(task.key_points) if task.key_points else 1.0,
            "similarity": self._similarity(task),
        }
        return Judgement(label=self._label(findings), reason=_reason(task, findings, missing), findings=findings)

    def close(self) -> None:
        """Nothing is held."""

    def _similarity(self, task: JudgeTask) -> float:
        answer, *articles = self._encoder.encode([task.answer.text, *(article.body for article in task.right)])
        return max(float(answer @ article) for article in articles)

    def _label(self, findings: dict[str, float]) -> Relevance:
        is_near = findings["similarity"] >= self._alike_from
        if findings["coverage"] >= self._relevant_from and (findings["cited"] or is_near):
            return Relevance.RELEVANT
        if (findings["cited"] and is_near) or findings["coverage"] > 0:
            return Relevance.PARTLY_RELEVANT
        return Relevance.NON_RELEVANT


def _cited(task: JudgeTask) -> set[str]:
    return {citation.article_id for block in task.answer.blocks for citation in block.citations}


def _reason(task: JudgeTask, findings: dict[str, float], missing: Sequence[str]) -> str:
    right = ", ".join(article.article_id for article in task.right)
    source = "rests on a right article" if findings["cited"] else f"does not rest on {right}"
    lacks = f", lacks {'; '.join(f'“{point}”' for point in missing)}" if missing else ", has all key points"
    return f"The answer {source}{lacks} (cosine {findings['similarity']:.2f})."
