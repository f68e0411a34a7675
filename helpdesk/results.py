"""Results: what became of answers, counted apart by what is known of it, and whether promises were kept.

Of several signs the least flattering counts: an answer is confirmed only where nothing speaks against it. No share of
all is formed here, for a single figure would hide which of these it stands on.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from helpdesk.tickets import Author, SlaState

NO_INTENT = "none"
"""Stands for the intent of tickets that no model has read."""

HELPFUL_FROM, UNHELPFUL_TO = 4, 2
"""Feedback from 1 to 5: a thumb counts as 5 or 1, and a 3 says neither."""


class Result(StrEnum):
    """What became of an answer; the first that applies counts."""

    UNHELPFUL = "unhelpful"
    REOPENED = "reopened"
    RECONTACTED = "recontacted"
    CONFIRMED = "confirmed"
    ASSUMED = "assumed"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredGroup:
    """Answers of which the same is known.

    Attributes:
        lowest_score: the lowest that the customer gave after the answer; None: none.
        reopened: the customer wrote again, or an agent opened the ticket again.
        recontacted: the customer wrote a new ticket with the same intent while the answer was watched.
        silent: the answer has been watched for as long as answers are, and nothing was heard.
    """

    intent: str | None
    author: Author
    lowest_score: int | None
    reopened: bool
    recontacted: bool
    silent: bool
    answers: int

    @property
    def result(self) -> Result:
        """What became of them."""
        if self.lowest_score is not None and self.lowest_score <= UNHELPFUL_TO:
            return Result.UNHELPFUL
        if self.reopened:
            return Result.REOPENED
        if self.recontacted:
            return Result.RECONTACTED
        if self.lowest_score is not None and self.lowest_score >= HELPFUL_FROM:
            return Result.CONFIRMED
        return Result.ASSUMED if self.silent else Result.OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseGroup:
    """Tickets whose deadlines stand alike.

    Attributes:
        replied_by: whose the first reply was; None: there is none.
        ended: they wait for nothing but their customer.
    """

    replied_by: Author | None
    first_reply: SlaState
    ended: bool
    resolution: SlaState
    tickets: int


@dataclass(slots=True)
class Tally:
    """Answers by result; ``handed_over`` counts what the machine gave to people instead of an answer."""

    answers: int = 0
    unhelpful: int = 0
    reopened: int = 0
    recontacted: int = 0
    confirmed: int = 0
    assumed: int = 0
    open: int = 0
    handed_over: int = 0

    def add(self, result: Result, answers: int) -> None:
        """Count answers of this result."""
        self.answers += answers
        setattr(self, result.value, getattr(self, result.value) + answers)


@dataclass(slots=True)
class Kept:
    """How many promises were kept, were missed, and are still to be kept in time."""

    in_time: int = 0
    missed: int = 0
    running: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """The results of a period: of the answers given in it, and the promises of the tickets submitted in it.

    Attributes:
        watched_days: for how long an answer is watched.
        automatic, people: by intent.
        first_replies_automatic, first_replies_people: by whose the first reply was; what is still owed stands in
            ``first_replies_owed``.
    """

    since: datetime
    until: datetime
    watched_days: int
    automatic: Mapping[str, Tally]
    automatic_total: Tally
    people: Mapping[str, Tally]
    people_total: Tally
    first_replies_automatic: Kept = field(default_factory=Kept)
    first_replies_people: Kept = field(default_factory=Kept)
    first_replies_owed: Kept = field(default_factory=Kept)
    resolutions: Kept = field(default_factory=Kept)


def tallied(
    answered: Iterable[AnsweredGroup],
    handed_over: Mapping[str | None, int],
    promises: Iterable[PromiseGroup],
    *,
    since: datetime,
    until: datetime,
    watched_days: int,
) -> Results:
    """Return the results of a period from what the store knows of it.

    Args:
        handed_over: how often the machine gave a ticket to people, by the ticket's intent.
    """
    tallies: dict[Author, dict[str, Tally]] = {author: defaultdict(Tally) for author in Author}
    totals = {author: Tally() for author in Author}
    for group in answered:
        for tally in (tallies[group.author][group.intent or NO_INTENT], totals[group.author]):
            tally.add(group.result, group.answers)
    for intent, number in handed_over.items():
        for tally in (tallies[Author.MACHINE][intent or NO_INTENT], totals[Author.MACHINE]):
            tally.handed_over += number
    results = Results(
        since=since,
        until=until,
        watched_days=watched_days,
        automatic=dict(sorted(tallies[Author.MACHINE].items())),
        automatic_total=totals[Author.MACHINE],
        people=dict(sorted(tallies[Author.AGENT].items())),
        people_total=totals[Author.AGENT],
    )
    for promised in promises:
        _count_promises(results, promised)
    return results


def _count_promises(results: Results, group: PromiseGroup) -> None:
    replies = {
        Author.MACHINE: results.first_replies_automatic,
        Author.AGENT: results.first_replies_people,
    }.get(group.replied_by or Author.CUSTOMER, results.first_replies_owed)
    _count(replies, group.first_reply, met=group.replied_by is not None or group.ended, tickets=group.tickets)
    _count(results.resolutions, group.resolution, met=group.ended, tickets=group.tickets)


def _count(kept: Kept, state: SlaState, *, met: bool, tickets: int) -> None:
    if state is SlaState.BREACHED:
        kept.missed += tickets
    elif met:
        kept.in_time += tickets
    else:
        kept.running += tickets
