"""What callers send."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from helpdesk.tickets import Priority
from helpdesk.web.texts import ANY_TEXT, WRITTEN_TEXT, Description, Text, Written, without_controls

MAX_NUMBER = 2**53 - 1
MAX_METADATA_CHARACTERS = 1_000

Channel = Literal["api", "web", "email", "chat", "phone", "mobile", "social"]
CustomerTier = Literal["free", "standard", "premium", "enterprise"]
Language = Annotated[
    str,
    StringConstraints(pattern=r"^([a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3})?$"),
    Field(description="A BCP 47 tag such as `en` or `pt-BR`; empty when unknown."),
]
MetadataKey = Annotated[Written, Field(max_length=64)]


def _metadata_value(value: object) -> object:
    match value:
        case str() if len(value) <= MAX_METADATA_CHARACTERS:
            return without_controls(value)
        case bool():
            return value
        case int() | float() if -MAX_NUMBER <= value <= MAX_NUMBER:
            return value
    raise PydanticCustomError(
        "metadata_value",
        "is no text of at most {characters} characters, no number between ±2^53, and neither true nor false",
        {"characters": MAX_METADATA_CHARACTERS, "remedy": "send such a value; spread objects and lists over keys"},
    )


MetadataValue = Annotated[str | int | float | bool, PlainValidator(_metadata_value)]
_METADATA_SCHEMA = {
    "type": "object",
    "maxProperties": 20,
    "propertyNames": {"minLength": 1, "maxLength": 64, "pattern": WRITTEN_TEXT},
    "additionalProperties": {
        "anyOf": [
            {"type": "string", "maxLength": MAX_METADATA_CHARACTERS, "pattern": ANY_TEXT},
            {"type": "number", "minimum": -MAX_NUMBER, "maximum": MAX_NUMBER},
            {"type": "boolean"},
        ]
    },
}
Note = Annotated[Text, Field(max_length=1_000, description="For the history; agents and operators see it.")]


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SubmitTicket(_Request):
    """A customer's request."""

    user: Annotated[Written, Field(max_length=320, description="Who asks: the portal's own name or address for them.")]
    description: Description
    subject: Annotated[Text, Field(max_length=500)] = ""
    channel: Channel = "api"
    customer_tier: CustomerTier = "standard"
    language: Language = ""
    metadata: Annotated[dict[MetadataKey, MetadataValue], Field(max_length=20), WithJsonSchema(_METADATA_SCHEMA)] = {}
    priority: Annotated[
        Priority | None,
        WithJsonSchema({"anyOf": [{"type": "string", "enum": list(Priority)}, {"type": "null"}]}),
        Field(description="Left out, or null: `high` for the tier `enterprise`, else `normal`."),
    ] = None


class WriteMessage(_Request):
    """The customer writes again."""

    text: Description


def _whole_number(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value  # JSON has one kind of number


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default")


class GiveFeedback(_Request):
    """What the customer thought of the answer: a thumb, or a score."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["thumb"]}, {"required": ["score"]}]})

    # The defaults only say "not sent": exactly one of the two is in `model_fields_set`.
    thumb: Literal["up", "down"] = Field(default="up", json_schema_extra=_without_default)
    score: Annotated[int, Field(ge=1, le=5, strict=True), BeforeValidator(_whole_number)] = Field(
        default=5, json_schema_extra=_without_default
    )
    comment: Annotated[Text, Field(max_length=4_000)] = ""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if ("thumb" in self.model_fields_set) is ("score" in self.model_fields_set):
            raise PydanticCustomError(
                "one_of_both", "holds not exactly one of thumb and score", {"remedy": "send one of the two"}
            )
        return self

    @property
    def points(self) -> int:
        """The score; a thumb counts as 1 or 5."""
        if "score" in self.model_fields_set:
            return self.score
        return 5 if self.thumb == "up" else 1


class ClaimTicket(_Request):
    """Take a ticket."""

    entry_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")] | None = Field(
        default=None, description="From the message, for a caller who took the ticket from the broker's queue."
    )


class AddNote(_Request):
    """Why, for the history."""

    note: Note = ""


class TransferTicket(_Request):
    """Move a ticket to another queue."""

    queue: Annotated[str, StringConstraints(pattern=r"^[A-Z_]{1,40}$")]
    note: Note = ""


class CorrectTicket(_Request):
    """What the customer really wanted."""

    intent: Annotated[
        Written, Field(max_length=200, description="A label of the live model, or `out_of_scope` where none fits.")
    ]
    turn: Annotated[
        int | None,
        Field(ge=1, le=2**31 - 1, strict=True, description="Which is meant; null: the latest that a model predicted."),
    ] = None
    note: Note = ""


class MarkWrong(_Request):
    """An article that should not have been used."""

    article_id: Annotated[Written, Field(max_length=200, description="One that the answer or draft cites.")]
    note: Note = ""


class ReplyToCustomer(_Request):
    """A person's answer."""

    text: Description
    resolve: Annotated[bool, Field(strict=True, description="Close the ticket with this answer.")] = False
