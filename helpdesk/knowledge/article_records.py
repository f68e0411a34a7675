"""How each article has done: how often it was used, what customers and agents made of it, and what is held of it."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from helpdesk.article_feedback import Signal, opinions, standing
from helpdesk.ports.store import Store
from helpdesk.tickets import Author


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleRecord:
    """One article that is in force.

    Attributes:
        asked: answers and drafts of the window that cite it, whatever it said then.
        signals: what was said in the window of what it says now; one per answer and person.
        opinion: -1 to 1, of all that was ever said of what it says now; it orders search results.
    """

    article_id: str
    title: str
    asked: int
    signals: Mapping[Signal, int]
    opinion: float


def article_records(store: Store, *, since: datetime, until: datetime) -> list[ArticleRecord]:
    """Return the articles in force that were used or spoken of, the worst first.

    Reads every answer of the store, so ask it for a report.

    Raises:
        StoreUnavailable.
    """
    with store.reading() as tx:
        newest = next(iter(tx.knowledge_versions(limit=1)), None)
        articles = tx.knowledge_articles(newest.number) if newest else []
        signals = tx.article_signals()
        asked = Counter(
            article_id
            for answer in tx.answers_between(since, until)
            if answer.author is Author.MACHINE
            for article_id in {citation.article_id for citation in answer.citations}
        )
    held = opinions(signals)
    said: dict[str, Counter[Signal]] = defaultdict(Counter)
    for signal in standing(signals):
        if since <= signal.at < until:
            said[signal.content][signal.signal] += 1
    records = [
        ArticleRecord(
            article_id=article.article_id,
            title=article.title,
            asked=asked[article.article_id],
            signals=dict(said[article.content_digest]),
            opinion=held.get(article.content_digest, 0.0),
        )
        for article in articles
    ]
    spoken_of = [record for record in records if record.asked or record.signals or record.opinion]
    return sorted(spoken_of, key=lambda record: (record.opinion, -record.asked, record.article_id))
