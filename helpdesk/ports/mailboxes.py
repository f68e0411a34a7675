"""The part of the store port for messages: outbox, inbox, and dead letters."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from helpdesk.ports.broker import Envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """A message that is committed but not yet confirmed by the broker; rows go out in the order of ``sequence``."""

    sequence: int
    envelope: Envelope
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxEntry:
    """How far the handling of a message has come.

    Attributes:
        starts: how often its handling was begun, this time included.
        finished: its effect is committed; a further delivery is acknowledged and nothing else.
    """

    message_id: str
    starts: int
    finished: bool


class DeadLetterStatus(StrEnum):
    """What became of a dead letter."""

    DEAD = "dead"
    REPLAYED = "replayed"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that was given up, and why."""

    message_id: str
    source: str
    reason: str
    body: bytes
    ticket_id: str | None
    turn: int | None
    attempts: int
    status: DeadLetterStatus = DeadLetterStatus.DEAD
    note: str = ""
    created_at: datetime


class Mailboxes(Protocol):
    """What goes out after a commit, what has come in, and what was given up."""

    # Outbox
    def add_outbox(self, messages: Sequence[tuple[str | None, Envelope]], *, at: datetime) -> None:
        """Append messages, each with the ticket that waits for it (None: none does), to go out after the commit."""

    def outbox(self, *, limit: int, after: int = 0) -> list[OutboxRow]:
        """Return the oldest rows beyond sequence ``after``.

        Not locked: several relays may send the same row; receivers absorb it.
        """

    def delete_outbox(self, sequences: Sequence[int]) -> set[int]:
        """Delete rows; return the sequences that were gone already. A sequence never returns."""

    def delete_outbox_message(self, message_id: str) -> bool:
        """Delete a message that has not gone out; True when it was there."""

    def outbox_depth(self) -> tuple[int, datetime | None]:
        """Return the number of rows and the oldest one's time."""

    # Inbox
    def start_messages(self, message_ids: Sequence[str], *, at: datetime) -> dict[str, InboxEntry]:
        """Count one more start of each unfinished message and return how they stand; finished ones are not counted."""

    def finish_messages(self, message_ids: Sequence[str], *, at: datetime) -> None: ...

    # Dead letters
    def add_dead_letter(self, letter: DeadLetter) -> None:
        """Store a dead letter. This method must be idempotent by message id."""

    def dead_letter(self, message_id: str) -> DeadLetter:
        """Return one dead letter, locked as in ``ticket``.

        Raises:
            DeadLetterNotFound: there is none.
        """

    def dead_letters(self, *, status: DeadLetterStatus | None, limit: int) -> list[DeadLetter]: ...
    def mark_dead_letter(self, message_id: str, status: DeadLetterStatus, *, note: str) -> None: ...
