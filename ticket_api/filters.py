"""What lists can be asked for. An unknown filter is refused: ignored, it would show more than was meant."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from helpdesk.ports.mailboxes import DeadLetterStatus
from helpdesk.ports.store import TicketOrder
from helpdesk.tickets import HUMAN_QUEUES, Priority, SlaState, Status
from helpdesk.web.texts import Text

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d")
_FIRST, _LAST = datetime(1970, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


def _is_written_out(moment: object) -> object:
    if not isinstance(moment, str) or not _DATE_TIME.match(moment):  # numbers would be read as seconds since 1970
        raise PydanticCustomError(
            "date_time", "is no date and time of RFC 3339", {"remedy": "send a time as in 2026-03-02T12:00:00Z"}
        )
    return moment


def _within_calendar(moment: datetime) -> datetime:
    return min(max(moment, _FIRST), _LAST).astimezone(UTC)


def _human_queue(name: str) -> str:
    if name not in HUMAN_QUEUES:
        remedy = f"send one of {', '.join(HUMAN_QUEUES)}"
        raise PydanticCustomError("human_queue", "is no human queue", {"remedy": remedy})
    return name


Moment = Annotated[AwareDatetime, BeforeValidator(_is_written_out), AfterValidator(_within_calendar)]
Queue = Annotated[str, AfterValidator(_human_queue), WithJsonSchema({"type": "string", "enum": list(HUMAN_QUEUES)})]
Name = Annotated[Text, Field(max_length=320)]
Cursor = Annotated[str, StringConstraints(max_length=200, pattern=r"^[\x21-\x7e]+$")]
Limit = Annotated[int, Field(ge=1, le=200, description="How many at most.")]


class _Filters(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TicketFilters(_Filters):
    """Which tickets; what is left out does not matter."""

    status: Status | None = None
    queue: Queue | None = None
    user: Name | None = None
    intent: Name | None = None
    priority: Priority | None = None
    sla: SlaState | None = Field(default=None, description="How they stand to their deadlines.")
    created_after: Moment | None = None
    created_before: Moment | None = None
    cursor: Cursor | None = Field(default=None, description="The `next_cursor` of the page before.")
    sort: TicketOrder = Field(
        default=TicketOrder.NEWEST, description="`due`: only tickets whose clock runs, the soonest due first."
    )
    limit: Limit = 50


class ResultsPeriod(_Filters):
    """Of which time, and for how long answers are watched."""

    since: Moment | None = Field(default=None, description="Left out: 30 days before `until`.")
    until: Moment | None = Field(default=None, description="Left out: now.")
    watched_days: Annotated[int, Field(ge=1, le=365)] = 7


class DeadLetterFilters(_Filters):
    """Which dead letters."""

    status: DeadLetterStatus | None = None
    limit: Limit = 50
