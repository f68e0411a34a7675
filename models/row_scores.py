"""What a model says about each row of a file, and the metrics that follow: of all rows, or of rows drawn from them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from models.calibrate import Floats, Ints, log_softmax, out_of_scope_scores, roc_auc

PRECISIONS = (0.95, 0.98, 0.99)
BINS = 15


@dataclass(frozen=True, slots=True)
class RowScores:
    """Scores of n rows, as arrays of that length.

    Attributes:
        targets: each row's column; ``labels`` for out-of-scope, whatever order the columns have.
        predicted: the likeliest label's column, out-of-scope left aside.
        confidences: the calibrated probability of that label.
        foreignness: the out-of-scope score; higher is more foreign.
        losses: negative log-likelihood of the target.
    """

    targets: Ints
    predicted: Ints
    confidences: Floats
    foreignness: Floats
    losses: Floats

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether the prediction is right; never so for an out-of-scope row: answering one is an error."""
        right: NDArray[np.bool_] = self.predicted == self.targets
        return right

    def take(self, rows: Ints) -> "RowScores":
        """Return these rows, in this order, some perhaps several times."""
        return RowScores(*(getattr(self, field.name)[rows] for field in fields(self)))


def score_rows(logits: Floats, targets: Ints, out_of_scope_weight: float) -> RowScores:
    """Return the scores of calibrated logits of shape (n, n_labels + 1)."""
    log_probabilities = log_softmax(logits)
    known = log_probabilities[:, :-1]
    return RowScores(
        targets,
        known.argmax(axis=1),
        np.exp(known.max(axis=1)),
        out_of_scope_scores(logits, out_of_scope_weight),
        -log_probabilities[np.arange(len(targets)), targets],
    )


def metrics_of(rows: RowScores, labels: int) -> dict[str, float]:
    """Return the metrics that need no threshold; those of out-of-scope only where there are such rows.

    Args:
        labels: how many there are; a target of this number is out-of-scope.
    """
    in_scope, correct = rows.targets < labels, rows.correct
    metrics = {
        "accuracy": mean(correct[in_scope]),
        "macro_f1": _macro_f1(rows, labels),
        # Over all rows: what a confidence promises must hold for whatever comes in.
        "ece": expected_calibration_error(rows.confidences, correct),
        "nll": float(rows.losses.mean()),
    }
    for precision in PRECISIONS:
        name = f"coverage_at_{round(precision * 100)}"
        metrics[name] = coverage_at_precision(rows.confidences, correct, in_scope, precision)
    if in_scope.any() and not in_scope.all():
        known, foreign = rows.foreignness[in_scope], rows.foreignness[~in_scope]
        metrics["oos_auroc"] = roc_auc(known, foreign)
        metrics["oos_fpr95"] = mean(known > np.quantile(foreign, 0.05, method="lower"))
    return metrics


def reliability(confidences: Floats, correct: NDArray[np.bool_]) -> list[tuple[float, float, int]]:
    """Return (mean confidence, share that is right, rows) of each of 15 bins of equal width that holds rows."""
    bins = np.minimum((confidences * BINS).astype(int), BINS - 1)
    return [
        (float(confidences[mine].mean()), float(correct[mine].mean()), int(mine.sum()))
        for number in np.unique(bins)
        for mine in [bins == number]
    ]


def risk_coverage(
    confidences: Floats, correct: NDArray[np.bool_], in_scope: NDArray[np.bool_]
) -> list[tuple[float, float]]:
    """Return (share of in-scope rows answered, share of wrong answers), row by row, the most confident first.

    Out-of-scope rows that are confident enough are answered too, and count as errors; see ``coverage_at_precision``.
    """
    order = np.argsort(-confidences, kind="stable")
    coverage = np.cumsum(in_scope[order]) / max(in_scope.sum(), 1)
    risk = np.cumsum(~correct[order]) / np.arange(1, len(order) + 1)
    return list(zip(coverage.tolist(), risk.tolist(), strict=True))


def expected_calibration_error(confidences: Floats, correct: NDArray[np.bool_]) -> float:
    """Return the mean gap between confidence and accuracy over the bins of ``reliability``, weighted by their rows."""
    gaps = [abs(confidence - share) * rows for confidence, share, rows in reliability(confidences, correct)]
    return float(sum(gaps) / max(len(confidences), 1))


def coverage_at_precision(
    confidences: Floats, correct: NDArray[np.bool_], in_scope: NDArray[np.bool_], precision: float
) -> float:
    """Return the largest share of in-scope rows that one threshold can answer at this precision.

    Out-of-scope rows that are confident enough are answered too, and count as errors.
    """
    order = np.argsort(-confidences, kind="stable")
    reached = np.flatnonzero(np.cumsum(correct[order]) / np.arange(1, len(order) + 1) >= precision)
    return float(in_scope[order[: reached[-1] + 1]].sum() / max(in_scope.sum(), 1)) if len(reached) else 0.0


def mean(values: NDArray[np.bool_] | Floats | Sequence[float]) -> float:
    """Return the mean; 0 of nothing."""
    return float(np.mean(values)) if len(values) else 0.0


def _macro_f1(rows: RowScores, labels: int) -> float:
    """Return the mean F1 of the labels that occur, out-of-scope rows left aside."""
    in_scope = rows.targets < labels
    true = np.bincount(rows.targets[in_scope], minlength=labels)
    called = np.bincount(rows.predicted[in_scope], minlength=labels)
    hits = np.bincount(rows.targets[rows.correct], minlength=labels)
    occurs = true > 0
    return mean((2 * hits / np.maximum(true + called, 1))[occurs])
