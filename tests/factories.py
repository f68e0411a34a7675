"""Makes the domain's records for tests: every argument has a sensible default, ids are new at each call."""

import hashlib
import itertools
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from helpdesk import envelopes
from helpdesk.article_feedback import ArticleSignal, Signal
from helpdesk.corrections import Correction
from helpdesk.decisions import DecisionRecord, Outcome, Reason
from helpdesk.people import DeskRole, Person
from helpdesk.ports.broker import Envelope
from helpdesk.ports.mailboxes import DeadLetter
from helpdesk.ports.people import Session, SignInLink
from helpdesk.ports.store import ApiKey, IdempotencyRecord, Role, Submission
from helpdesk.tickets import (
    AWAITS_PERSON,
    GENERAL,
    Action,
    Answer,
    Author,
    Citation,
    ConversationMessage,
    Feedback,
    Status,
    Ticket,
    TicketEvent,
)

NOON = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)
"""The default time of everything, so that tests can count from it."""

_numbers = itertools.count(1)


def make_id() -> str:
    """Return an id that no other record has."""
    return uuid.uuid4().hex


def make_ticket(*, created_at: datetime = NOON, status: Status = Status.RECEIVED, **changes: Any) -> Ticket:
    """Return a ticket; one that waits for a person has a queue, a queueing time and an entry id."""
    values: dict[str, Any] = {
        "ticket_id": make_id(),
        "owner": "shop",
        "user": "ada@example.org",
        "subject": "My parcel",
        "correlation_id": make_id(),
        "deadline_at": created_at + timedelta(minutes=2),
        "updated_at": created_at,
    }
    if status in AWAITS_PERSON:
        values |= {"queue": GENERAL, "queued_at": created_at, "entry_id": make_id(), "queue_reason": "Out of scope."}
    return Ticket(created_at=created_at, status=status, **(values | changes))


def make_message(ticket: Ticket, *, text: str = "Where is my parcel?", **changes: Any) -> ConversationMessage:
    """Return a message of the customer."""
    values: dict[str, Any] = {
        "turn": ticket.turn,
        "author": Author.CUSTOMER,
        "author_name": ticket.user,
        "created_at": ticket.created_at,
    }
    return ConversationMessage(ticket_id=ticket.ticket_id, text=text, **(values | changes))


def make_event(ticket: Ticket, *, action: Action | None = None, **changes: Any) -> TicketEvent:
    """Return a step of the ticket's history."""
    values: dict[str, Any] = {
        "turn": ticket.turn,
        "status": ticket.status,
        "actor": Author.CUSTOMER,
        "actor_name": ticket.user,
        "reason": "",
        "at": ticket.updated_at,
    }
    return TicketEvent(ticket_id=ticket.ticket_id, action=action, **(values | changes))


def make_envelope(*, destination: str = "in.normal", body: bytes = b"{}", **changes: Any) -> Envelope:
    """Return an envelope with a new message id."""
    return Envelope(destination=destination, body=body, **({"message_id": make_id()} | changes))


def make_idempotency(ticket: Ticket, *, key: str | None = None, body: str = "body") -> IdempotencyRecord:
    """Return the record of a key, a new one unless it is named, that made ``ticket``."""
    return IdempotencyRecord(
        owner=ticket.owner,
        key=key if key is not None else f"key-{next(_numbers)}",
        body_sha256=hashlib.sha256(body.encode()).hexdigest(),
        ticket_id=ticket.ticket_id,
        created_at=ticket.created_at,
    )


def make_submission(
    *,
    ticket: Ticket | None = None,
    text: str = "Where is my parcel?",
    idempotency_key: str | None = None,
    **changes: Any,
) -> Submission:
    """Return a new ticket with all that is stored with it; ``changes`` are the ticket's.

    An idempotency record is part of it only where a key is named.
    """
    ticket = ticket or make_ticket(**changes)
    return Submission(
        ticket=ticket,
        message=make_message(ticket, text=text),
        event=make_event(ticket),
        envelope=envelopes.submission(ticket, at=ticket.created_at),
        idempotency=make_idempotency(ticket, key=idempotency_key) if idempotency_key is not None else None,
    )


def make_citation(**changes: Any) -> Citation:
    """Return a citation of an article."""
    values = {"article_id": "shipping-times", "title": "Shipping times", "quote": "Two to four days."}
    return Citation(**(values | changes))


def make_answer(
    ticket: Ticket, *, author: Author = Author.MACHINE, sent: bool = True, text: str = "Tomorrow.", **changes: Any
) -> Answer:
    """Return an answer that cites one passage."""
    values: dict[str, Any] = {
        "answer_id": make_id(),
        "turn": ticket.turn,
        "author_name": "extractive",
        "citations": (make_citation(),),
        "usage": {"input_tokens": 12, "output_tokens": 3},
        "created_at": ticket.updated_at,
    }
    return Answer(ticket_id=ticket.ticket_id, author=author, sent=sent, text=text, **(values | changes))


def make_decision(ticket: Ticket, *, outcome: Outcome = Outcome.ANSWER, **changes: Any) -> DecisionRecord:
    """Return a decision on the ticket's present turn."""
    values: dict[str, Any] = {
        "turn": ticket.turn,
        "queue": None if outcome is Outcome.ANSWER else GENERAL,
        "reasons": (Reason(code="confident", text="The intent is clear (0.97, at least 0.90 is needed)."),),
        "scores": {"confidence": 0.97, "threshold": 0.9},
        "prediction": {"predicted_label": "track_order", "top_labels": [{"label": "track_order", "confidence": 0.97}]},
        "versions": {"model": "2026-03-01", "policy": "1"},
        "duration_ms": {"predict": 1.5, "total": 8.25},
        "at": ticket.updated_at,
    }
    return DecisionRecord(ticket_id=ticket.ticket_id, outcome=outcome, **(values | changes))


def make_feedback(ticket: Ticket, *, score: int = 5, comment: str = "Quick!", **changes: Any) -> Feedback:
    """Return a customer's opinion."""
    values: dict[str, Any] = {"turn": ticket.turn, "created_at": ticket.updated_at}
    return Feedback(ticket_id=ticket.ticket_id, score=score, comment=comment, **(values | changes))


def make_correction(ticket: Ticket, *, intent: str = "get_refund", **changes: Any) -> Correction:
    """Return what an agent says of the ticket's present turn; the model had said something else."""
    values: dict[str, Any] = {
        "turn": ticket.turn,
        "predicted": "track_order",
        "model_version": "2026-03-01",
        "author": "maria",
        "created_at": ticket.updated_at,
    }
    return Correction(ticket_id=ticket.ticket_id, intent=intent, **(values | changes))


def make_signal(*, ticket_id: str | None = None, signal: Signal = Signal.HELPED, **changes: Any) -> ArticleSignal:
    """Return what a customer says of an article behind the answer to a ticket, a new one unless it is named."""
    values: dict[str, Any] = {
        "article_id": "shipping-times",
        "content": "c0ffee",
        "share": 1.0,
        "turn": 1,
        "author": Author.CUSTOMER,
        "owner": "shop",
        "author_name": "ada@example.org",
        "at": NOON,
    }
    return ArticleSignal(ticket_id=ticket_id or make_id(), signal=signal, **(values | changes))


def make_dead_letter(*, ticket: Ticket | None = None, reason: str = "Kept failing.", **changes: Any) -> DeadLetter:
    """Return a message that was given up; it belongs to ``ticket`` where one is named."""
    values: dict[str, Any] = {
        "message_id": make_id(),
        "source": "in.normal",
        "body": b'{"kind": "unknown"}',
        "ticket_id": ticket.ticket_id if ticket is not None else None,
        "turn": ticket.turn if ticket is not None else None,
        "attempts": 5,
        "created_at": NOON,
    }
    return DeadLetter(reason=reason, **(values | changes))


def make_api_key(*, role: Role = Role.PORTAL, secret: str | None = None, **changes: Any) -> ApiKey:
    """Return an API key, of a secret that nobody knows unless it is named."""
    digest = hashlib.sha256((secret if secret is not None else make_id()).encode()).hexdigest()
    values: Mapping[str, Any] = {"key_id": make_id(), "name": f"{role} key", "created_at": NOON}
    return ApiKey(role=role, secret_sha256=digest, **(dict(values) | changes))


def make_person(name: str = "maria", **changes: Any) -> Person:
    """Return somebody who works at the desk: an agent for all queues, without a password."""
    values: dict[str, Any] = {"display_name": name.title(), "roles": (DeskRole.AGENT,), "created_at": NOON}
    return Person(name=name, **(values | changes))


def make_session(*, person: str | None = "maria", key_id: str | None = None, **changes: Any) -> Session:
    """Return a session that began at noon and ends a day later."""
    values: dict[str, Any] = {
        "session_sha256": make_id(),
        "created_at": NOON,
        "seen_at": NOON,
        "expires_at": NOON + timedelta(days=1),
    }
    return Session(person=person, key_id=key_id, **(values | changes))


def make_link(*, person: str = "maria", **changes: Any) -> SignInLink:
    """Return a link that lets a person in within an hour of noon."""
    values: dict[str, Any] = {"link_sha256": make_id(), "created_at": NOON, "expires_at": NOON + timedelta(hours=1)}
    return SignInLink(person=person, **(values | changes))
