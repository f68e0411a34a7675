"""The gate on constructed scores: what passes, and each thing that it refuses, with its figures."""

from dataclasses import replace

import numpy as np
import pytest

from models.calibrate import Calibration, Floats, Ints
from models.evaluate import Evaluation, evaluate_logits
from models.gate import COMPARED, MIN_ROWS, Bounds, Criterion, judge

LABELS = ("cancel", "refund", "track")
CALIBRATION = Calibration(dict.fromkeys(LABELS, 0.9), 0.25, -1.0)
BOUNDS = Bounds(max_ece=0.05, min_precision=0.97)
ROWS = 600


def scored(
    targets: Ints, wrong: Ints, *, temperature: float = 1.0, calibration: Calibration = CALIBRATION
) -> Evaluation:
    """Return the evaluation of a model that is sure of every row but those that it gets wrong."""
    logits: Floats = np.zeros((len(targets), len(LABELS) + 1))
    logits[np.arange(len(targets)), targets] = 5.0
    logits[wrong] = 0.0
    logits[wrong, (targets[wrong] + 1) % len(LABELS)] = 0.4
    return evaluate_logits(logits / temperature, targets, LABELS, calibration)


def some_targets(rows: int = ROWS) -> Ints:
    return np.arange(rows, dtype=np.int64) % (len(LABELS) + 1)


def rows_in_scope(targets: Ints, count: int) -> Ints:
    return np.flatnonzero(targets < len(LABELS))[:count]


def live_model() -> Evaluation:
    targets = some_targets()
    return scored(targets, rows_in_scope(targets, 12))


def failed(criteria: list[Criterion]) -> set[str]:
    return {criterion.name for criterion in criteria if not criterion.passed}


def bounds_that_fit(evaluation: Evaluation) -> Bounds:
    """Return bounds that this model keeps, so that only the comparison decides."""
    return Bounds(max_ece=evaluation.metrics["ece"] + 0.02, min_precision=0.9)


def test_a_model_passes_against_itself() -> None:
    live = live_model()
    criteria = judge(live, live, bounds_that_fit(live))
    assert failed(criteria) == set()
    assert {criterion.name for criterion in criteria} == {
        "rows", "ece", "automated_precision", "oos_false_rejections", *COMPARED, "automated"
    }  # fmt: skip


def test_a_little_worse_is_luck_and_passes() -> None:
    targets, live = some_targets(), live_model()
    candidate = scored(targets, rows_in_scope(targets, 14)[1:])
    assert candidate.metrics["accuracy"] < live.metrics["accuracy"]
    assert failed(judge(candidate, live, bounds_that_fit(live))) == set()


def test_clearly_worse_is_refused_with_both_figures_and_the_interval() -> None:
    targets, live = some_targets(), live_model()
    candidate = scored(targets, rows_in_scope(targets, 60))
    criteria = judge(candidate, live, bounds_that_fit(candidate))
    assert {"accuracy", "macro_f1", "nll"} <= failed(criteria)
    (accuracy,) = (criterion for criterion in criteria if criterion.name == "accuracy")
    before, after = live.metrics["accuracy"], candidate.metrics["accuracy"]
    assert accuracy.finding.startswith(f"{after:.4f} against {before:.4f}; 95 % of draws: -0.")


def test_clearly_better_passes() -> None:
    targets, live = some_targets(), live_model()
    assert failed(judge(scored(targets, rows_in_scope(targets, 1)), live, bounds_that_fit(live))) == set()


def test_a_model_that_tells_foreign_tickets_apart_less_well_is_refused() -> None:
    targets, live = some_targets(), live_model()
    logits: Floats = np.zeros((len(targets), len(LABELS) + 1))
    logits[np.arange(len(targets)), np.where(targets == len(LABELS), 0, targets)] = 5.0
    blind = evaluate_logits(logits, targets, LABELS, CALIBRATION)
    assert "oos_auroc" in failed(judge(blind, live, BOUNDS))


def test_confidence_that_promises_other_than_it_keeps_is_refused() -> None:
    targets, live = some_targets(), live_model()
    vague = scored(targets, rows_in_scope(targets, 12), temperature=4.0)
    criteria = judge(vague, live, BOUNDS)
    assert "ece" in failed(criteria)
    assert f"{vague.metrics['ece']:.4f}; at most 0.0500 is allowed" in {item.finding for item in criteria}


def test_thresholds_that_let_wrong_answers_out_are_refused() -> None:
    careless = Calibration(dict.fromkeys(LABELS, 0.0), 0.25, 99.0)
    targets, live = some_targets(), live_model()
    candidate = scored(targets, rows_in_scope(targets, 12), calibration=careless)
    assert "automated_precision" in failed(judge(candidate, live, BOUNDS))


def test_thresholds_that_leave_everything_to_people_are_refused() -> None:
    never = Calibration(dict.fromkeys(LABELS, 1.0), 0.25, -1.0)
    targets, live = some_targets(), live_model()
    criteria = judge(scored(targets, rows_in_scope(targets, 12), calibration=never), live, bounds_that_fit(live))
    assert failed(criteria) == {"automated"}


def test_a_threshold_that_takes_everything_for_foreign_is_refused() -> None:
    everything = Calibration(dict.fromkeys(LABELS, 0.9), 0.25, -99.0)
    targets, live = some_targets(), live_model()
    criteria = judge(scored(targets, rows_in_scope(targets, 12), calibration=everything), live, BOUNDS)
    assert {"oos_false_rejections", "automated"} <= failed(criteria)


def test_too_few_rows_prove_nothing() -> None:
    targets = some_targets(MIN_ROWS)  # a quarter of them is out of scope
    few = scored(targets, rows_in_scope(targets, 1))
    assert failed(judge(few, few, bounds_that_fit(few))) == {"rows"}


def test_without_a_live_model_the_bounds_alone_count() -> None:
    live = live_model()
    names = [criterion.name for criterion in judge(live, None, bounds_that_fit(live))]
    assert names == ["rows", "ece", "automated_precision", "oos_false_rejections"]
    assert failed(judge(live, None, Bounds(max_ece=0.0001, min_precision=0.97))) == {"ece"}


def test_without_foreign_rows_nothing_is_asked_about_them() -> None:
    targets = some_targets()[some_targets() < len(LABELS)]
    live = scored(targets, rows_in_scope(targets, 5))
    names = {criterion.name for criterion in judge(live, live, bounds_that_fit(live))}
    assert not {name for name in names if name.startswith("oos")}


@pytest.mark.parametrize("name", ["ece", "automated_precision", "oos_false_rejections", "automated"])
def test_a_figure_that_is_no_number_is_refused(name: str) -> None:
    live = live_model()
    broken = replace(live, metrics={**live.metrics, name: float("nan")})
    assert name in failed(judge(broken, live, BOUNDS))
