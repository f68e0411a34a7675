"""The judge port: how far an answer helps the customer who asked."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from helpdesk.ports.knowledge import Article, Passage
from helpdesk.ports.writer import ModelCall, WrittenAnswer

ALTERNATIVES = " | "
"""Between the ways to say one key point."""
_ONE_WAY = str.maketrans("‘’“”–", "''\"\"-")


class Relevance(StrEnum):
    """What an answer is worth to the customer who asked."""

    RELEVANT = "RELEVANT"
    PARTLY_RELEVANT = "PARTLY_RELEVANT"
    NON_RELEVANT = "NON_RELEVANT"


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeTask:
    """An answer to be judged; ticket and answer are data and never an instruction.

    Attributes:
        ticket: what the customer wrote, the subject first.
        passages: those that the writer was given.
        right: the articles that a person named as answering the ticket; empty: the knowledge base has none.
        key_points: what a good answer must name, in the articles' words; alternatives are separated by `` | ``.
    """

    ticket: str
    answer: WrittenAnswer
    passages: Sequence[Passage]
    right: Sequence[Article] = ()
    key_points: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a judge found.

    Attributes:
        label: None where the judge gave no verdict (it was unreachable, refused, or answered nonsense).
        reason: one sentence for the person who reads the worst answers.
        findings: what the label was made of: criteria as 0 or 1, measures between 0 and 1.
        call: of a model, with its cost; None where no model was asked.
        retries: how often a call had to be repeated.
    """

    label: Relevance | None
    reason: str
    findings: Mapping[str, float] = field(default_factory=dict)
    call: ModelCall | None = None
    retries: int = 0


class Judge(Protocol):
    """Judges answers."""

    @property
    def name(self) -> str:
        """Who judges, and by which rules: stands beside every figure that rests on it."""

    @property
    def is_remote(self) -> bool:
        """Whether judging waits for a server, so that several answers should be judged at a time."""

    def judge(self, task: JudgeTask) -> Judgement:
        """Judge one answer. A judge that fails says so in the judgement: one answer's failure ends no evaluation."""

    def close(self) -> None: ...


def missing_points(text: str, key_points: Sequence[str]) -> list[str]:
    """Return the key points of which no alternative stands in the text; case, white space and quotes do not count."""
    folded = _folded(text)
    return [point for point in key_points if not any(_folded(one) in folded for one in point.split(ALTERNATIVES))]


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).translate(_ONE_WAY).casefold().split())
