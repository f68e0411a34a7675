"""Calibration: temperature, thresholds for a precision, and the out-of-scope threshold."""

import numpy as np
import pytest

from models.calibrate import (
    NEVER,
    calibrate,
    choose_out_of_scope_weight,
    fit_temperature,
    log_softmax,
    out_of_scope_scores,
    threshold_for_precision,
)
from models.evaluate import evaluate_logits
from models.row_scores import coverage_at_precision, expected_calibration_error

LABELS = ["cancel", "refund", "track"]


def sampled(rows: int, *, scale: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return logits whose probabilities are true, but for a factor of ``scale``, and targets drawn from them."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(rows, len(LABELS) + 1)) * 2.0
    probabilities = np.exp(log_softmax(logits))
    targets = np.array([rng.choice(len(row), p=row) for row in probabilities])
    return logits * scale, targets


def test_the_temperature_undoes_over_and_under_confidence() -> None:
    for scale in (0.5, 1.0, 3.0):
        logits, targets = sampled(4_000, scale=scale)
        assert fit_temperature(logits, targets) == pytest.approx(scale, rel=0.1)


def test_calibration_lowers_the_calibration_error() -> None:
    logits, targets = sampled(4_000, scale=3.0)

    def error(temperature: float) -> float:
        probabilities = np.exp(log_softmax(logits / temperature))[:, :-1]
        correct = probabilities.argmax(axis=1) == targets
        return expected_calibration_error(probabilities.max(axis=1), correct)

    assert error(fit_temperature(logits, targets)) < error(1.0) / 2


def test_probabilities_do_not_overflow() -> None:
    assert np.exp(log_softmax(np.array([[1e4, -1e4, 0.0]]))).tolist() == [[1.0, 0.0, 0.0]]


def test_a_threshold_is_the_lowest_confidence_that_keeps_the_precision() -> None:
    confidences = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    correct = np.array([True, True, True, True, False])
    assert threshold_for_precision(confidences, correct, 0.98) == 0.6
    assert threshold_for_precision(confidences, correct, 0.80) == 0.5
    assert threshold_for_precision(confidences, ~correct, 0.98) == NEVER
    assert threshold_for_precision(np.array([]), np.array([], dtype=bool), 0.98) == NEVER


def test_few_rows_of_an_intent_are_held_against_what_all_intents_show() -> None:
    confidences, correct = np.array([0.9, 0.8, 0.7]), np.array([True, True, True])
    poor = np.array([0.99, 0.97, 0.5])
    assert threshold_for_precision(confidences, correct, 0.98, prior_precision=poor) == 0.9


def test_the_out_of_scope_threshold_keeps_its_budget_of_false_rejections() -> None:
    logits, targets = sampled(4_000, scale=1.0)
    calibration = calibrate(logits, targets, LABELS, max_false_rejections=0.03)
    scores = out_of_scope_scores(logits, calibration.out_of_scope_weight)
    assert (scores[targets < len(LABELS)] > calibration.out_of_scope_threshold).mean() <= 0.03
    assert set(calibration.thresholds) == set(LABELS)


def test_the_out_of_scope_column_weighs_what_held_out_rows_show() -> None:
    rng = np.random.default_rng(0)
    in_scope = np.arange(400) < 300
    known = np.eye(3)[rng.integers(0, 3, 400)] * 6 + rng.normal(size=(400, 3))
    telling = np.where(in_scope, -3.0, 3.0) + rng.normal(size=400)
    assert choose_out_of_scope_weight(np.column_stack([known, telling]), in_scope) == 1.0
    assert choose_out_of_scope_weight(np.column_stack([known * (in_scope[:, None] + 0.2), -telling]), in_scope) == 0.0
    assert 0 < choose_out_of_scope_weight(known, np.ones(400, dtype=bool)) < 1


def test_what_is_automated_keeps_the_target_precision_on_new_rows() -> None:
    calibration = calibrate(*sampled(6_000, scale=1.0), LABELS, target_precision=0.9)
    metrics = evaluate_logits(*sampled(6_000, scale=1.0, seed=1), LABELS, calibration).metrics
    assert metrics["automated"] > 0.1
    assert metrics["automated_precision"] > 0.87


def test_coverage_counts_confident_out_of_scope_rows_as_errors() -> None:
    confidences = np.array([0.9, 0.8, 0.7, 0.6])
    correct = np.array([True, False, True, True])  # the second row is out of scope
    in_scope = np.array([True, False, True, True])
    assert coverage_at_precision(confidences, correct, in_scope, 1.0) == pytest.approx(1 / 3)
    assert coverage_at_precision(confidences, correct, in_scope, 0.75) == 1.0
    assert coverage_at_precision(confidences, ~in_scope, in_scope, 0.75) == 0.0


def test_coverage_counts_the_few_wrong_answers_that_the_precision_allows() -> None:
    confidences, correct = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, True, False, True])
    assert coverage_at_precision(confidences, correct, np.ones(4, dtype=bool), 0.75) == 1.0


def test_a_perfect_model_gets_perfect_metrics() -> None:
    targets = np.array([0, 1, 2, 3] * 25)
    logits = np.where(np.arange(4) == targets[:, None], 20.0, 0.0)
    calibration = calibrate(logits, targets, LABELS)
    evaluation = evaluate_logits(logits, targets, LABELS, calibration)
    assert evaluation.metrics["accuracy"] == evaluation.metrics["macro_f1"] == evaluation.metrics["oos_auroc"] == 1.0
    assert evaluation.metrics["oos_fpr95"] == 0.0
    assert evaluation.metrics["ece"] < 0.01
    assert evaluation.confusions == ()


def test_confusions_and_the_weakest_intent_are_named() -> None:
    targets = np.array([0] * 10 + [1] * 10 + [2] * 10)
    predicted = targets.copy()
    predicted[:4] = 1
    logits = np.where(np.arange(4) == predicted[:, None], 5.0, 0.0)
    evaluation = evaluate_logits(logits, targets, LABELS, calibrate(logits, targets, LABELS))
    assert evaluation.confusions[0] == ("cancel", "refund", 4)
    assert evaluation.intents[0].intent == "cancel"
    assert evaluation.intents[0].recall == 0.6
