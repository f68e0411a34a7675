"""Drift: a changed stream is found, the same one is left in peace at any size, and few tickets say nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from models.data_check import OUT_OF_SCOPE
from models.drift import Drift, MeasureName, Reference, Verdict, compare_profiles
from models.prediction_profile import ConfidenceCounts, PredictionProfile

LABELS = tuple(f"intent_{number}" for number in range(20))
MIDDLES = np.array([0.2, 0.4, 0.6, 0.75, 0.85, 0.93, 0.965, 0.985, 0.995])
SURE = np.array([0.002, 0.008, 0.02, 0.02, 0.04, 0.05, 0.08, 0.10, 0.68])
UNSURE = np.array([0.02, 0.08, 0.12, 0.12, 0.12, 0.12, 0.12, 0.10, 0.20])
FOREIGN = np.array([0.35, 0.25, 0.15, 0.10, 0.06, 0.04, 0.03, 0.01, 0.01])
CHECKED = (MeasureName.CONFIDENCE, MeasureName.OUT_OF_SCOPE, MeasureName.LABELS, MeasureName.LANGUAGES)


@dataclass(frozen=True)
class Traffic:
    """What tickets are like; how many there are of each kind is drawn."""

    out_of_scope: float = 0.1
    steepness: float = 0.15
    confidence: np.ndarray = field(default_factory=lambda: SURE)
    languages: Mapping[str, float] = field(default_factory=lambda: {"en": 0.98, "de": 0.01, "nl": 0.006, "": 0.004})

    def draw(self, tickets: int, rng: np.random.Generator) -> PredictionProfile:
        mix = np.exp(-self.steepness * np.arange(len(LABELS)))
        shares = [*(mix / mix.sum() * (1 - self.out_of_scope)), self.out_of_scope]
        said = {}
        for name, count in zip((*LABELS, OUT_OF_SCOPE), rng.multinomial(tickets, shares), strict=True):
            bins = rng.multinomial(count, FOREIGN if name == OUT_OF_SCOPE else self.confidence)
            if count:
                said[name] = ConfidenceCounts(bins=tuple(bins.tolist()), total=float(bins @ MIDDLES))
        languages = rng.multinomial(tickets, list(self.languages.values()))
        spoken = {name: int(count) for name, count in zip(self.languages, languages, strict=True) if count}
        return PredictionProfile(said=said, languages=spoken)


USUAL = Traffic()
BALANCED = Traffic(steepness=0.0)


def compared(
    traffic: Traffic, tickets: int, reference: Traffic = USUAL, *, kind: Reference = Reference.WINDOW, seed: int = 0
) -> Drift:
    rng = np.random.default_rng(seed)
    return compare_profiles(traffic.draw(tickets, rng), reference.draw(3_000, rng), kind)


def verdicts(drift: Drift) -> dict[MeasureName, Verdict]:
    return {measure.name: measure.verdict for measure in drift.measures}


@pytest.mark.parametrize(("kind", "reference"), [(Reference.WINDOW, USUAL), (Reference.TRAINING, BALANCED)])
def test_the_same_traffic_raises_hardly_ever_an_alarm(kind: Reference, reference: Traffic) -> None:
    sizes, trials = (20, 60, 200, 800, 4_000), 12
    found = [compared(USUAL, tickets, reference, kind=kind, seed=seed) for tickets in sizes for seed in range(trials)]
    alarms = [item for item in found if {Verdict.MODERATE, Verdict.DRIFT} & set(verdicts(item).values())]
    assert len(alarms) <= 1  # of 60; one of a hundred is aimed at


def test_few_tickets_are_too_few_to_tell_whatever_they_say() -> None:
    foreign = replace(USUAL, out_of_scope=1.0, languages={"fr": 1.0})
    assert set(verdicts(compared(foreign, 29)).values()) == {Verdict.TOO_FEW}


def test_a_thousand_usual_tickets_are_enough_to_call_it_stable() -> None:
    assert set(verdicts(compared(USUAL, 1_000)).values()) == {Verdict.STABLE}


@pytest.mark.parametrize("tickets", [300, 3_000])
@pytest.mark.parametrize(
    ("traffic", "measure"),
    [
        (replace(USUAL, confidence=UNSURE), MeasureName.CONFIDENCE),
        (replace(USUAL, out_of_scope=0.4), MeasureName.OUT_OF_SCOPE),
        (replace(USUAL, steepness=-0.15), MeasureName.LABELS),
        (replace(USUAL, languages={"en": 0.7, "de": 0.3}), MeasureName.LANGUAGES),
    ],
    ids=[name.value for name in CHECKED],
)
def test_a_drifted_stream_is_found_and_nothing_else_is_blamed(
    traffic: Traffic, measure: MeasureName, tickets: int
) -> None:
    found = [compared(traffic, tickets, seed=seed) for seed in range(2)]
    assert [[drifted.name for drifted in item.drifted] for item in found] == [[measure]] * 2


def test_a_shift_between_the_limits_is_moderate() -> None:
    found = compared(replace(USUAL, out_of_scope=0.26), 3_000)
    assert verdicts(found)[MeasureName.OUT_OF_SCOPE] is Verdict.MODERATE
    assert found.drifted == []


def test_against_training_shares_of_labels_are_shown_and_not_judged() -> None:
    found = compared(replace(USUAL, steepness=0.5), 3_000, BALANCED, kind=Reference.TRAINING)
    labels = next(measure for measure in found.measures if measure.name is MeasureName.LABELS)
    assert (labels.verdict, found.drifted) == (Verdict.NOT_JUDGED, [])
    assert labels.psi is not None
    assert labels.psi > 0.25
    assert found.labels[0].name == LABELS[0]
    assert found.labels[0].change > 0.3


def test_confidence_is_compared_at_the_windows_own_mix_of_labels() -> None:
    easy = ConfidenceCounts(bins=(0, 0, 0, 0, 0, 0, 0, 0, 500), total=497.5)
    hard = ConfidenceCounts(bins=(0, 0, 0, 500, 0, 0, 0, 0, 0), total=375.0)
    reference = PredictionProfile(said={"easy": easy, "hard": hard}, languages={"en": 1_000})
    window = PredictionProfile(said={"hard": hard}, languages={"en": 500})
    found = compare_profiles(window, reference, Reference.TRAINING)
    assert found.measures[0].psi == pytest.approx(0.0)
    assert found.mean_confidence == pytest.approx((0.75, 0.75))
    assert {item.upper: item.reference for item in found.confidence if item.reference} == {0.8: 1.0}


@pytest.mark.parametrize(("kind", "verdict"), [(Reference.TRAINING, Verdict.STABLE), (Reference.WINDOW, Verdict.DRIFT)])
def test_fewer_foreign_tickets_than_in_training_are_no_drift(kind: Reference, verdict: Verdict) -> None:
    found = compared(replace(USUAL, out_of_scope=0.02), 3_000, replace(USUAL, out_of_scope=0.4), kind=kind)
    assert verdicts(found)[MeasureName.OUT_OF_SCOPE] is verdict


def test_labels_that_the_reference_never_gave_are_left_out_of_confidence_and_counted() -> None:
    new = ConfidenceCounts(bins=(50, 0, 0, 0, 0, 0, 0, 0, 0), total=10.0)
    usual = USUAL.draw(1_000, np.random.default_rng(0))
    window = usual.model_copy(update={"said": {**usual.said, "new": new}})
    found = compare_profiles(window, usual, Reference.WINDOW)
    assert found.unmatched == 50
    assert found.measures[0].psi == pytest.approx(0.0)
    alone = compare_profiles(PredictionProfile(said={"new": new}, languages={"en": 50}), usual, Reference.WINDOW)
    assert (alone.unmatched, alone.mean_confidence, alone.confidence) == (50, None, ())
    assert verdicts(alone)[MeasureName.CONFIDENCE] is Verdict.TOO_FEW


def test_a_window_that_is_all_foreign_has_no_labels_to_compare() -> None:
    found = compared(replace(USUAL, out_of_scope=1.0), 500)
    assert verdicts(found)[MeasureName.OUT_OF_SCOPE] is Verdict.DRIFT
    assert verdicts(found)[MeasureName.LABELS] is Verdict.TOO_FEW
    assert found.out_of_scope.window == 1.0
    assert found.out_of_scope.low > 0.99
