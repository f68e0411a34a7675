"""Facts for reports on results: what became of answers, and of promises."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, bindparam, func, literal_column, or_, select, text

from helpdesk.adapters.store_sql.schema import answers, decisions, feedback, tickets
from helpdesk.adapters.store_sql.scope import Scope, record_of
from helpdesk.decisions import Outcome
from helpdesk.results import AnsweredGroup, PromiseGroup
from helpdesk.tickets import CLOSED, Author, Status

_TIME = answers.c.created_at.type
_SINCE, _UNTIL = bindparam("since", type_=_TIME), bindparam("until", type_=_TIME)
_WATCHED_UNTIL = bindparam("watched_until", type_=_TIME)
_DAYS = bindparam("days", type_=Integer)


def _days_between(dialect: str, earlier: ColumnElement[Any], later: ColumnElement[Any]) -> ColumnElement[Any]:
    if dialect == "sqlite":
        return func.julianday(later) - func.julianday(earlier)
    return func.extract("epoch", later - earlier) / literal_column("86400")


def _answered(dialect: str) -> Select[Any]:
    given = (
        select(answers.c.ticket_id, answers.c.turn, answers.c.author, func.max(answers.c.created_at).label("at"))
        .where(text("sent"), ~answers.c.is_question, answers.c.created_at >= _SINCE, answers.c.created_at < _UNTIL)
        .group_by(answers.c.ticket_id, answers.c.turn, answers.c.author)
        .cte("given")
    )
    later, again = answers.alias("later"), tickets.alias("again")
    # Only a person answers again in the same turn; a ticket that is still `answered` need not be asked.
    followed_up = and_(
        given.c.author == Author.MACHINE,
        tickets.c.status != Status.ANSWERED,
        select(later.c.sequence)
        .where(
            later.c.ticket_id == given.c.ticket_id,
            later.c.turn == given.c.turn,
            later.c.sent,
            ~later.c.is_question,
            later.c.created_at > given.c.at,
        )
        .exists(),
    )
    rated = and_(feedback.c.ticket_id == given.c.ticket_id, feedback.c.turn == given.c.turn)
    same_matter = and_(
        again.c.user == tickets.c.user, again.c.owner == tickets.c.owner, again.c.intent == tickets.c.intent
    )
    within = _days_between(dialect, given.c.at, again.c.created_at) <= _DAYS
    known = (
        select(
            tickets.c.intent,
            given.c.author,
            select(func.min(feedback.c.score))
            .where(rated, feedback.c.created_at >= given.c.at)
            .scalar_subquery()
            .label("lowest_score"),
            or_(
                tickets.c.turn > given.c.turn,
                tickets.c.status.not_in(sorted(CLOSED)),
                followed_up,
            ).label("reopened"),
            select(again.c.ticket_id)
            .where(same_matter, again.c.created_at > given.c.at, within)
            .exists()
            .label("recontacted"),
            (given.c.at <= _WATCHED_UNTIL).label("silent"),
        )
        .join(tickets, tickets.c.ticket_id == given.c.ticket_id)
        .cte("known")
        .prefix_with("MATERIALIZED")  # else each of its subqueries runs again for the grouping
    )
    return select(*known.c, func.count()).group_by(*known.c)


_HAND_OVERS = (
    select(tickets.c.intent, func.count())
    .join(decisions, decisions.c.ticket_id == tickets.c.ticket_id)
    .where(
        decisions.c.at >= _SINCE,
        decisions.c.at < _UNTIL,
        decisions.c.outcome.in_([Outcome.DRAFT, Outcome.ROUTE]),
    )
    .group_by(tickets.c.intent)
)
_PROMISES = (
    select(
        tickets.c.first_replied_by,
        tickets.c.first_reply_sla,
        tickets.c.paused_at.is_not(None).label("ended"),
        tickets.c.resolution_sla,
        func.count(),
    )
    .where(tickets.c.created_at >= _SINCE, tickets.c.created_at < _UNTIL, tickets.c.resolution_due_at.is_not(None))
    .group_by(tickets.c.first_replied_by, tickets.c.first_reply_sla, "ended", tickets.c.resolution_sla)
)


class Results(Scope):
    """Groups and counts for reports."""

    def answered_groups(
        self, since: datetime, until: datetime, *, watched_days: int, now: datetime
    ) -> list[AnsweredGroup]:
        """Return what is known of the answers that were sent, grouped; several in one turn by the same count once."""
        watched_until = now - timedelta(days=watched_days)
        asked = {"since": since, "until": until, "days": watched_days, "watched_until": watched_until}
        rows = self._connection.execute(_answered(self._dialect), asked)
        return [record_of(AnsweredGroup, row) for row in rows]

    def hand_overs(self, since: datetime, until: datetime) -> Mapping[str | None, int]:
        """Return how often the machine decided that people get a ticket, by the ticket's intent."""
        return dict(self._connection.execute(_HAND_OVERS, {"since": since, "until": until}).all())

    def promise_groups(self, since: datetime, until: datetime) -> list[PromiseGroup]:
        """Return how the deadlines of the tickets stand that were submitted, grouped."""
        rows = self._connection.execute(_PROMISES, {"since": since, "until": until})
        return [record_of(PromiseGroup, row) for row in rows]
