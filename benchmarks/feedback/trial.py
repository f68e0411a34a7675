"""One trial: customers rate the answers to one half of the questions, the other half is ranked; both ways."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.feedback.customers import PASSAGES, Asked, recorded
from benchmarks.feedback.measures import Difference, Floats, difference, judged
from benchmarks.retrieval import systems
from benchmarks.retrieval.reading import Reader
from benchmarks.retrieval.sets import QuestionSet
from helpdesk.adapters.retrieval import Tuning
from helpdesk.article_feedback import ArticleSignal, opinions
from helpdesk.ports.knowledge import Article, Question

Mixed = Callable[[list[ArticleSignal]], list[ArticleSignal]]
"""What is recorded in the end, given what honest customers said."""


@dataclass(frozen=True, slots=True)
class Course:
    """How the customers of a trial behave, in so many courses of chance."""

    rounds: int
    noise: float
    seeds: int


class Trial:
    """Questions in two halves; each is searched once, and held out once."""

    def __init__(self, data: QuestionSet, reader: Reader, course: Course) -> None:
        self._course = course
        index = systems.index_of(data.articles, reader, systems.token_store(reader), Tuning())
        self._halves: tuple[list[Asked], list[Asked]] = ([], [])
        read = systems.queries(reader, [question.text for question in data.questions])
        for question, query in zip(data.questions, read, strict=True):
            found = index.found(Question(text=query.text, intent_prior=query.prior), query.encoding, limit=PASSAGES)
            articles = [data.articles[row] for row in found.rows]
            self._halves[question.half].append(Asked(question.right, articles, found.scores))
        self.held_out = [asked for half in self._halves for asked in half]
        self._articles = data.articles
        self._groups = ["|".join(sorted(asked.right)) for asked in self.held_out]
        self.before = judged(self.held_out, {}, 0.0)

    def most_asked(self, count: int) -> list[Article]:
        """Return the articles that answer most questions."""
        asked = Counter(name for question in self.held_out for name in sorted(question.right))
        names = {name for name, _ in asked.most_common(count)}
        return [article for article in self._articles if article.article_id in names]

    def after(self, reach: float, mixed: Mixed = lambda honest: honest) -> Floats:
        """Return the measures of every question with the feedback on the other half, as a mean over all courses.

        Args:
            reach: of opinions, as ``Tuning.opinion``.
        """
        course = self._course
        runs = []
        for seed in range(course.seeds):
            parts = []
            for half, asked in enumerate(self._halves):
                others = self._halves[1 - half]
                honest = recorded(others, reach=reach, rounds=course.rounds, noise=course.noise, seed=seed)
                parts.append(judged(asked, opinions(mixed(honest)), reach))
            runs.append(np.concatenate(parts))
        return np.asarray(np.mean(runs, axis=0))

    def gain(self, after: Floats, *, right: Sequence[Article] | None = None) -> list[Difference]:
        """Return what was gained over all questions, or over those that one of these articles answers."""
        names = None if right is None else {article.article_id for article in right}
        rows = [at for at, asked in enumerate(self.held_out) if names is None or asked.right & names]
        return difference(self.before[rows], after[rows], [self._groups[row] for row in rows], seed=0)
