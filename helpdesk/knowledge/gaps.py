"""Gaps in the knowledge base: questions without a good article, those that ask the same put together."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from helpdesk.knowledge.unanswered import Unanswered, Why
from helpdesk.ports.knowledge import Passage

SAME_WITHIN = 0.5
"""Mean cosine distance between the questions of two clusters up to which they become one; see ADR 0023."""
FOREIGN_FROM = 5
"""So many questions that are out of scope make a topic; fewer are strays."""
EXAMPLES, WORDS, REPLIES = 3, 5, 5
_A_WORD = r"(?u)(?<![\[\w])[^\W\d_]{3,}(?![\w\]])"

Encode = Callable[[Sequence[str]], NDArray[np.float32]]
Nearest = Callable[[str], Passage | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Questions that ask the same and have no good article.

    Attributes:
        examples: the most central questions; the first is the most central of all.
        words: what sets this gap apart from the others.
        upset: share of the questions that sound so.
        why: how many questions are here for which reason.
        intent: what most of them were taken for; empty where that is none.
        evidence: median of what the gate saw; None where it saw none of them.
        replies: what agents answered, to the most central questions first.
        nearest: the article that the first example finds; None without any.
    """

    size: int
    examples: tuple[str, ...]
    words: tuple[str, ...]
    upset: float
    why: Mapping[Why, int]
    intent: str
    evidence: float | None
    replies: tuple[str, ...]
    nearest: Passage | None


def find_gaps(questions: Sequence[Unanswered], encode: Encode, nearest: Nearest, *, at_least: int) -> list[Gap]:
    """Return the gaps, the largest first.

    Args:
        encode: texts as unit vectors, one row each.
        nearest: the best article for a text, whatever is held of it.
        at_least: so many questions make a gap; of those that are out of scope it takes ``FOREIGN_FROM``.
    """
    if not questions:
        return []
    vectors = encode([question.text for question in questions])
    clusters = [rows for rows in clustered(vectors) if len(rows) >= _needed(questions, rows, at_least)]
    ordered = [_central_first(vectors, rows) for rows in sorted(clusters, key=len, reverse=True)]
    words = _typical_words([" ".join(questions[row].text for row in rows) for rows in ordered])
    return [_gap([questions[row] for row in rows], told, nearest) for rows, told in zip(ordered, words, strict=True)]


def clustered(vectors: NDArray[np.float32], *, within: float = SAME_WITHIN) -> list[list[int]]:
    """Return rows whose vectors are alike, by average linkage of cosine distances; each row is in one cluster."""
    if len(vectors) < 2:
        return [[row] for row in range(len(vectors))]
    from sklearn.cluster import AgglomerativeClustering

    model = AgglomerativeClustering(n_clusters=None, metric="cosine", linkage="average", distance_threshold=within)
    rows: dict[int, list[int]] = defaultdict(list)
    for row, label in enumerate(model.fit_predict(vectors)):
        rows[int(label)].append(row)
    return list(rows.values())


def _needed(questions: Sequence[Unanswered], rows: Sequence[int], at_least: int) -> int:
    is_foreign = all(questions[row].why is Why.OUT_OF_SCOPE for row in rows)
    return max(at_least, FOREIGN_FROM) if is_foreign else at_least


def _central_first(vectors: NDArray[np.float32], rows: Sequence[int]) -> list[int]:
    own = vectors[list(rows)]
    return [rows[at] for at in np.argsort(-(own @ own.sum(axis=0)), kind="stable")]


def _typical_words(texts: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the words that set each text apart from the others."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(stop_words="english", token_pattern=_A_WORD, sublinear_tf=True)
    try:
        weights = vectorizer.fit_transform(texts).toarray()
    except ValueError:  # there is no word but stop words
        return [() for _ in texts]
    names = vectorizer.get_feature_names_out()
    return [tuple(str(names[at]) for at in np.argsort(-row)[:WORDS] if row[at] > 0) for row in weights]


def _gap(questions: Sequence[Unanswered], words: tuple[str, ...], nearest: Nearest) -> Gap:
    texts = dict.fromkeys(question.text for question in questions)
    intents = Counter(question.intent for question in questions)
    seen = [question.evidence for question in questions if question.evidence is not None]
    return Gap(
        size=len(questions),
        examples=tuple(texts)[:EXAMPLES],
        words=words,
        upset=sum(question.upset for question in questions) / len(questions),
        why=dict(Counter(question.why for question in questions)),
        intent=intents.most_common(1)[0][0],
        evidence=median(seen) if seen else None,
        replies=tuple(dict.fromkeys(question.reply for question in questions if question.reply))[:REPLIES],
        nearest=nearest(questions[0].text),
    )
