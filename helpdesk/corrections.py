"""Corrections: what the customer of a ticket really wanted, as an agent says it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from helpdesk.errors import InvalidInput

OUT_OF_SCOPE = "out_of_scope"
"""Stands for the intent of a ticket that has none of the model's intents."""


class Verdict(StrEnum):
    """What a correction says of the model."""

    RIGHT = "right"
    WRONG = "wrong"
    NO_PREDICTION = "no_prediction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """The true intent of one turn of a ticket; of several for the same turn the latest stands.

    Attributes:
        turn: whose words are meant: those that a decision of this turn is about.
        intent: one of the model's labels, or ``out_of_scope``.
        predicted: what the model had said, ``out_of_scope`` where it had taken the ticket for foreign; None: nothing.
        model_version: the model that had said it.

    Raises:
        InvalidInput: intent or author is blank.
    """

    ticket_id: str
    turn: int
    intent: str
    predicted: str | None
    model_version: str | None
    author: str
    note: str = ""
    created_at: datetime

    def __post_init__(self) -> None:
        for field in ("intent", "author"):
            if not getattr(self, field).strip():
                raise InvalidInput("is blank", field=field, remedy=f"a correction names its {field}")

    @property
    def verdict(self) -> Verdict:
        """Whether the model had been right."""
        if self.predicted is None:
            return Verdict.NO_PREDICTION
        return Verdict.RIGHT if self.predicted == self.intent else Verdict.WRONG

    @property
    def sentence(self) -> str:
        """The correction for the ticket's history."""
        match self.verdict:
            case Verdict.RIGHT:
                said = f"The intent is {self.intent}, as the model had said."
            case Verdict.WRONG:
                said = f"The intent is {self.intent}; the model had said {self.predicted}."
            case Verdict.NO_PREDICTION:
                said = f"The intent is {self.intent}; no model had read the ticket."
        return f"{said} {self.note}".rstrip()


def predicted_intent(prediction: Mapping[str, object]) -> str | None:
    """Return what a decision's stored prediction comes to; None where no model was asked."""
    if not prediction:
        return None
    return OUT_OF_SCOPE if prediction.get("out_of_scope") else str(prediction["predicted_label"])
