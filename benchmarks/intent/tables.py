"""The intent benchmark's tables: one per corpus, with every model side by side, and one for serving."""

from collections.abc import Callable, Sequence

from benchmarks.figures import number, spread
from benchmarks.intent.measures import Sample
from benchmarks.intent.serving import ServingSample
from benchmarks.report import Table

_NAMES = {"banking77": "BANKING77, official test", "clinc150": "CLINC150, official test", "ours": "Our 27 intents"}


def accuracy_tables(samples: Sequence[Sample]) -> list[Table]:
    """Return a table per corpus: medians over seeds, with least and greatest where they differ."""
    return [
        _accuracy(name, [sample for sample in samples if sample.corpus == name])
        for name in dict.fromkeys(sample.corpus for sample in samples)
    ]


def _accuracy(corpus: str, samples: Sequence[Sample]) -> Table:
    columns = ["percent", "accuracy", "ECE", "coverage at 98 %", "typos in 25 %"]
    has_foreign = samples[0].oos_auroc is not None
    if has_foreign:
        columns += ["OOS AUROC", "OOS recall", "at false rejections"]
    columns += ["training, s", "ms per text"]
    rows = []
    for model in dict.fromkeys(sample.model for sample in samples):
        own = [sample for sample in samples if sample.model == model]
        row = [
            model,
            _percent(own, lambda sample: sample.accuracy),
            _percent(own, lambda sample: sample.ece),
            _percent(own, lambda sample: sample.coverage_98),
            _percent(own, lambda sample: sample.typos),
        ]
        if has_foreign:
            row += [
                _percent(own, lambda sample: sample.oos_auroc or 0.0),
                _percent(own, lambda sample: sample.oos_recall or 0.0),
                _percent(own, lambda sample: sample.false_rejections or 0.0),
            ]
        row += [_spread(own, lambda sample: sample.train_s), _spread(own, lambda sample: sample.ms_per_text)]
        rows.append(row)
    seeds = len({sample.seed for sample in samples})
    notes = [
        f"Medians over {seeds} seeds (least–greatest). The seed draws BANKING77's validation rows as well.",
        "Every model is trained on the training rows, and its settings, temperature and thresholds are chosen on "
        "validation rows; test rows are read once per model and seed.",
        "ECE: 15 bins of equal width over in-scope test rows. Typos: one slip in a quarter of the words of 3 letters "
        "or more, the same for all models.",
        "Coverage: in-scope test rows that one threshold answers with 98 % of the answers right.",
    ]
    if has_foreign:
        notes.append(
            "Out of scope (OOS): ours by the largest logit and a share of the out-of-scope column, which has seen the "
            "out-of-scope rows that the corpus has for training; peers by their largest logit. Recall at the "
            "threshold that rejects 3 % of in-scope validation rows."
        )
    return Table(_NAMES[corpus], columns, rows, notes)


def serving_table(samples: Sequence[ServingSample]) -> Table:
    """Return latency, rate and memory of the prediction service around each model."""
    levels = sorted({sample.clients for sample in samples})
    loads = [f"{level} client{'s' * (level > 1)}: p50 / p99 ms, per s" for level in levels]
    columns = ["POST /predict", *loads, "memory"]
    rows = []
    for service in dict.fromkeys(sample.service for sample in samples):
        own = [sample for sample in samples if sample.service == service]
        row = [service]
        for level in levels:
            at_level = [sample for sample in own if sample.clients == level]
            p50, p99, per_s = (
                number(spread([getattr(sample, figure) for sample in at_level]).median)
                for figure in ("p50_ms", "p99_ms", "per_s")
            )
            row.append(f"{p50} / {p99}, {per_s}")
        row.append(f"{max(sample.rss_mib for sample in own):.0f} MiB")
        rows.append(row)
    notes = (
        "The same service around either model: authentication, batching, sentiment and language check included.",
        "In shadow: a copy of the same model reads along. Switched: every 2 s another version is loaded, tried and put "
        "in the place of the one that serves; no request was refused or lost, or there would be no table.",
        "Bodies: test texts of our own data. The load generator shares the machine.",
    )
    return Table("Serving", columns, rows, notes)


def _percent(samples: Sequence[Sample], of: Callable[[Sample], float]) -> str:
    found = spread([of(sample) * 100 for sample in samples])
    return f"{found.median:.2f}" + (f" ({found.low:.2f}–{found.high:.2f})" if found.high > found.low else "")


def _spread(samples: Sequence[Sample], of: Callable[[Sample], float]) -> str:
    found = spread([of(sample) for sample in samples])
    return f"{number(found.median)} ({number(found.low)}–{number(found.high)})"
