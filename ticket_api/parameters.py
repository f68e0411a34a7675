"""Path parameters and headers that several endpoints take."""

import re
from typing import Annotated

from fastapi import Header, Path
from pydantic import AfterValidator, WithJsonSchema

from helpdesk.errors import DeadLetterNotFound, QueueNotFound, TicketNotFound
from helpdesk.tickets import HUMAN_QUEUES

_TICKET_ID = re.compile(r"[0-9a-f]{32}")
_MESSAGE_ID = re.compile(r"[\x21-\x7e]{1,255}")


def _known_shape(ticket_id: str) -> str:
    if not _TICKET_ID.fullmatch(ticket_id):
        raise TicketNotFound("There is no ticket of this id; an id is 32 hexadecimal digits.")
    return ticket_id


def _message_id(message_id: str) -> str:
    if not _MESSAGE_ID.fullmatch(message_id):
        raise DeadLetterNotFound("There is no dead letter of this id.")
    return message_id


def _human_queue(name: str) -> str:
    if name not in HUMAN_QUEUES:
        raise QueueNotFound(f"No such queue; there are: {', '.join(HUMAN_QUEUES)}.")
    return name


TicketId = Annotated[str, Path(), AfterValidator(_known_shape), WithJsonSchema({"type": "string"})]
MessageId = Annotated[str, Path(), AfterValidator(_message_id), WithJsonSchema({"type": "string"})]
QueueName = Annotated[
    str, Path(), AfterValidator(_human_queue), WithJsonSchema({"type": "string", "enum": list(HUMAN_QUEUES)})
]

IfNoneMatch = Annotated[str | None, Header(description="An `ETag` that the caller has: 304 where it is in force.")]
