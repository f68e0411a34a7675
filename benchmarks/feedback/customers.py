"""Simulated customers: they ask, read the first article, and rate it, wrongly every so often; some are hostile."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from helpdesk.adapters.retrieval.opinions import reordered
from helpdesk.article_feedback import ArticleSignal, Signal, opinions
from helpdesk.clock import utc_now
from helpdesk.ports.knowledge import Article
from helpdesk.tickets import Author

PASSAGES = 5
"""As many as a worker asks for."""
OWNERS = 4
"""Portals over which honest customers are spread."""
HOSTILE_OWNER = "hostile"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with what a worker finds for it, before opinions order that."""

    right: frozenset[str]
    articles: Sequence[Article]
    scores: NDArray[np.float32]

    def ranked(self, held: Mapping[str, float], reach: float) -> list[Article]:
        """Return the articles in the order that opinions give them, by the code that ships."""
        opinions = np.array([held.get(article.content_digest, 0.0) for article in self.articles])
        return [self.articles[at] for at in reordered(self.scores, opinions, reach=reach)]


def recorded(asked: Sequence[Asked], *, reach: float, rounds: int, noise: float, seed: int) -> list[ArticleSignal]:
    """Return what customers say who ask every question once per round; opinions follow after each round.

    Args:
        noise: share of the ratings that say the opposite of the truth.
    """
    random = Random(seed)
    signals: list[ArticleSignal] = []
    for number in range(rounds):
        held = opinions(signals)
        for at, question in enumerate(asked):
            first = question.ranked(held, reach)[0]
            is_right = first.article_id in question.right
            says_so = is_right if random.random() >= noise else not is_right
            owner, user = f"portal {random.randrange(OWNERS)}", f"customer {number}/{at}"
            signals.append(_rating(first, Signal.HELPED if says_so else Signal.DID_NOT_HELP, owner, user, len(signals)))
    return signals


def one_customer(articles: Sequence[Article], *, ratings: int) -> Iterator[ArticleSignal]:
    """Yield the ratings of one customer who finds each of these articles bad, again and again."""
    for article in articles:
        for number in range(ratings):
            yield _rating(article, Signal.DID_NOT_HELP, "portal 0", "hostile customer", 10**6 + number)


def one_owner(articles: Sequence[Article], *, customers: int) -> Iterator[ArticleSignal]:
    """Yield the ratings of a portal that invents customers who find each of these articles bad."""
    for article in articles:
        for number in range(customers):
            yield _rating(article, Signal.DID_NOT_HELP, HOSTILE_OWNER, f"invented {number}", 2 * 10**6 + number)


def _rating(article: Article, signal: Signal, owner: str, user: str, number: int) -> ArticleSignal:
    return ArticleSignal(
        article_id=article.article_id,
        content=article.content_digest,
        signal=signal,
        share=1.0,
        ticket_id=f"ticket {number}",
        turn=1,
        author=Author.CUSTOMER,
        owner=owner,
        author_name=user,
        at=utc_now(),
    )
