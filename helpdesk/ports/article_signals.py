"""The part of the store port that keeps what was made of articles, and reads what reports on articles need."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from helpdesk.article_feedback import ArticleSignal
from helpdesk.decisions import DecisionRecord
from helpdesk.tickets import Answer


class ArticleSignals(Protocol):
    """Reads and appends within one transaction."""

    def add_article_signals(self, added: Sequence[ArticleSignal]) -> None:
        """Append signals of tickets that exist; none is ever changed or deleted."""

    def article_signals(self, *, until: int | None = None) -> list[ArticleSignal]:
        """Return all signals in the order of their making, up to the one of this number where one is named."""

    def article_signals_of(self, ticket_id: str) -> list[ArticleSignal]:
        """Return the signals of one ticket in the order of their making."""

    def last_article_signal(self) -> int:
        """Return the number of the latest signal; 0 without any. Cheap enough to ask every few seconds."""

    def answers_between(self, since: datetime, until: datetime) -> Iterator[Answer]:
        """Yield answers and drafts made from ``since`` on and before ``until``, in no promised order.

        Rows come a few hundred at a time, and only while the transaction is open. Reads the whole table, so ask it for
        a report.
        """

    def decisions_between(self, since: datetime, until: datetime) -> Iterator[DecisionRecord]:
        """Yield decisions made from ``since`` on and before ``until``; otherwise as ``answers_between``."""
