"""Evaluation: what a model gets right, how honest its confidence is, how much it may answer at a precision."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from helpdesk.errors import InvalidData
from models.artifact import Artifact
from models.calibrate import Calibration, Floats, Ints, log_softmax, out_of_scope_scores, roc_auc
from models.data_check import OUT_OF_SCOPE
from models.dataset import LabelledTicket, load_held_out
from models.loading import load_cascade
from models.preprocess import readable

METRICS = {
    "accuracy": "in-scope tickets whose intent is right",
    "macro_f1": "the same, each intent counting alike (F1)",
    "ece": "gap between confidence and accuracy over all tickets (15 bins; out-of-scope ones are never right)",
    "nll": "negative log-likelihood of the right intent, or of out-of-scope",
    "coverage_at_95": "share of in-scope tickets answered when 95 % of all answers must be right",
    "coverage_at_98": "the same at 98 %",
    "coverage_at_99": "the same at 99 %",
    "automated": "in-scope tickets above their intent's threshold",
    "automated_precision": "of those above it, how many are right (out-of-scope tickets among them count as wrong)",
    "oos_auroc": "out-of-scope against in-scope, area under the ROC curve",
    "oos_fpr95": "in-scope tickets rejected when 95 % of out-of-scope ones are caught",
    "oos_detected": "out-of-scope tickets caught at the threshold in force",
    "oos_false_rejections": "in-scope tickets rejected at that threshold",
}
"""Every metric that people are shown, and what it means."""

_BINS = 15
_PRECISIONS = (0.95, 0.98, 0.99)


@dataclass(frozen=True, slots=True)
class IntentResult:
    """How one intent does: precision and recall over all in-scope rows, and its share above its threshold."""

    intent: str
    rows: int
    precision: float
    recall: float
    automated: float
    automated_precision: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Metrics of one model on one set of rows.

    Attributes:
        metrics: by name; rates between 0 and 1.
        intents: one result per intent, the weakest recall first.
        confusions: the most frequent (true, predicted, count), out-of-scope included.
    """

    metrics: dict[str, float]
    intents: tuple[IntentResult, ...]
    confusions: tuple[tuple[str, str, int], ...]


def evaluate(artifact: Artifact, data_path: Path, *, encoder_dir: Path, split: str = "test") -> Evaluation:
    """Evaluate an artifact, through the very cascade that serves, on one split of a data file.

    Raises:
        InvalidData: the file cannot be used, or has an intent that the model does not know.
        ModelUnavailable: the artifact cannot be loaded.
    """
    tickets = load_held_out(data_path, split=split)
    labels = artifact.manifest.labels
    targets = target_columns(tickets, labels)
    logits = load_cascade(artifact, encoder_dir).logits([readable(ticket.text) for ticket in tickets])
    return evaluate_logits(logits, targets, labels, artifact.manifest.calibration)


def target_columns(tickets: Sequence[LabelledTicket], labels: Sequence[str]) -> Ints:
    """Return each ticket's column: its label's, or the last one for out-of-scope.

    Raises:
        InvalidData: an intent is none of the labels.
    """
    column_of = {label: column for column, label in enumerate([*labels, OUT_OF_SCOPE])}
    unknown = next((ticket.intent for ticket in tickets if ticket.intent not in column_of), None)
    if unknown is not None:
        raise InvalidData(f"the model does not know the intent {unknown!r}", remedy="train a model on this file first")
    return np.array([column_of[ticket.intent] for ticket in tickets], dtype=np.int64)


def evaluate_logits(logits: Floats, targets: Ints, labels: Sequence[str], calibration: Calibration) -> Evaluation:
    """Evaluate calibrated logits of shape (n, n_labels + 1) against the target columns of ``target_columns``."""
    scores = out_of_scope_scores(logits, calibration.out_of_scope_weight)
    log_probabilities = log_softmax(logits)
    probabilities = np.exp(log_probabilities[:, :-1])
    predicted, confidences = probabilities.argmax(axis=1), probabilities.max(axis=1)
    in_scope = targets < len(labels)
    correct = predicted == targets  # never so for an out-of-scope row: answering one is an error
    thresholds = np.array([calibration.thresholds[label] for label in labels])
    automated = (confidences >= thresholds[predicted]) & (scores <= calibration.out_of_scope_threshold)
    results = _intent_results(labels, targets, predicted, automated)

    metrics = {
        "rows": float(len(targets)),
        "accuracy": _mean(correct[in_scope]),
        "macro_f1": _mean(np.array([_f1(result.precision, result.recall) for result in results])),
        # Over all rows: what a confidence promises must hold for whatever comes in.
        "ece": expected_calibration_error(confidences, correct),
        "nll": float(-log_probabilities[np.arange(len(targets)), targets].mean()),
        "automated": _mean(automated[in_scope]),
        "automated_precision": _mean(correct[automated]),
    }
    for precision in _PRECISIONS:
        name = f"coverage_at_{round(precision * 100)}"
        metrics[name] = coverage_at_precision(confidences, correct, in_scope, precision)
    if not in_scope.all():
        metrics |= _out_of_scope_metrics(scores, in_scope, calibration.out_of_scope_threshold)
    return Evaluation(
        metrics={name: round(value, 6) for name, value in metrics.items()},
        intents=tuple(sorted(results, key=lambda result: result.recall)),
        confusions=_confusions(labels, targets, predicted, scores > calibration.out_of_scope_threshold),
    )


def expected_calibration_error(confidences: Floats, correct: NDArray[np.bool_]) -> float:
    """Return the mean gap between confidence and accuracy over 15 bins of equal width, weighted by their rows."""
    bins = np.minimum((confidences * _BINS).astype(int), _BINS - 1)
    gaps = [
        abs(float(confidences[bins == number].mean()) - float(correct[bins == number].mean())) * (bins == number).sum()
        for number in np.unique(bins)
    ]
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


def _out_of_scope_metrics(scores: Floats, in_scope: NDArray[np.bool_], threshold: float) -> dict[str, float]:
    known, foreign = scores[in_scope], scores[~in_scope]
    return {
        "oos_auroc": roc_auc(known, foreign),
        "oos_fpr95": _mean(known > np.quantile(foreign, 0.05, method="lower")),
        "oos_detected": _mean(foreign > threshold),
        "oos_false_rejections": _mean(known > threshold),
    }


def _intent_results(
    labels: Sequence[str], targets: Ints, predicted: Ints, automated: NDArray[np.bool_]
) -> list[IntentResult]:
    results = []
    in_scope = targets < len(labels)
    for column, label in enumerate(labels):
        mine, called = targets == column, predicted == column
        hits = mine & called
        answered = called & automated
        results.append(
            IntentResult(
                intent=label,
                rows=int(mine.sum()),
                precision=_ratio(hits.sum(), (called & in_scope).sum()),
                recall=_ratio(hits.sum(), mine.sum()),
                automated=_ratio((hits & automated).sum(), mine.sum()),
                automated_precision=_ratio((hits & automated).sum(), answered.sum()),
            )
        )
    return results


def _confusions(
    labels: Sequence[str], targets: Ints, predicted: Ints, rejected: NDArray[np.bool_]
) -> tuple[tuple[str, str, int], ...]:
    names = [*labels, OUT_OF_SCOPE]
    called = np.where(rejected, len(labels), predicted)
    wrong = Counter((names[true], names[guess]) for true, guess in zip(targets, called, strict=True) if true != guess)
    return tuple((true, guess, count) for (true, guess), count in wrong.most_common(12))


def _mean(values: NDArray[np.bool_] | Floats) -> float:
    return float(values.mean()) if len(values) else 0.0


def _ratio(part: np.integer, whole: np.integer) -> float:
    return float(part / whole) if whole else 0.0


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
