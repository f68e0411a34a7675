"""The store port: tickets and all that belongs to them, in transactions; the parts of other topics stand beside it.

A transaction commits on a clean exit of its ``with`` block and rolls back on any exception. Only entry points
(an HTTP request, a message, a command) open one; what they call never commits.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from helpdesk.corrections import Correction
from helpdesk.decisions import DecisionRecord
from helpdesk.ports.article_signals import ArticleSignals
from helpdesk.ports.broker import Envelope
from helpdesk.ports.decision_log import DecisionLog
from helpdesk.ports.knowledge_versions import KnowledgeVersions
from helpdesk.ports.mailboxes import Mailboxes
from helpdesk.ports.people import People
from helpdesk.ports.policies import PolicyVersions
from helpdesk.ports.results import ResultFacts
from helpdesk.tickets import (
    Answer,
    ConversationMessage,
    Feedback,
    Priority,
    SlaState,
    Status,
    Ticket,
    TicketEvent,
)


class Role(StrEnum):
    """What an API key may do."""

    PORTAL = "portal"
    AGENT = "agent"
    OPERATOR = "operator"
    ML = "ml"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """An API key without its secret; ``secret_sha256`` is the hex digest of the whole key."""

    key_id: str
    name: str
    role: Role
    secret_sha256: str
    created_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyRecord:
    """Which ticket the request under an (owner, key) pair made or changed, and what its body was."""

    owner: str
    key: str
    body_sha256: str
    ticket_id: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFilter:
    """Which tickets to list; None means any. ``created_after`` is inclusive, ``created_before`` exclusive."""

    owner: str | None = None
    status: Status | None = None
    queue: str | None = None
    user: str | None = None
    intent: str | None = None
    priority: Priority | None = None
    sla: SlaState | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


class TicketOrder(StrEnum):
    """Which tickets come first in a list."""

    NEWEST = "newest"
    DUE = "due"


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketPage:
    """Tickets in their order, and the cursor of the next page (None: this was the last)."""

    tickets: tuple[Ticket, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSummary:
    """What waits in one human queue; ``claimed`` counts the tickets that came from it and are in somebody's hands."""

    queue: str
    waiting: int
    high_priority: int
    due_soon: int = 0
    breached: int = 0
    upset: int = 0
    claimed: int
    oldest_queued_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A new ticket with all that is stored with it in one step."""

    ticket: Ticket
    message: ConversationMessage
    event: TicketEvent
    envelope: Envelope
    idempotency: IdempotencyRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionRow:
    """A correction and its place in the order in which all of them were made."""

    sequence: int
    correction: Correction


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What one call of a model cost, in US dollars."""

    ticket_id: str
    model: str
    usd: float
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedAnswer:
    """A checked answer that may be given again; ``blocks`` are its blocks as JSON."""

    key: str
    writer: str
    prompt_version: str
    blocks: str
    created_at: datetime


class Transaction(
    Mailboxes, KnowledgeVersions, PolicyVersions, DecisionLog, ArticleSignals, People, ResultFacts, Protocol
):
    """Reads and writes within one transaction. Reads see the transaction's own writes."""

    # Tickets
    def add_submissions(self, submissions: Sequence[Submission]) -> None:
        """Store new tickets with message, event, outbox row and idempotency record, one statement per table.

        Raises:
            IdempotencyConflict: an (owner, key) pair exists already; nothing of the call is stored.
        """

    def idempotency_records(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], IdempotencyRecord]:
        """Return the records that exist for these (owner, key) pairs."""

    def add_idempotency_record(self, record: IdempotencyRecord) -> None:
        """Store the record of a request on a ticket that exists.

        Raises:
            IdempotencyConflict: the (owner, key) pair exists already.
        """

    def ticket(self, ticket_id: str) -> Ticket:
        """Return one ticket, locked for the rest of the transaction where the database can.

        Raises:
            TicketNotFound: there is none.
        """

    def tickets(self, ticket_ids: Sequence[str]) -> dict[str, Ticket]:
        """Return those that exist, by id, locked as in ``ticket``."""

    def save(self, tickets: Sequence[Ticket]) -> list[Ticket]:
        """Write changed tickets, each exactly one version ahead of what is stored; return them with their clocks.

        Owner and creation time never change. The clocks follow from the rest: see ``helpdesk.sla.timed``.

        Raises:
            VersionConflict: one is not; nothing of the call is stored.
        """

    def list_tickets(
        self, ticket_filter: TicketFilter, *, cursor: str | None, limit: int, order: TicketOrder = TicketOrder.NEWEST
    ) -> TicketPage:
        """Return one page; in the order of deadlines, only tickets whose clock runs.

        Raises:
            InvalidInput: the cursor is none of ours.
        """

    def waiting_in_queue(self, queue: str, *, limit: int) -> list[Ticket]:
        """Return the first tickets of a human queue: by priority, then deadline, then age. Not locked."""

    def queue_summaries(self) -> dict[str, QueueSummary]:
        """Return a summary of every queue that has waiting or claimed tickets."""

    # What the watchdog asks
    def past_deadline(self, now: datetime, *, limit: int) -> list[Ticket]:
        """Return tickets that await the machine although their deadline has passed."""

    def unanswered_questions(self, now: datetime, *, limit: int) -> list[Ticket]:
        """Return tickets whose customer has not answered the machine's question by their deadline."""

    def alerts_due(self, now: datetime, *, limit: int) -> list[Ticket]:
        """Return tickets whose deadlines must be looked at, the longest due first."""

    def untouched_since(self, moment: datetime, *, limit: int) -> list[Ticket]:
        """Return tickets that await the machine, were last changed before ``moment``, and have no outbox row."""

    def expired_claims(self, now: datetime, *, limit: int) -> list[Ticket]:
        """Return claimed tickets whose lease has run out."""

    def waiting_since(self, moment: datetime, *, limit: int) -> list[Ticket]:
        """Return tickets that await a person and were last changed before ``moment``, longest first."""

    # What belongs to a ticket, always in the order in which it happened
    def add_messages(self, messages: Sequence[ConversationMessage]) -> None: ...
    def conversations(self, ticket_ids: Sequence[str]) -> dict[str, list[ConversationMessage]]: ...
    def add_events(self, events: Sequence[TicketEvent]) -> None: ...
    def events(self, ticket_id: str) -> list[TicketEvent]: ...
    def add_answers(self, answers: Sequence[Answer]) -> None:
        """Store answers and drafts.

        Raises:
            VersionConflict: the machine has already sent an answer in this turn of the ticket; nothing of the call
                is stored.
        """

    def answers(self, ticket_id: str) -> list[Answer]: ...
    def add_decisions(self, decisions: Sequence[DecisionRecord]) -> None:
        """Store decisions.

        Raises:
            VersionConflict: this turn of the ticket has been decided already; nothing of the call is stored.
        """

    def decisions(self, ticket_id: str) -> list[DecisionRecord]: ...
    def add_feedback(self, feedback: Feedback) -> None: ...
    def feedback(self, ticket_id: str) -> list[Feedback]: ...
    def add_correction(self, correction: Correction) -> None:
        """Append a correction; it takes the place of the one that stood for this turn, which stays in the record.

        Raises:
            TicketNotFound: there is no such ticket.
        """

    def corrections(self, ticket_id: str) -> list[Correction]:
        """Return every correction of a ticket; the last one of a turn stands."""

    def standing_corrections(self, *, limit: int, after: int = 0) -> list[CorrectionRow]:
        """Return the corrections that stand, of all tickets, beyond sequence ``after``, in the order of their making.

        Pages that are read in one transaction of ``reading`` belong together: no correction is missed or met twice.
        """

    # What answers cost
    def add_spending(self, added: Sequence[Spending]) -> None: ...
    def spent_since(self, moment: datetime) -> float:
        """Return what was spent from a moment on, in US dollars."""

    def spent_on(self, ticket_id: str) -> float:
        """Return what was spent on a ticket, in all its turns."""

    # Answers that may be given again
    def add_cached_answers(self, added: Sequence[CachedAnswer]) -> None:
        """Keep answers; where a key has one already, that one stays."""

    def cached_answer(self, key: str, *, since: datetime) -> CachedAnswer | None:
        """Return the answer kept under a key, unless it is older."""

    # API keys; an unknown id raises ApiKeyNotFound
    def add_api_key(self, key: ApiKey) -> None: ...
    def api_key_by_sha256(self, secret_sha256: str) -> ApiKey | None: ...
    def api_key(self, key_id: str) -> ApiKey: ...
    def api_keys(self) -> list[ApiKey]: ...
    def revoke_api_key(self, key_id: str, *, at: datetime) -> None: ...

    # Small facts that several processes share, such as the knowledge version in force
    def fact(self, name: str) -> str | None: ...
    def set_fact(self, name: str, value: str) -> None: ...
    def first_fact(self, name: str, value: str) -> str:
        """Set a fact unless it was set before, and return what stands: the same for all who ask at once."""

    # What has done its service; deleted in batches, so that nobody waits long for a lock
    def prune_inbox(self, before: datetime, *, limit: int) -> int:
        """Delete finished entries last touched before ``before``, at most ``limit``; return how many."""

    def prune_idempotency_records(self, before: datetime, *, limit: int) -> int:
        """Delete records made before ``before``, at most ``limit``; return how many."""

    def prune_cached_answers(self, before: datetime, *, keep: int, limit: int) -> int:
        """Delete answers kept up to ``before`` and those beyond the ``keep`` newest, at most ``limit``, and count."""

    # For reports and the checker
    def predictions_between(self, since: datetime, until: datetime) -> Iterator[Mapping[str, object]]:
        """Yield the prediction of each decision made from ``since`` on and before ``until``, in no promised order.

        It is empty where a decision had none. Rows come a few hundred at a time, and only while the transaction is
        open. Reads the whole table of decisions, so ask it for a report, never for a request.
        """

    def counts_by_status(self) -> Mapping[Status, int]:
        """Return how many tickets there are in each status that occurs.

        Reads every ticket (100,000 take 30 to 60 ms), so ask it for a report, never for a request: an index on the
        status would halve that, and cost each step of each ticket up to a tenth more.
        """


class Store(Protocol):
    """A database that holds Helpdesk's tables."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Open a transaction for writing.

        Raises (also while it is used, and at commit):
            StoreUnavailable: locked for longer than the wait limit, down, full, or unreachable; nothing was stored.
        """

    def reading(self) -> AbstractContextManager[Transaction]:
        """Open a transaction that only reads and blocks no writer."""

    def migrate(self) -> None:
        """Bring the schema up to date. Safe when several processes do it at once."""

    def check(self) -> None:
        """Raise StoreUnavailable unless the store answers and its schema is the one this code needs."""

    def close(self) -> None: ...
