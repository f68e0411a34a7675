"""The tickets of a run: accepted into PostgreSQL as the ticket API does it, and counted once they should be decided."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg

from benchmarks.processes import BenchmarkFailed
from benchmarks.tickets import ticket_bodies
from helpdesk.adapters.store_sql.schema import metadata
from helpdesk.ports.store import Store, Submission
from helpdesk.tickets import AWAITS_MACHINE
from ticket_api.intake import new_submission
from ticket_api.requests import SubmitTicket

DECIDE_WITHIN_S = 86_400.0
"""The watchdog must not take a ticket that waits in a long backlog for a silent one."""

TICKETS_PER_TRANSACTION = 5_000
"""A run that is not larger is committed at once, so that the moment of its acceptance is that of every ticket."""

TICKETS_PER_STATEMENT = 500

_TWICE = """
    SELECT count(*)
    FROM (SELECT ticket_id FROM events WHERE action = 'route' GROUP BY ticket_id HAVING count(*) > 1) AS again
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the tickets of a run.

    Attributes:
        lost: accepted, and still awaiting the machine.
        twice: routed more than once, by their history.
    """

    accepted: int
    decided: int
    lost: int
    twice: int

    def require_exactly_once(self, system: str) -> None:
        """Raise BenchmarkFailed unless every ticket was decided once: else the rate means nothing."""
        if self.decided != self.accepted or self.lost or self.twice:
            raise BenchmarkFailed(f"{system}: {self}")


class Ledger:
    """Accepts and counts tickets, one run at a time."""

    def __init__(self, store: Store, database_url: str) -> None:
        self._store = store
        self._connection = psycopg.connect(database_url, autocommit=True)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def clear(self) -> None:
        """Forget every ticket, and leave the tables as if they were new."""
        tables = ", ".join(f'"{table.name}"' for table in metadata.sorted_tables if table.name != "api_keys")
        self._connection.execute(f"TRUNCATE {tables} RESTART IDENTITY")
        self._connection.execute("VACUUM ANALYZE")

    def accept(self, count: int, *, has_outbox: bool) -> tuple[list[str], float]:
        """Store new tickets; return their ids, and the moment of ``time.monotonic`` at which they were accepted.

        Args:
            has_outbox: leave their messages in the outbox, for the relay; else the caller tells whoever publishes.
        """
        submissions = [_submission(body) for body in ticket_bodies(count)]
        accepted_at = 0.0
        for first in range(0, count, TICKETS_PER_TRANSACTION):
            last = min(first + TICKETS_PER_TRANSACTION, count)
            with self._store.transaction() as tx:
                for start in range(first, last, TICKETS_PER_STATEMENT):
                    tx.add_submissions(submissions[start : min(start + TICKETS_PER_STATEMENT, last)])
            accepted_at = time.monotonic()
        if not has_outbox:
            self._connection.execute("TRUNCATE outbox")
            accepted_at = time.monotonic()
        return [submission.ticket.ticket_id for submission in submissions], accepted_at

    def decided(self) -> int:
        """Return how many decisions are recorded."""
        return self._count("SELECT count(*) FROM decisions")

    def outbox_depth(self) -> int:
        """Return how many messages wait for the relay."""
        return self._count("SELECT count(*) FROM outbox")

    def outcome(self) -> Outcome:
        """Return what became of every ticket since ``clear``."""
        awaiting = [status.value for status in AWAITS_MACHINE]
        return Outcome(
            accepted=self._count("SELECT count(*) FROM tickets"),
            decided=self.decided(),
            lost=self._count("SELECT count(*) FROM tickets WHERE status = ANY(%s)", awaiting),
            twice=self._count(_TWICE),
        )

    def _count(self, query: str, *parameters: Any) -> int:
        row = self._connection.execute(query, parameters).fetchone()
        return int(row[0]) if row else 0


def _submission(body: dict[str, Any]) -> Submission:
    return new_submission(
        SubmitTicket(**body),
        owner="portal",
        idempotency_key=None,
        correlation_id="benchmark",
        now=datetime.now(UTC),
        decide_within_s=DECIDE_WITHIN_S,
    )
