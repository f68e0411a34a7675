"""What is done at the desk speaks for or against the articles behind an answer: ratings, drafts, and plain words."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from difflib import SequenceMatcher

from helpdesk import metrics
from helpdesk.article_feedback import ArticleSignal, Signal, signal_of_rating, standing
from helpdesk.decisions import DecisionRecord, Outcome
from helpdesk.desk.queueing import event
from helpdesk.desk.scope import Scope
from helpdesk.errors import InvalidInput, KnowledgeVersionNotFound
from helpdesk.ports.store import Transaction
from helpdesk.tickets import Answer, Author, Feedback, Ticket

_WORD = re.compile(r"\w+")
_RUN = 3
"""Fewer words in a row that two texts share are chance."""
_COMPARED = 600
"""Words of each text that are compared, while the ticket is locked."""
_USED_FROM, _EDITED_FROM = 0.8, 0.3
"""What share of a draft's words a reply must keep, to have used it and to have been made of it."""


class ArticleFeedback(Scope):
    """The side of the desk from which the knowledge base learns."""

    def mark_wrong(self, ticket_id: str, agent: str, *, article_id: str, note: str = "") -> ArticleSignal:
        """Record that an article behind this ticket's answer or draft is wrong. The ticket stays as it is.

        A repetition is not recorded again.

        Raises:
            TicketNotFound: no such ticket.
            InvalidInput: nothing here cites the article, or what it said then is not recorded.
        """
        with self._store.transaction() as tx:
            ticket = tx.ticket(ticket_id)
            answers = [answer for answer in tx.answers(ticket_id) if answer.author is Author.MACHINE]
            cited = sorted({citation.article_id for answer in answers for citation in answer.citations})
            if article_id not in cited:
                remedy = f"send one of {', '.join(cited)}" if cited else "no answer or draft here cites any"
                raise InvalidInput(f"{article_id[:80]!r} is behind no answer here", field="article_id", remedy=remedy)
            answer = next(answer for answer in reversed(answers) if article_id in _shares(answer))
            found = _signals(tx, ticket, answer, Signal.MARKED_WRONG, agent=agent, at=self._clock())
            marks = [replace(mark, share=1.0) for mark in found if mark.article_id == article_id]
            if not marks:
                problem = f"is {article_id!r}, of which no record says what it said in that answer"
                raise InvalidInput(problem, field="article_id", remedy=f"correct it: `helpdesk kb edit {article_id}`")
            if said := record_signals(tx, marks):
                reason = f"The article {article_id} is wrong. {note}".rstrip()
                noted = replace(ticket, updated_at=marks[0].at, turn=answer.turn)
                step = event(noted, None, actor=Author.AGENT, name=agent, reason=reason, article_id=article_id)
                tx.add_events([step])
        count_signals(said)
        return marks[0]


def signals_of_rating(tx: Transaction, ticket: Ticket, feedback: Feedback) -> list[ArticleSignal]:
    """Return what a rating says of the articles behind the latest answer; nothing where a person wrote that."""
    answer = [answer for answer in tx.answers(ticket.ticket_id) if answer.sent][-1]
    if answer.author is not Author.MACHINE:
        return []
    return _signals(tx, ticket, answer, signal_of_rating(feedback.score), agent=None, at=feedback.created_at)


def signals_of_reply(tx: Transaction, ticket: Ticket, agent: str, text: str, *, at: datetime) -> list[ArticleSignal]:
    """Return what an agent's reply says of the articles behind the draft for this turn.

    It says nothing where there was none, or where the machine itself did not stand by it.
    """
    written = tx.answers(ticket.ticket_id)
    draft = written[-1] if written and not written[-1].sent else None
    if draft is None or draft.turn != ticket.turn:
        return []
    decision = _decision(tx, draft)
    if decision is None or decision.outcome is Outcome.ROUTE:
        return []
    return _signals(tx, ticket, draft, use_of(draft.text, text), agent=agent, at=at)


def use_of(draft: str, reply: str) -> Signal:
    """Return what became of a draft: how many of its words, three in a row or more, the reply has in their order."""
    words, kept = (_WORD.findall(text.casefold())[:_COMPARED] for text in (draft, reply))
    blocks = SequenceMatcher(None, words, kept, autojunk=False).get_matching_blocks()
    share = sum(block.size for block in blocks if block.size >= min(_RUN, len(words))) / max(1, len(words))
    if share >= _USED_FROM:
        return Signal.USED
    return Signal.EDITED if share >= _EDITED_FROM else Signal.DISCARDED


def record_signals(tx: Transaction, signals: Sequence[ArticleSignal]) -> list[ArticleSignal]:
    """Store the signals that say something new, and return them; the ticket is locked."""
    if not signals:
        return []
    stands = {signal.subject: signal.signal for signal in standing(tx.article_signals_of(signals[0].ticket_id))}
    new = [signal for signal in signals if stands.get(signal.subject) is not signal.signal]
    tx.add_article_signals(new)
    return new


def count_signals(signals: Sequence[ArticleSignal]) -> None:
    """Count what was stored, after its commit."""
    for signal in signals:
        metrics.article_signals.labels(signal.signal.value).inc()


def _signals(
    tx: Transaction, ticket: Ticket, answer: Answer, signal: Signal, *, agent: str | None, at: datetime
) -> list[ArticleSignal]:
    """Return one signal per article behind an answer whose content is on record.

    Args:
        agent: who says so; None for the ticket's customer.
    """
    contents = _contents(tx, answer)
    return [
        ArticleSignal(
            article_id=article_id,
            content=contents[article_id],
            signal=signal,
            share=share,
            ticket_id=ticket.ticket_id,
            turn=answer.turn,
            author=Author.CUSTOMER if agent is None else Author.AGENT,
            owner=ticket.owner if agent is None else "",
            author_name=ticket.user if agent is None else agent,
            at=at,
        )
        for article_id, share in _shares(answer).items()
        if article_id in contents
    ]


def _shares(answer: Answer) -> Mapping[str, float]:
    """Return what share of an answer rests on each article, by its citations."""
    counts = Counter(citation.article_id for citation in answer.citations)
    return {article_id: count / counts.total() for article_id, count in counts.items()}


def _contents(tx: Transaction, answer: Answer) -> dict[str, str]:
    """Return what each cited article said when the answer was written, as its digest; none of an unrecorded version."""
    decision = _decision(tx, answer)
    try:
        version = tx.knowledge_version(decision.versions.get("knowledge", "") if decision else "")
    except KnowledgeVersionNotFound:
        return {}
    articles = tx.knowledge_articles(version.number, only=list(_shares(answer)))
    return {article.article_id: article.content_digest for article in articles}


def _decision(tx: Transaction, answer: Answer) -> DecisionRecord | None:
    return next((made for made in tx.decisions(answer.ticket_id) if made.turn == answer.turn), None)
