"""Decisions about tickets and the reasons for them, as they are stored beside the outcome."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Outcome(StrEnum):
    """What the machine does with a ticket."""

    ANSWER = "answer"
    ASK = "ask"
    DRAFT = "draft"
    ROUTE = "route"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One rule that fired, with a sentence that an agent understands.

    Attributes:
        code: stable name of the rule, such as ``confidence_below_threshold``.
        text: plain sentence with the figures that mattered.
    """

    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord:
    """Everything needed to replay a decision.

    Attributes:
        scores: what was compared (confidence, threshold, evidence, sentiment, …).
        versions: what was in force (model, policy, prompt, knowledge, writer).
        duration_ms: by stage (predict, retrieve, write, total).
        usage: token counts of the models that wrote, and ``cost_usd`` what they cost (None: no answer was written, or
            a model's price is not known).
    """

    ticket_id: str
    turn: int
    outcome: Outcome
    queue: str | None
    reasons: tuple[Reason, ...]
    scores: Mapping[str, float] = field(default_factory=dict)
    prediction: Mapping[str, object] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    duration_ms: Mapping[str, float] = field(default_factory=dict)
    usage: Mapping[str, int] = field(default_factory=dict)
    cost_usd: float | None = None
    at: datetime

    @property
    def intent(self) -> str | None:
        """The likeliest intent; None where no model was asked."""
        label = self.prediction.get("predicted_label")
        return None if label is None else str(label)

    @property
    def confidence(self) -> float | None:
        """The calibrated probability of that intent."""
        value = self.prediction.get("prediction_confidence")
        return float(value) if isinstance(value, int | float) else None

    @property
    def policy(self) -> str | None:
        """The name of the policy's version; None where none took part."""
        return self.versions.get("policy")

    @property
    def model(self) -> str | None:
        """The model that predicted; None where none was asked."""
        return self.versions.get("model")

    @property
    def codes(self) -> str:
        """The codes of the reasons, each once and between two bars: ``|draft_only|claim_uncited|``."""
        return "|".join(("", *dict.fromkeys(reason.code for reason in self.reasons), ""))
