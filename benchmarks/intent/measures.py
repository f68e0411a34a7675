"""What is measured of one trained model: the same figures, by the same code, for ours and for every peer."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.intent.corpora import Corpus, Row
from models.calibrate import MAX_FALSE_REJECTIONS, Floats, fit_temperature, log_softmax, roc_auc
from models.noise import with_typos
from models.row_scores import coverage_at_precision, expected_calibration_error

TYPO_SHARE = 0.25
TYPO_SEED = 25


@dataclass(frozen=True, slots=True)
class Scores:
    """A model's word on some texts: calibrated logits of the labels alone, and how foreign each text seems."""

    logits: Floats
    out_of_scope: Floats


Predict = Callable[[Sequence[str]], Scores]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One model on one corpus with one seed; shares between 0 and 1.

    Attributes:
        coverage_98: in-scope texts answered at 98 % precision, by the best threshold on the test rows.
        oos_recall: out-of-scope texts caught at the threshold that rejects 3 % of in-scope validation rows.
        false_rejections: in-scope test texts rejected at that threshold.
        ms_per_text: one text after the other, on one thread.
    """

    corpus: str
    model: str
    seed: int
    accuracy: float
    ece: float
    coverage_98: float
    typos: float
    train_s: float
    ms_per_text: float
    oos_auroc: float | None = None
    oos_recall: float | None = None
    false_rejections: float | None = None


def with_temperature(score: Callable[[Sequence[str]], Floats], corpus: Corpus) -> Predict:
    """Return a peer with one temperature from the validation rows; its largest logit tells what is out of scope."""
    validation = corpus.part("validation", in_scope=True)
    temperature = fit_temperature(score([row.text for row in validation]), _columns(corpus, validation))

    def predict(texts: Sequence[str]) -> Scores:
        logits = score(texts) / temperature
        return Scores(logits, -logits.max(axis=1))

    return predict


def measure(predict: Predict, corpus: Corpus, *, model: str, seed: int, train_s: float) -> Sample:
    """Measure a model on a corpus's test rows, which nothing was chosen by."""
    rows = corpus.part("test", in_scope=True)
    texts, truth = [row.text for row in rows], _columns(corpus, rows)
    began = time.perf_counter()
    scores = predict(texts)
    ms_per_text = (time.perf_counter() - began) / len(texts) * 1000
    confidences = np.exp(log_softmax(scores.logits)).max(axis=1)
    correct = scores.logits.argmax(axis=1) == truth
    mistyped = predict(with_typos(texts, share=TYPO_SHARE, seed=TYPO_SEED)).logits.argmax(axis=1) == truth
    foreign = [row.text for row in corpus.part("test", in_scope=False)]
    out_of_scope = {}
    if foreign:
        known_validation = predict([row.text for row in corpus.part("validation", in_scope=True)]).out_of_scope
        threshold = np.quantile(known_validation, 1 - MAX_FALSE_REJECTIONS, method="higher")
        found = predict(foreign).out_of_scope
        out_of_scope = {
            "oos_auroc": roc_auc(scores.out_of_scope, found),
            "oos_recall": float((found > threshold).mean()),
            "false_rejections": float((scores.out_of_scope > threshold).mean()),
        }
    return Sample(
        corpus=corpus.name,
        model=model,
        seed=seed,
        accuracy=float(correct.mean()),
        ece=expected_calibration_error(confidences, correct),
        coverage_98=coverage_at_precision(confidences, correct, np.ones(len(correct), dtype=bool), 0.98),
        typos=float(mistyped.mean()),
        train_s=train_s,
        ms_per_text=ms_per_text,
        **out_of_scope,
    )


def _columns(corpus: Corpus, rows: Sequence[Row]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    column = {label: number for number, label in enumerate(corpus.labels)}
    return np.array([column[row.intent] for row in rows], dtype=np.int64)
