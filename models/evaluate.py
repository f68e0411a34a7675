"""Evaluation: what a model gets right, how honest its confidence is, how much it may answer at a precision."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from helpdesk.corrections import OUT_OF_SCOPE
from helpdesk.errors import InvalidData
from models.artifact import Artifact
from models.calibrate import Calibration, Floats, Ints
from models.dataset import LabelledTicket, load_held_out
from models.loading import load_cascade
from models.preprocess import readable
from models.row_scores import RowScores, mean, metrics_of, score_rows

METRICS = {
    "accuracy": "in-scope tickets whose intent is right",
    "macro_f1": "the same, each intent that occurs counting alike (F1)",
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
        confusions: every (true, predicted, count) of wrong ones, the most frequent first, out-of-scope included.
        rows: what they were computed from.
    """

    metrics: dict[str, float]
    intents: tuple[IntentResult, ...]
    confusions: tuple[tuple[str, str, int], ...]
    rows: RowScores = field(compare=False, repr=False)


def evaluate(artifact: Artifact, data_path: Path, *, encoder_dir: Path, split: str = "test") -> Evaluation:
    """Evaluate an artifact on one split of a data file, see ``evaluate_tickets``."""
    return evaluate_tickets(artifact, load_held_out(data_path, split=split), encoder_dir=encoder_dir)


def evaluate_tickets(artifact: Artifact, tickets: Sequence[LabelledTicket], *, encoder_dir: Path) -> Evaluation:
    """Evaluate an artifact, through the very cascade that serves, on labelled tickets.

    Raises:
        InvalidData: the model does not know one of the intents.
        ModelUnavailable: the artifact cannot be loaded.
    """
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
    rows = score_rows(logits, targets, calibration.out_of_scope_weight)
    in_scope = targets < len(labels)
    thresholds = np.array([calibration.thresholds[label] for label in labels])
    rejected = rows.foreignness > calibration.out_of_scope_threshold
    automated = (rows.confidences >= thresholds[rows.predicted]) & ~rejected
    metrics = {
        "rows": float(len(targets)),
        **metrics_of(rows, len(labels)),
        "automated": mean(automated[in_scope]),
        "automated_precision": mean(rows.correct[automated]),
    }
    if in_scope.any() and not in_scope.all():
        metrics |= {"oos_detected": mean(rejected[~in_scope]), "oos_false_rejections": mean(rejected[in_scope])}
    results = _intent_results(labels, targets, rows.predicted, automated)
    return Evaluation(
        metrics={name: round(value, 6) for name, value in metrics.items()},
        intents=tuple(sorted(results, key=lambda result: result.recall)),
        confusions=_confusions(labels, targets, rows.predicted, rejected),
        rows=rows,
    )


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
    return tuple((true, guess, count) for (true, guess), count in wrong.most_common())


def _ratio(part: np.integer, whole: np.integer) -> float:
    return float(part / whole) if whole else 0.0
