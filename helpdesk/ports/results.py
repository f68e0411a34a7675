"""The store port's part for reports on results: facts about answers and promises, grouped and counted."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from helpdesk.results import AnsweredGroup, PromiseGroup


class ResultFacts(Protocol):
    """Reads for reports; each takes from ``since`` on and before ``until``."""

    def answered_groups(
        self, since: datetime, until: datetime, *, watched_days: int, now: datetime
    ) -> list[AnsweredGroup]:
        """Return what is known of the answers that were sent, grouped; several in one turn by the same count once."""

    def hand_overs(self, since: datetime, until: datetime) -> Mapping[str | None, int]:
        """Return how often the machine decided that people get a ticket, by the ticket's intent."""

    def promise_groups(self, since: datetime, until: datetime) -> list[PromiseGroup]:
        """Return how the deadlines of the tickets stand that were submitted, grouped."""
