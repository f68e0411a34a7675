"""Versioned wire types: what travels through the broker, and how it is encoded."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from helpdesk.errors import UndecodableMessage
from helpdesk.tickets import Priority

MAX_MESSAGE_BYTES = 1_048_576
"""Larger bodies are refused before any broker sees them."""


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TicketSubmitted(_Message):
    """A ticket awaits a decision on its present turn. Readers load the rest from the store."""

    kind: Literal["ticket.submitted.v1"] = "ticket.submitted.v1"
    ticket_id: str
    turn: int = Field(ge=1)
    priority: Priority
    correlation_id: str
    submitted_at: datetime


class TicketRouted(_Message):
    """A ticket waits for a person: all that an agent who reads only the broker needs to start.

    Whoever takes this message from its queue holds ``entry_id`` and with it the ticket:
    ``POST /tickets/{ticket_id}/claim {"entry_id": …}`` records the claim. No other answer shows the entry id.

    ``draft_turn`` is the turn that the draft was written for; where it is not ``turn``, the customer wrote after it.
    """

    kind: Literal["ticket.routed.v1"] = "ticket.routed.v1"
    entry_id: str
    ticket_id: str
    turn: int = Field(ge=1)
    queue: str
    reason: str
    priority: Priority
    correlation_id: str
    user: str
    subject: str
    text: str
    intent: str | None
    confidence: float | None
    sentiment: float | None
    draft: str | None
    draft_turn: int | None = Field(default=None, ge=1)
    routed_at: datetime


Message = Annotated[TicketSubmitted | TicketRouted, Field(discriminator="kind")]

_ADAPTER: TypeAdapter[TicketSubmitted | TicketRouted] = TypeAdapter(Message)


def encode(message: TicketSubmitted | TicketRouted) -> bytes:
    """Return the message as UTF-8 JSON."""
    return message.model_dump_json().encode()


def decode(body: bytes) -> TicketSubmitted | TicketRouted:
    """Return the message that ``body`` holds.

    Raises:
        UndecodableMessage: not JSON, an unknown kind or version, or fields that do not fit; names the first.
    """
    if len(body) > MAX_MESSAGE_BYTES:
        raise UndecodableMessage(f"{len(body)} bytes; the limit is {MAX_MESSAGE_BYTES}")
    try:
        return _ADAPTER.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise UndecodableMessage(first["msg"], field=".".join(str(part) for part in first["loc"])) from error
