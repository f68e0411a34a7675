"""Request and response of the prediction service."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MAX_TICKET_CHARACTERS = 131_072
MAX_BATCH = 256

Probability = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PredictRequest(_Wire):
    """One ticket's raw text."""

    ticket: str = Field(max_length=MAX_TICKET_CHARACTERS, description="The ticket's raw text, any length from 0.")


class PredictBatchRequest(_Wire):
    """Several tickets' raw texts."""

    tickets: list[Annotated[str, Field(max_length=MAX_TICKET_CHARACTERS)]] = Field(min_length=1, max_length=MAX_BATCH)


class LabelScore(_Wire):
    """One intent and its calibrated probability."""

    label: str
    confidence: Probability


class Prediction(_Wire):
    """What the models say of one ticket.

    Attributes:
        predicted_label: the likeliest intent, also when ``out_of_scope`` is true.
        prediction_confidence: calibrated probability of that intent.
        confidence_threshold: from here on the intent met its target precision on held-out data.
        sentiment_score: VADER's compound, -1 (negative) to 1; 0 where it is not valid.
        sentiment_valid: false where VADER does not apply (not English, nothing to read, logs or code alone).
        out_of_scope: the score lies above the threshold, or the text has fewer than two letters.
        out_of_scope_score: higher means less like any known intent; compare with ``out_of_scope_threshold``.
        language: detected ISO 639-1 code, empty when undetermined.
    """

    status: Literal["success"] = "success"
    predicted_label: str
    prediction_confidence: Probability
    confidence_threshold: Probability
    category: str
    top_labels: list[LabelScore] = Field(min_length=1, max_length=3)
    out_of_scope: bool
    out_of_scope_score: float = Field(allow_inf_nan=False)
    out_of_scope_threshold: float = Field(allow_inf_nan=False)
    sentiment_score: float = Field(ge=-1.0, le=1.0, allow_inf_nan=False)
    sentiment_valid: bool
    language: str
    model_version: str


class PredictBatchResponse(_Wire):
    """Predictions in the order of the request's tickets."""

    status: Literal["success"] = "success"
    predictions: list[Prediction]


class ModelInfo(_Wire):
    """The model that serves."""

    model_version: str
    labels: list[str]
    categories: dict[str, str]
    trained_at: str
    metrics: dict[str, float]
    checksum: str
