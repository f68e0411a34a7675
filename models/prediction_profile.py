"""How a model's predictions are distributed: counts by what it said, how sure it was, and the language; no texts."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, NonNegativeFloat, NonNegativeInt, ValidationError, model_validator

from helpdesk.metrics import CONFIDENCE_BOUNDS
from helpdesk.predictions import Probability
from models.data_check import OUT_OF_SCOPE


class ConfidenceCounts(BaseModel):
    """The confidences of some predictions.

    Attributes:
        bins: predictions by bin; the bounds are the profile's.
        total: sum of the confidences.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bins: tuple[NonNegativeInt, ...]
    total: NonNegativeFloat

    @property
    def tickets(self) -> int:
        """How many predictions these are."""
        return sum(self.bins)


class PredictionProfile(BaseModel):
    """The predictions of one version, counted.

    Attributes:
        bounds: upper bounds of the bins of confidence, inclusive.
        said: by label; all that were out of scope under ``out_of_scope``, whatever label was likeliest.
        languages: tickets by language; empty: undetermined.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    bounds: tuple[float, ...] = CONFIDENCE_BOUNDS
    said: Mapping[str, ConfidenceCounts]
    languages: Mapping[str, NonNegativeInt]

    @model_validator(mode="after")
    def _one_count_per_bin(self) -> "PredictionProfile":
        if any(len(counts.bins) != len(self.bounds) for counts in self.said.values()):
            raise ValueError("the bins do not fit the bounds")
        return self

    @property
    def tickets(self) -> int:
        """How many predictions were counted."""
        return sum(counts.tickets for counts in self.said.values())

    @property
    def out_of_scope(self) -> int:
        """How many of them were out of scope."""
        return self.said[OUT_OF_SCOPE].tickets if OUT_OF_SCOPE in self.said else 0

    @property
    def labels(self) -> dict[str, int]:
        """How many in-scope tickets got each label."""
        return {name: counts.tickets for name, counts in self.said.items() if name != OUT_OF_SCOPE}


class ProfileCounter:
    """Counts predictions one by one; what it keeps grows with the labels and languages, never with the tickets."""

    def __init__(self) -> None:
        self._bins: defaultdict[str, list[int]] = defaultdict(lambda: [0] * len(CONFIDENCE_BOUNDS))
        self._totals: defaultdict[str, float] = defaultdict(float)
        self._languages: Counter[str] = Counter()

    def add(self, label: str, confidence: float, *, out_of_scope: bool, language: str) -> None:
        """Count one prediction; the confidence lies between 0 and 1."""
        said = OUT_OF_SCOPE if out_of_scope else label
        self._bins[said][bisect_left(CONFIDENCE_BOUNDS, min(confidence, 1.0))] += 1
        self._totals[said] += confidence
        self._languages[language] += 1

    def profile(self) -> PredictionProfile:
        """Return what was counted."""
        said = {
            name: ConfidenceCounts(bins=tuple(bins), total=round(self._totals[name], 6))
            for name, bins in sorted(self._bins.items())
        }
        return PredictionProfile(said=said, languages=dict(self._languages.most_common()))


@dataclass(frozen=True, slots=True)
class WindowProfile:
    """The decisions of a span of time.

    Attributes:
        profile: of the predictions by the version that was asked for.
        other_versions: how many other versions made.
        without_prediction: decisions that rest on none, such as those made while the prediction service was away.
    """

    profile: PredictionProfile
    other_versions: Mapping[str, int]
    without_prediction: int


def profile_window(predictions: Iterable[Mapping[str, object]], version: str) -> WindowProfile:
    """Count stored predictions, as ``Transaction.predictions_between`` yields them."""
    counter, others, without = ProfileCounter(), Counter[str](), 0
    for stored in predictions:
        try:
            prediction = _Stored.model_validate(stored)
        except ValidationError:
            without += 1
            continue
        if prediction.model_version != version:
            others[prediction.model_version] += 1
            continue
        counter.add(
            prediction.predicted_label,
            prediction.prediction_confidence,
            out_of_scope=prediction.out_of_scope,
            language=prediction.language,
        )
    return WindowProfile(counter.profile(), dict(others.most_common()), without)


class _Stored(BaseModel):
    """What is needed of a stored prediction."""

    predicted_label: str
    prediction_confidence: Probability
    out_of_scope: bool
    language: str
    model_version: str
