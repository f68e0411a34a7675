"""What customers and agents made of articles, and how far that speaks for or against each.

Feedback belongs to what an article says, by the digest of its content: a changed text starts anew. See
docs/adr/0023-article-feedback.md.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from helpdesk.tickets import Author


class Signal(StrEnum):
    """What somebody did with an article that an answer or a draft cites."""

    HELPED = "helped"
    HELPED_PARTLY = "helped_partly"
    DID_NOT_HELP = "did_not_help"
    USED = "used"
    EDITED = "edited"
    DISCARDED = "discarded"
    MARKED_WRONG = "marked_wrong"


RATINGS = frozenset({Signal.HELPED, Signal.HELPED_PARTLY, Signal.DID_NOT_HELP})
DRAFT_USES = frozenset({Signal.USED, Signal.EDITED, Signal.DISCARDED})

_SUCCESS: Mapping[Signal, float] = {
    Signal.HELPED: 1.0,
    Signal.HELPED_PARTLY: 0.5,
    Signal.DID_NOT_HELP: 0.0,
    Signal.USED: 1.0,
    Signal.EDITED: 0.5,
    Signal.DISCARDED: 0.0,
    Signal.MARKED_WRONG: 0.0,
}
_WRONG_WEIGHT = 3.0
"""Who marks an article has read it; a rating may be about the parcel."""
_CUSTOMER_MOST = 1.0
_AGENT_MOST = 5.0
_OWNER_MOST = 10.0
"""What one customer, one agent, and all customers of one portal weigh at most for one content."""
_STRENGTH = 8.0
"""So many votes of average success stand beside those that were cast."""
_ASSUMED_MEAN, _ASSUMED_WEIGHT = 0.7, 10.0
"""The average success before anybody has said anything, and the votes that it counts for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleSignal:
    """One word on one article; of several by the same author on the same answer the latest stands.

    Attributes:
        content: ``Article.content_digest`` of what the article said then.
        share: of the answer that rests on this article, 0 to 1: one of three cited articles has a third.
        turn: of the answer or draft.
        owner: the portal of a customer; empty for an agent.
    """

    article_id: str
    content: str
    signal: Signal
    share: float
    ticket_id: str
    turn: int
    author: Author
    owner: str
    author_name: str
    at: datetime

    @property
    def subject(self) -> tuple[object, ...]:
        """What it is a word on, and whose: a later signal with the same subject takes its place."""
        kind = next((at for at, kinds in enumerate((RATINGS, DRAFT_USES)) if self.signal in kinds), 2)
        return self.ticket_id, self.turn, self.article_id, self.author, self.author_name, kind


@dataclass(frozen=True, slots=True)
class Opinions:
    """What is held of articles.

    Attributes:
        version: number of the last signal that took part; empty without any.
        by_content: how much better or worse than the others a content did, -1 to 1.
    """

    version: str = ""
    by_content: Mapping[str, float] = field(default_factory=dict)


def signal_of_rating(score: int) -> Signal:
    """Return what a score of 1 (bad) to 5 (good) says."""
    if score == 3:
        return Signal.HELPED_PARTLY
    return Signal.HELPED if score > 3 else Signal.DID_NOT_HELP


def standing(signals: Iterable[ArticleSignal]) -> list[ArticleSignal]:
    """Return those that no later one has replaced.

    Args:
        signals: in the order of their making.
    """
    return list({signal.subject: signal for signal in signals}.values())


def opinions(signals: Iterable[ArticleSignal]) -> dict[str, float]:
    """Return how much better or worse than the others each content did, -1 to 1: its smoothed rate less their mean.

    A further success never lowers an opinion, a failure never raises it, and a customer moves it by a ninth at most.
    The mean leaves out the content itself: an article is not measured by its own votes.

    Args:
        signals: in the order of their making.

    Source:
        The posterior mean of a Beta distribution whose prior is the mean of the others.
    """
    votes: dict[str, list[ArticleSignal]] = defaultdict(list)
    for signal in standing(signals):
        votes[signal.content].append(signal)
    tallies = {content: _tally(cast) for content, cast in votes.items()}
    good, weight = (sum(tally[part] for tally in tallies.values()) for part in (0, 1))
    return {
        content: _smoothed(own_good, own_weight, good - own_good, weight - own_weight)
        for content, (own_good, own_weight) in tallies.items()
    }


def _smoothed(good: float, weight: float, good_of_others: float, weight_of_others: float) -> float:
    mean = (good_of_others + _ASSUMED_MEAN * _ASSUMED_WEIGHT) / (weight_of_others + _ASSUMED_WEIGHT)
    return (good - weight * mean) / (_STRENGTH + weight)


def _tally(cast: Iterable[ArticleSignal]) -> tuple[float, float]:
    """Return successes and votes, each author and each portal held to what it may weigh."""
    authors: dict[tuple[Author, str, str], list[tuple[float, float]]] = defaultdict(list)
    for vote in cast:
        weight = vote.share * (_WRONG_WEIGHT if vote.signal is Signal.MARKED_WRONG else 1.0)
        authors[vote.author, vote.owner, vote.author_name].append((_SUCCESS[vote.signal] * weight, weight))
    owners: dict[tuple[Author, str], list[tuple[float, float]]] = defaultdict(list)
    for (author, owner, _), pairs in authors.items():
        owners[author, owner].append(_held(pairs, _AGENT_MOST if author is Author.AGENT else _CUSTOMER_MOST))
    held = [
        _held(pairs, float("inf") if author is Author.AGENT else _OWNER_MOST) for (author, _), pairs in owners.items()
    ]
    return sum(good for good, _ in held), sum(weight for _, weight in held)


def _held(pairs: Iterable[tuple[float, float]], most: float) -> tuple[float, float]:
    """Return the sums of successes and votes, scaled down to a weight of ``most``: the rate stays as it is."""
    good, weight = (sum(part) for part in zip(*pairs, strict=True))
    scale = most / weight if weight > most else 1.0
    return good * scale, weight * scale
