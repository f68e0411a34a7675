"""Drift: how far a window of decisions lies from a reference, measure by measure, and what of that is more than luck.

What a comparison means depends on the reference. Held-out training rows say whether traffic is what the model was made
for; their labels were divided on purpose, so the shares of labels say nothing there, and confidence is compared at the
window's own mix of labels. Earlier traffic says whether anything has changed, in all measures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from models.population_stability import Ints, Stability, at_mix_of, share_interval, stability
from models.prediction_profile import ConfidenceCounts, PredictionProfile

MODERATE_PSI, LARGE_PSI = 0.1, 0.25
"""The customary limits: below the first nothing has changed, from the second on much has."""
FALSE_ALARMS = 0.01
"""How often any measure at all may lie beyond luck where nothing has changed."""
MIN_TICKETS = 30


class Reference(StrEnum):
    """What a window is compared with."""

    TRAINING = "training"
    WINDOW = "window"


class MeasureName(StrEnum):
    """What is compared."""

    CONFIDENCE = "confidence"
    OUT_OF_SCOPE = "out_of_scope"
    LABELS = "labels"
    LANGUAGES = "languages"


class Verdict(StrEnum):
    """What a measure says. ``too_few``: at these sizes luck alone might explain even a large index."""

    STABLE = "stable"
    MODERATE = "moderate"
    DRIFT = "drift"
    TOO_FEW = "too_few"
    NOT_JUDGED = "not_judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One comparison.

    Attributes:
        psi: population stability index; None where one side holds nothing.
        luck: what it stays below where nothing has changed.
    """

    name: MeasureName
    psi: float | None
    luck: float | None
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share of the window's tickets with its 95 % interval, and the reference's; as numbers between 0 and 1."""

    name: str
    window: float
    low: float
    high: float
    reference: float

    @property
    def change(self) -> float:
        """By how much it rose."""
        return self.window - self.reference


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceBin:
    """A bin of confidence up to and including ``upper``, as shares; ``reference`` at the window's mix of labels."""

    upper: float
    window: float
    reference: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A window beside its reference.

    Attributes:
        unmatched: tickets whose label the reference never gave; confidence is compared without them.
        mean_confidence: of the window and, at its mix of labels, of the reference; None where nothing matches.
        labels: shares of the in-scope tickets, those that moved most first; so the languages, of all tickets.
    """

    tickets: int
    reference_tickets: int
    unmatched: int
    measures: tuple[Measure, ...]
    mean_confidence: tuple[float, float] | None
    confidence: tuple[ConfidenceBin, ...]
    out_of_scope: Share
    labels: tuple[Share, ...]
    languages: tuple[Share, ...]

    @property
    def drifted(self) -> list[Measure]:
        """The measures that say so."""
        return [measure for measure in self.measures if measure.verdict is Verdict.DRIFT]


def compare_profiles(window: PredictionProfile, reference: PredictionProfile, kind: Reference) -> Drift:
    """Compare two profiles of one version, of which the window's holds at least one ticket."""
    matched = [name for name in window.said if name in reference.said]
    bins = tuple(_bins(profile, matched) for profile in (window, reference))
    scopes = _scopes(window), _scopes(reference)
    measures = [
        _measure(MeasureName.CONFIDENCE, *bins),
        _measure(MeasureName.OUT_OF_SCOPE, *scopes),
        _measure(MeasureName.LABELS, *_side_by_side(window.labels, reference.labels)),
        _measure(MeasureName.LANGUAGES, *_side_by_side(window.languages, reference.languages)),
    ]
    out_of_scope = _share(
        "out_of_scope", window.out_of_scope, window.tickets, reference.out_of_scope, reference.tickets
    )
    if kind is Reference.TRAINING:
        measures = [_against_training(measure, out_of_scope) for measure in measures]
    return Drift(
        tickets=window.tickets,
        reference_tickets=reference.tickets,
        unmatched=window.tickets - int(bins[0].sum()),
        measures=tuple(measures),
        mean_confidence=_mean_confidence(window.said, reference.said, matched),
        confidence=_confidence(window.bounds, *bins) if matched else (),
        out_of_scope=out_of_scope,
        labels=_shares(window.labels, reference.labels),
        languages=_shares(window.languages, reference.languages),
    )


def _against_training(measure: Measure, out_of_scope: Share) -> Measure:
    """Judge no shares that were chosen when the training rows were made, and take fewer foreign tickets for no harm."""
    if measure.name is MeasureName.LABELS:
        return replace(measure, verdict=Verdict.NOT_JUDGED)
    found = measure.verdict in (Verdict.MODERATE, Verdict.DRIFT)
    if measure.name is MeasureName.OUT_OF_SCOPE and found and out_of_scope.change < 0:
        return replace(measure, verdict=Verdict.STABLE)
    return measure


def _measure(name: MeasureName, window: Ints, reference: Ints) -> Measure:
    sizes = int(window.sum()), int(reference.sum())
    if not all(sizes):
        return Measure(name=name, psi=None, luck=None, verdict=Verdict.TOO_FEW)
    found = stability(window, reference, level=FALSE_ALARMS / len(MeasureName))
    return Measure(name=name, psi=round(found.psi, 6), luck=round(found.luck, 6), verdict=_verdict(found, min(sizes)))


def _verdict(found: Stability, rows: int) -> Verdict:
    if rows < MIN_TICKETS:
        return Verdict.TOO_FEW
    if found.beyond_luck and found.psi >= MODERATE_PSI:
        return Verdict.DRIFT if found.psi >= LARGE_PSI else Verdict.MODERATE
    hidden = not found.beyond_luck and (found.psi >= MODERATE_PSI or found.luck >= LARGE_PSI)
    return Verdict.TOO_FEW if hidden else Verdict.STABLE


def _bins(profile: PredictionProfile, names: Sequence[str]) -> Ints:
    """Return the bins of these labels, shape (len(names), bins)."""
    bins = [profile.said[name].bins for name in names]
    return np.array(bins, dtype=np.int64).reshape(len(names), len(profile.bounds))


def _scopes(profile: PredictionProfile) -> Ints:
    return np.array([[profile.tickets - profile.out_of_scope, profile.out_of_scope]], dtype=np.int64)


def _side_by_side(window: Mapping[str, int], reference: Mapping[str, int]) -> tuple[Ints, Ints]:
    names = sorted({*window, *reference})
    one, other = (np.array([[counts.get(name, 0) for name in names]], dtype=np.int64) for counts in (window, reference))
    return one, other


def _mean_confidence(
    window: Mapping[str, ConfidenceCounts], reference: Mapping[str, ConfidenceCounts], names: Sequence[str]
) -> tuple[float, float] | None:
    tickets = sum(window[name].tickets for name in names)
    if not tickets:
        return None
    total = sum(window[name].total for name in names)
    expected = sum(window[name].tickets * reference[name].total / reference[name].tickets for name in names)
    return round(total / tickets, 6), round(expected / tickets, 6)


def _confidence(bounds: Sequence[float], window: Ints, reference: Ints) -> tuple[ConfidenceBin, ...]:
    observed, expected = window.sum(axis=0), at_mix_of(window.astype(np.float64), reference.astype(np.float64))
    shares = (observed / observed.sum()).tolist(), (expected / expected.sum()).tolist()
    return tuple(
        ConfidenceBin(upper=upper, window=round(one, 6), reference=round(other, 6))
        for upper, one, other in zip(bounds, *shares, strict=True)
    )


def _shares(window: Mapping[str, int], reference: Mapping[str, int]) -> tuple[Share, ...]:
    sizes = sum(window.values()), sum(reference.values())
    shares = [
        _share(name, window.get(name, 0), sizes[0], reference.get(name, 0), sizes[1])
        for name in sorted({*window, *reference})
    ]
    return tuple(sorted(shares, key=lambda share: -abs(share.change)))


def _share(name: str, part: int, whole: int, reference_part: int, reference_whole: int) -> Share:
    low, high = share_interval(part, whole)
    return Share(
        name=name,
        window=round(part / max(whole, 1), 6),
        low=round(low, 6),
        high=round(high, 6),
        reference=round(reference_part / max(reference_whole, 1), 6),
    )
