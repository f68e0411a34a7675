"""The part of the store port that lists decisions, and what people said about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from helpdesk.corrections import Correction
from helpdesk.decisions import DecisionRecord, Outcome
from helpdesk.tickets import Feedback


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionFilter:
    """Which decisions to list; None means any.

    Attributes:
        policy, model: versions, as decisions name them.
        code: the code of any of the reasons.
        since, until: ``since`` is inclusive, ``until`` exclusive.
        confidence_from, confidence_to: the intent's confidence, both bounds inclusive; a decision that no model was
            asked for has none, and fits no bound.
    """

    intent: str | None = None
    outcome: Outcome | None = None
    queue: str | None = None
    policy: str | None = None
    model: str | None = None
    code: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    confidence_from: float | None = None
    confidence_to: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionPage:
    """Decisions, newest first, and the cursor of the next page (None: this was the last)."""

    decisions: tuple[DecisionRecord, ...]
    next_cursor: str | None


class DecisionLog(Protocol):
    """Reads decisions of all tickets within one transaction."""

    def list_decisions(self, wanted: DecisionFilter, *, cursor: str | None, limit: int) -> DecisionPage:
        """Return one page, newest first.

        Raises:
            InvalidInput: the cursor is none of ours.
        """

    def feedback_on(self, ticket_ids: Sequence[str]) -> list[Feedback]:
        """Return what customers thought of answers to these tickets, in the order in which they said so."""

    def corrections_on(self, ticket_ids: Sequence[str]) -> list[Correction]:
        """Return what agents said these tickets are about, in that order; the last of a turn stands."""
