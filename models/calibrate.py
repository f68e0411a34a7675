"""Calibration on held-out rows: temperature, a confidence threshold per intent, and the out-of-scope threshold.

Shapes: logits (n, n_labels + 1), the last column being out-of-scope; targets (n,) index into the columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TARGET_PRECISION = 0.98
MAX_FALSE_REJECTIONS = 0.03
NEVER = 1.0
"""A threshold that no confidence reaches in practice: the intent stays with people."""
_PRIOR_ROWS = 20.0
_TEMPERATURES = (0.1, 10.0)
_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns logits into decisions.

    Attributes:
        temperature: divides the logits.
        thresholds: per label, the confidence from which its precision is expected to reach the target.
        out_of_scope_threshold: on ``out_of_scope_scores``; what lies above is out of scope.
    """

    temperature: float
    thresholds: dict[str, float]
    out_of_scope_threshold: float


def log_softmax(logits: Floats) -> Floats:
    """Return log probabilities along the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    normalised: Floats = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return normalised


def out_of_scope_scores(logits: Floats, temperature: float) -> Floats:
    """Return the log-odds of out-of-scope against all labels together, after the temperature.

    It is an energy score that knows the out-of-scope column: log-sum-exp of the labels stands for "something known".
    """
    scaled = logits / temperature
    known, top = scaled[:, :-1], scaled[:, :-1].max(axis=1)
    energy = top + np.log(np.exp(known - top[:, None]).sum(axis=1))
    scores: Floats = scaled[:, -1] - energy
    return scores


def fit_temperature(logits: Floats, targets: Ints) -> float:
    """Return the temperature with the least negative log-likelihood.

    Source:
        Guo et al. 2017, On calibration of modern neural networks.
    """
    rows = np.arange(len(targets))

    def loss(log_temperature: float) -> float:
        return float(-log_softmax(logits / np.exp(log_temperature))[rows, targets].mean())

    low, high = np.log(_TEMPERATURES)
    while high - low > 1e-3:  # golden-section search: the loss has one minimum
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        low, high = (low, right) if loss(left) < loss(right) else (left, high)
    return float(np.exp((low + high) / 2))


def threshold_for_precision(
    confidences: Floats, correct: NDArray[np.bool_], target: float, *, prior_precision: Floats | None = None
) -> float:
    """Return the lowest confidence from which the precision reaches ``target``; NEVER where none does.

    Args:
        prior_precision: the precision that all labels together have from each confidence on, in the same order. Few
            rows say little, so it counts as 20 rows beside the label's own (an empirical Bayes estimate).
    """
    if len(confidences) == 0:
        return NEVER
    order = np.argsort(-confidences, kind="stable")
    counts = np.arange(1, len(order) + 1, dtype=np.float64)
    hits = np.cumsum(correct[order], dtype=np.float64)
    if prior_precision is None:
        precision = hits / counts
    else:
        precision = (hits + _PRIOR_ROWS * prior_precision[order]) / (counts + _PRIOR_ROWS)
    good = np.flatnonzero(precision >= target)
    return float(confidences[order[good[-1]]]) if len(good) else NEVER


def calibrate(
    logits: Floats,
    targets: Ints,
    labels: Sequence[str],
    *,
    target_precision: float = TARGET_PRECISION,
    max_false_rejections: float = MAX_FALSE_REJECTIONS,
) -> Calibration:
    """Fit all of a calibration on held-out rows, out-of-scope rows among them."""
    temperature = fit_temperature(logits, targets)
    scores = out_of_scope_scores(logits, temperature)
    in_scope = targets < len(labels)
    out_of_scope_threshold = float(np.quantile(scores[in_scope], 1 - max_false_rejections, method="higher"))

    probabilities = np.exp(log_softmax(logits / temperature))[:, :-1]
    predicted, confidences = probabilities.argmax(axis=1), probabilities.max(axis=1)
    offered = scores <= out_of_scope_threshold
    predicted, confidences, correct = predicted[offered], confidences[offered], (predicted == targets)[offered]
    prior = _precision_from(confidences, correct)
    thresholds = {}
    for column, label in enumerate(labels):
        mine = predicted == column
        thresholds[label] = threshold_for_precision(
            confidences[mine], correct[mine], target_precision, prior_precision=prior[mine]
        )
    return Calibration(temperature, thresholds, out_of_scope_threshold)


def _precision_from(confidences: Floats, correct: NDArray[np.bool_]) -> Floats:
    """Return for each row the precision of all rows that are at least as confident."""
    order = np.argsort(-confidences, kind="stable")
    precision = np.empty(len(order))
    precision[order] = np.cumsum(correct[order]) / np.arange(1, len(order) + 1)
    return precision
