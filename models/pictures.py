"""Three pictures of an evaluation: is confidence honest, what does answering more cost, what is taken for what."""

import math
from collections.abc import Mapping, Sequence

from models.evaluate import Evaluation
from models.row_scores import reliability, risk_coverage
from models.svg_chart import Chart, bar_chart

RELIABILITY, RISK_COVERAGE, CONFUSIONS = "reliability.svg", "risk_coverage.svg", "confusions.svg"
_TARGET_RISK = 0.02
_POINTS = 240
_PAIRS = 12
_Z = 1.96


def pictures(evaluations: Mapping[str, Evaluation]) -> dict[str, str]:
    """Return the pictures as SVG, by file name, of one or two evaluations on the same rows, by model version."""
    return {
        RELIABILITY: _reliability(evaluations),
        RISK_COVERAGE: _risk_coverage(evaluations),
        CONFUSIONS: _confusions(evaluations),
    }


def _reliability(evaluations: Mapping[str, Evaluation]) -> str:
    eces = "; ".join(f"{name}: ECE {100 * found.metrics['ece']:.2f} %" for name, found in evaluations.items())
    chart = Chart(
        "Reliability",
        "Share of right answers by confidence, in bins; the larger a dot, the more tickets; a whisker is the 95 % "
        f"interval of so few rows. {eces}.",
        x_label="confidence",
        y_label="share that is right",
    )
    chart.guide((0, 0), (1, 1), "dotted: as right as confident")
    for name, evaluation in evaluations.items():
        bins = reliability(evaluation.rows.confidences, evaluation.rows.correct)
        total = sum(rows for *_, rows in bins)
        chart.series(
            name,
            [(mean, right) for mean, right, _ in bins],
            areas=[rows / total for *_, rows in bins],
            ranges=[_interval(right, rows) for _, right, rows in bins],
        )
    return chart.svg()


def _interval(share: float, rows: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of so many rows (Wilson 1927)."""
    middle, spread = share + _Z**2 / (2 * rows), _Z * math.sqrt(share * (1 - share) / rows + _Z**2 / (4 * rows**2))
    return (middle - spread) / (1 + _Z**2 / rows), (middle + spread) / (1 + _Z**2 / rows)


def _risk_coverage(evaluations: Mapping[str, Evaluation]) -> str:
    curves = {
        name: _thinned(risk_coverage(found.rows.confidences, found.rows.correct)) for name, found in evaluations.items()
    }
    highest = max(risk for curve in curves.values() for _, risk in curve)
    top = next((step for step in (0.05, 0.1, 0.2, 0.3, 0.5) if step >= highest), 1.0)
    shares = "; ".join(
        f"{name} answers {100 * found.metrics['coverage_at_98']:.1f} % of in-scope tickets at 98 % precision"
        for name, found in evaluations.items()
    )
    chart = Chart(
        "Risk and coverage",
        f"Share of wrong answers against the share of tickets answered, the surest first. {shares}.",
        x_label="tickets answered",
        y_label="wrong, or out of scope, among them",
        y_range=(0.0, top),
    )
    chart.guide((0, _TARGET_RISK), (1, _TARGET_RISK), "dotted: 2 %, what a precision of 98 % allows")
    for name, curve in curves.items():
        chart.series(name, curve)
    return chart.svg()


def _confusions(evaluations: Mapping[str, Evaluation]) -> str:
    counted = [{(true, guess): count for true, guess, count in found.confusions} for found in evaluations.values()]
    pairs = sorted({pair for counts in counted for pair in counts}, key=lambda pair: _most(pair, counted))[:_PAIRS]
    rows = [(f"{true} → {guess}", [counts.get((true, guess), 0) for counts in counted]) for true, guess in pairs]
    said = "; ".join(f"{label}: {' and '.join(map(str, counts))}" for label, counts in rows)
    description = f"Tickets of one intent that were taken for another. {said or 'There are none'}."
    return bar_chart("Most frequent confusions", description, list(evaluations), rows)


def _most(pair: tuple[str, str], counted: Sequence[Mapping[tuple[str, str], int]]) -> tuple[int, tuple[str, str]]:
    return -max(counts.get(pair, 0) for counts in counted), pair


def _thinned(curve: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return fewer points, and none of the first hundredth: a share of three tickets says nothing."""
    first = max(1, len(curve) // 100)
    return [*curve[first - 1 :: max(1, len(curve) // _POINTS)], curve[-1]]
