"""Calibration on held-out rows: temperature, a confidence threshold per intent, and the out-of-scope threshold.

Shapes: logits (n, n_labels + 1), the last column being out-of-scope; targets (n,) index into the columns. Calibrated
logits are those whose softmax is the confidence: they were divided by a temperature.
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
_WEIGHTS = (0.0, 0.25, 0.5, 1.0)
_WEIGHT_WITHOUT_ROWS = 0.25
_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns calibrated logits into decisions.

    Attributes:
        thresholds: per label, the confidence from which its precision is expected to reach the target.
        out_of_scope_weight: of the out-of-scope column in ``out_of_scope_scores``.
        out_of_scope_threshold: on these scores; what lies above is out of scope.
    """

    thresholds: dict[str, float]
    out_of_scope_weight: float
    out_of_scope_threshold: float


def log_softmax(logits: Floats) -> Floats:
    """Return log probabilities along the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    normalised: Floats = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return normalised


def out_of_scope_scores(logits: Floats, weight: float) -> Floats:
    """Return how foreign each row is, by calibrated logits: the weighed last column less the largest label.

    The largest logit knows what is unlike everything seen; the column knows what is like the foreign rows of training.
    How much the latter says depends on how many there were.
    """
    scores: Floats = weight * logits[:, -1] - logits[:, :-1].max(axis=1)
    return scores


def choose_out_of_scope_weight(logits: Floats, in_scope: NDArray[np.bool_]) -> float:
    """Return the weight that tells held-out rows in and out of scope apart best; a small one where all are in scope."""
    if in_scope.all():
        return _WEIGHT_WITHOUT_ROWS
    separated = {
        weight: roc_auc(scores[in_scope], scores[~in_scope])
        for weight in _WEIGHTS
        for scores in [out_of_scope_scores(logits, weight)]
    }
    return max(separated, key=lambda weight: separated[weight])


def roc_auc(lower: Floats, higher: Floats) -> float:
    """Return how often a score of ``higher`` lies above one of ``lower``; ties count half (Mann-Whitney)."""
    ordered = np.sort(lower)
    ranks = (np.searchsorted(ordered, higher, side="left") + np.searchsorted(ordered, higher, side="right")) / 2
    return float(ranks.mean() / len(ordered))


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
    """Choose thresholds by the calibrated logits of held-out rows, out-of-scope rows among them where there are any."""
    in_scope = targets < len(labels)
    weight = choose_out_of_scope_weight(logits, in_scope)
    scores = out_of_scope_scores(logits, weight)
    out_of_scope_threshold = float(np.quantile(scores[in_scope], 1 - max_false_rejections, method="higher"))

    probabilities = np.exp(log_softmax(logits))[:, :-1]
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
    return Calibration(thresholds, weight, out_of_scope_threshold)


def _precision_from(confidences: Floats, correct: NDArray[np.bool_]) -> Floats:
    """Return for each row the precision of all rows that are at least as confident."""
    order = np.argsort(-confidences, kind="stable")
    precision = np.empty(len(order))
    precision[order] = np.cumsum(correct[order]) / np.arange(1, len(order) + 1)
    return precision
