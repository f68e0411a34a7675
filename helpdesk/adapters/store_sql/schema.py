"""The tables: one column per field of the domain's record, so that rows and records turn into each other by name."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.types import TypeEngine

from helpdesk.adapters.store_sql.column_types import EnumText, Json, RecordList, UtcDateTime
from helpdesk.article_feedback import Signal
from helpdesk.decisions import Outcome, Reason
from helpdesk.ports.mailboxes import DeadLetterStatus
from helpdesk.ports.store import Role
from helpdesk.tickets import (
    AWAITS_CUSTOMER,
    AWAITS_MACHINE,
    AWAITS_PERSON,
    Action,
    Author,
    Citation,
    Priority,
    SlaState,
    Status,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)


def status_in(statuses: frozenset[Status]) -> str:
    """Return the condition as SQL text without parameters: only so do planners recognise a partial index."""
    return f"status IN ({', '.join(repr(status.value) for status in sorted(statuses))})"


AWAITS_MACHINE_SQL = status_in(AWAITS_MACHINE)
AWAITS_CUSTOMER_SQL = status_in(AWAITS_CUSTOMER)
AWAITS_PERSON_SQL = status_in(AWAITS_PERSON)
CLAIMED_SQL = f"status = '{Status.CLAIMED}'"
HAS_DEADLINE_SQL = "due_at IS NOT NULL"
HAS_ALERT_SQL = "alert_at IS NOT NULL"
NOT_OK_SQL = f"sla <> '{SlaState.OK}'"
SENT_BY_MACHINE_SQL = f"author = '{Author.MACHINE}' AND sent"


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


def _sequence() -> Column[int]:
    """Return a key that grows with every row, and gives rows the order in which they were written."""
    return Column("sequence", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True)


def _ticket_id() -> Column[str]:
    return Column("ticket_id", Text, ForeignKey("tickets.ticket_id"), nullable=False)


def _text(name: str, *, nullable: bool = False, primary_key: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable, primary_key=primary_key)


def _integer(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False)


def _time(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, UtcDateTime, nullable=nullable)


def _typed(name: str, kind: TypeEngine[Any], *, nullable: bool = False) -> Column[object]:
    return Column(name, kind, nullable=nullable)


def _json(name: str) -> Column[object]:
    return Column(name, Json, nullable=False)


tickets = Table(
    "tickets",
    metadata,
    _text("ticket_id", primary_key=True),
    _text("owner"),
    _text("user"),
    _text("subject"),
    _text("channel"),
    _text("customer_tier"),
    _text("language"),
    _json("metadata"),
    _typed("priority", EnumText(Priority)),
    _typed("status", EnumText(Status)),
    _integer("turn"),
    _integer("version"),
    _text("queue", nullable=True),
    _text("queue_reason"),
    _time("queued_at", nullable=True),
    _text("entry_id", nullable=True),
    _text("claimed_by", nullable=True),
    _time("claimed_until", nullable=True),
    _text("intent", nullable=True),
    _text("category", nullable=True),
    Column("confidence", Float),
    Column("sentiment", Float),
    Column("upset", Boolean, nullable=False),
    _time("due_at", nullable=True),
    _typed("sla", EnumText(SlaState)),
    _time("first_reply_due_at", nullable=True),
    _typed("first_reply_sla", EnumText(SlaState)),
    _time("first_replied_at", nullable=True),
    _typed("first_replied_by", EnumText(Author), nullable=True),
    _time("resolution_due_at", nullable=True),
    _typed("resolution_sla", EnumText(SlaState)),
    _time("resolved_at", nullable=True),
    _time("paused_at", nullable=True),
    Column("paused_s", Float, nullable=False),
    _time("alert_at", nullable=True),
    Column("hurried", Boolean, nullable=False),
    _text("correlation_id"),
    _time("deadline_at"),
    _time("created_at"),
    _time("updated_at"),
    Index(None, "created_at", "ticket_id"),
    Index(None, "owner", "created_at", "ticket_id"),
    _partial("ix_tickets_overdue", "deadline_at", where=AWAITS_MACHINE_SQL),
    _partial("ix_tickets_untouched", "updated_at", where=AWAITS_MACHINE_SQL),
    _partial("ix_tickets_waiting", "queue", "priority", "due_at", "queued_at", "sla", "upset", where=AWAITS_PERSON_SQL),
    _partial("ix_tickets_due", "due_at", "ticket_id", where=HAS_DEADLINE_SQL),
    _partial("ix_tickets_alert", "alert_at", where=HAS_ALERT_SQL),
    _partial("ix_tickets_sla", "sla", "created_at", "ticket_id", where=NOT_OK_SQL),
    Index("ix_tickets_user", "user", "created_at", "ticket_id"),
    _partial("ix_tickets_unheard", "updated_at", where=AWAITS_PERSON_SQL),
    _partial("ix_tickets_asked", "deadline_at", where=AWAITS_CUSTOMER_SQL),
    _partial("ix_tickets_claimed", "claimed_until", where=CLAIMED_SQL),
)

messages = Table(
    "messages",
    metadata,
    _sequence(),
    _ticket_id(),
    _integer("turn"),
    _typed("author", EnumText(Author)),
    _text("author_name"),
    _text("text"),
    Column("is_question", Boolean, nullable=False),
    _time("created_at"),
    Index(None, "ticket_id"),
)

events = Table(
    "events",
    metadata,
    _sequence(),
    _ticket_id(),
    _integer("turn"),
    _typed("action", EnumText(Action), nullable=True),
    _typed("status", EnumText(Status)),
    _typed("actor", EnumText(Author)),
    _text("actor_name"),
    _text("reason"),
    _time("at"),
    _json("details"),
    Index(None, "ticket_id"),
)

answers = Table(
    "answers",
    metadata,
    _sequence(),
    _text("answer_id"),
    _ticket_id(),
    _integer("turn"),
    _typed("author", EnumText(Author)),
    _text("author_name"),
    _text("text"),
    Column("sent", Boolean, nullable=False),
    Column("is_question", Boolean, nullable=False),
    _typed("citations", RecordList(Citation)),
    _json("usage"),
    _time("created_at"),
    Index("uq_answers_answer_id", "answer_id", unique=True),
    Index(None, "ticket_id"),
    _partial("ix_answers_sent", "created_at", "ticket_id", "turn", "author", "sent", where="sent"),
    _partial("uq_answers_sent_by_machine", "ticket_id", "turn", where=SENT_BY_MACHINE_SQL, unique=True),
)

DECISION_FACTS = ("intent", "confidence", "policy", "model", "codes")
"""What a decision's record says within its JSON, as columns to list by; see the properties of ``DecisionRecord``."""

decisions = Table(
    "decisions",
    metadata,
    Column("ticket_id", Text, ForeignKey("tickets.ticket_id"), primary_key=True),
    Column("turn", Integer, primary_key=True, autoincrement=False),
    _typed("outcome", EnumText(Outcome)),
    _text("queue", nullable=True),
    _typed("reasons", RecordList(Reason)),
    _json("scores"),
    _json("prediction"),
    _json("versions"),
    _json("duration_ms"),
    _json("usage"),
    Column("cost_usd", Float),
    _time("at"),
    _text("intent", nullable=True),
    Column("confidence", Float),
    _text("policy", nullable=True),
    _text("model", nullable=True),
    _text("codes", nullable=True),
    # One index holds all that decisions are listed by. Rows come in the order of time, so that it grows at one end.
    Index("ix_decisions_log", *("at", "ticket_id", "turn", "outcome", "queue", *DECISION_FACTS)),
    Index("ix_decisions_at", "at", "ticket_id", "outcome"),
)

spending = Table(
    "spending",
    metadata,
    _sequence(),
    _ticket_id(),
    _text("model"),
    Column("usd", Float, nullable=False),
    _time("at"),
    Index(None, "at"),
    Index(None, "ticket_id"),
)

feedback = Table(
    "feedback",
    metadata,
    _sequence(),
    _ticket_id(),
    _integer("turn"),
    _integer("score"),
    _text("comment"),
    _time("created_at"),
    Index(None, "ticket_id"),
)

corrections = Table(
    "corrections",
    metadata,
    _sequence(),
    _ticket_id(),
    _integer("turn"),
    _text("intent"),
    _text("predicted", nullable=True),
    _text("model_version", nullable=True),
    _text("author"),
    _text("note"),
    _time("created_at"),
    Index(None, "ticket_id"),
)

article_signals = Table(
    "article_signals",
    metadata,
    _sequence(),
    _text("article_id"),
    _text("content"),
    _typed("signal", EnumText(Signal)),
    Column("share", Float, nullable=False),
    _ticket_id(),
    _integer("turn"),
    _typed("author", EnumText(Author)),
    _text("owner"),
    _text("author_name"),
    _time("at"),
    Index(None, "ticket_id"),
)

answer_cache = Table(
    "answer_cache",
    metadata,
    _text("key", primary_key=True),
    _text("writer"),
    _text("prompt_version"),
    _text("blocks"),
    _time("created_at"),
    Index(None, "created_at"),
    sqlite_with_rowid=False,
)

outbox = Table(
    "outbox",
    metadata,
    _sequence(),
    _text("message_id"),
    _text("destination"),
    Column("body", LargeBinary, nullable=False),
    _typed("priority", EnumText(Priority)),
    _integer("attempt"),
    _text("correlation_id"),
    _json("headers"),
    _text("ticket_id", nullable=True),
    _time("created_at"),
    Index(None, "ticket_id"),
    Index(None, "message_id"),
    # A number must never return: a relay may still be about to delete the row that had it.
    sqlite_autoincrement=True,
)

inbox = Table(
    "inbox",
    metadata,
    _text("message_id", primary_key=True),
    _integer("starts"),
    Column("finished", Boolean, nullable=False),
    _time("at"),
    _partial("ix_inbox_finished", "at", where="finished"),
    sqlite_with_rowid=False,
)

dead_letters = Table(
    "dead_letters",
    metadata,
    _text("message_id", primary_key=True),
    _text("source"),
    _text("reason"),
    Column("body", LargeBinary, nullable=False),
    _text("ticket_id", nullable=True),
    Column("turn", Integer),
    _integer("attempts"),
    _typed("status", EnumText(DeadLetterStatus)),
    _text("note"),
    _time("created_at"),
    Index(None, "status", "created_at"),
    Index(None, "created_at"),
)

idempotency = Table(
    "idempotency",
    metadata,
    _text("owner", primary_key=True),
    _text("key", primary_key=True),
    _text("body_sha256"),
    _text("ticket_id"),
    _time("created_at"),
    Index(None, "created_at"),
    sqlite_with_rowid=False,
)

api_keys = Table(
    "api_keys",
    metadata,
    _text("key_id", primary_key=True),
    _text("name"),
    _typed("role", EnumText(Role)),
    _text("secret_sha256"),
    _time("created_at"),
    _time("revoked_at", nullable=True),
    Index("uq_api_keys_secret_sha256", "secret_sha256", unique=True),
)

facts = Table(
    "facts",
    metadata,
    _text("name", primary_key=True),
    _text("value"),
)
