"""What was made of articles: appended, and read as a whole or ticket by ticket; and what reports on articles read."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Table, bindparam, func, select

from helpdesk.adapters.store_sql.bulk import bulk_insert
from helpdesk.adapters.store_sql.schema import answers, article_signals, decisions
from helpdesk.adapters.store_sql.scope import Record, Scope, columns_of, record_of
from helpdesk.article_feedback import ArticleSignal
from helpdesk.decisions import DecisionRecord
from helpdesk.tickets import Answer

_ADD = bulk_insert(article_signals, ArticleSignal)
_ALL = select(*columns_of(article_signals, ArticleSignal)).order_by(article_signals.c.sequence)
_UNTIL = _ALL.where(article_signals.c.sequence <= bindparam("until"))
_OF_TICKET = _ALL.where(article_signals.c.ticket_id == bindparam("of"))
_LAST = select(func.coalesce(func.max(article_signals.c.sequence), 0))


def _between(table: Table, kind: type[Any], moment: str) -> Select[Any]:
    at = table.c[moment]
    return (
        select(*columns_of(table, kind))
        .where(at >= bindparam("since"), at < bindparam("until"))
        .execution_options(yield_per=500)
    )


_ANSWERS = _between(answers, Answer, "created_at")
_DECISIONS = _between(decisions, DecisionRecord, "at")


class ArticleSignals(Scope):
    """Appends and reads signals."""

    def add_article_signals(self, added: Sequence[ArticleSignal]) -> None:
        """Append signals of tickets that exist."""
        if added:
            _ADD.execute(self._connection, added)

    def article_signals(self, *, until: int | None = None) -> list[ArticleSignal]:
        """Return all signals in the order of their making."""
        rows = self._connection.execute(_ALL) if until is None else self._connection.execute(_UNTIL, {"until": until})
        return [record_of(ArticleSignal, row) for row in rows]

    def article_signals_of(self, ticket_id: str) -> list[ArticleSignal]:
        """Return the signals of one ticket in the order of their making."""
        return [record_of(ArticleSignal, row) for row in self._connection.execute(_OF_TICKET, {"of": ticket_id})]

    def last_article_signal(self) -> int:
        """Return the number of the latest signal."""
        return int(self._connection.execute(_LAST).scalar_one())

    def answers_between(self, since: datetime, until: datetime) -> Iterator[Answer]:
        """Yield answers and drafts of a window."""
        return self._streamed(Answer, _ANSWERS, since, until)

    def decisions_between(self, since: datetime, until: datetime) -> Iterator[DecisionRecord]:
        """Yield decisions of a window."""
        return self._streamed(DecisionRecord, _DECISIONS, since, until)

    def _streamed(
        self, kind: type[Record], statement: Select[Any], since: datetime, until: datetime
    ) -> Iterator[Record]:
        with self._connection.execute(statement, {"since": since, "until": until}) as rows:
            for row in rows:
                yield record_of(kind, row)
