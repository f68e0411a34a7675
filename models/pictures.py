"""Three pictures of an evaluation: is confidence honest, what does answering more cost, what is taken for what."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from helpdesk.corrections import OUT_OF_SCOPE
from models.calibrate import Floats
from models.evaluate import Evaluation
from models.picture_style import COLOURS, INK, MUTED, PALE, Picture, drawing, finished, new_figure, percent_axis
from models.row_scores import BINS, PRECISIONS, reliability, risk_coverage

RELIABILITY, RISK_COVERAGE, CONFUSIONS = "reliability.png", "risk_coverage.png", "confusions.png"
_PANEL = 5.4
_RISKS = (0.06, 0.1, 0.2, 0.4, 1.0)
_POINTS = 1_000
_ROOM = 0.45
"""Share of the width that words need beside a dot."""
_PAIRS = 12
_NAME_CHARACTERS = 34
_Z = 1.96


def pictures(evaluations: Mapping[str, Evaluation]) -> dict[str, Picture]:
    """Return the pictures, by file name, of one or two evaluations on the same rows.

    Args:
        evaluations: by the model's version, which may be empty where there is one; each has a panel of its own.
    """
    with drawing():
        return {
            RELIABILITY: _reliability(evaluations),
            RISK_COVERAGE: _risk_coverage(evaluations),
            CONFUSIONS: _confusions(evaluations),
        }


def _reliability(evaluations: Mapping[str, Evaluation]) -> Picture:
    figure = new_figure("Reliability", width=_PANEL * len(evaluations), height=5.6)
    panels = figure.subplots(
        2, len(evaluations), sharex=True, sharey="row", squeeze=False, gridspec_kw={"height_ratios": (4, 1)}
    )
    for (upper, lower), colour, (name, found) in zip(panels.T, COLOURS, evaluations.items(), strict=False):
        upper.set_title(_panel_title(name, found), pad=8)
        bins = reliability(found.rows.confidences, found.rows.correct)
        _draw_bins(upper, bins, found.metrics["ece"], colour)
        _draw_counts(lower, bins, colour)
        lower.set_xlabel("confidence")
    panels[0, 0].set_ylabel("share that is right")
    panels[1, 0].set_ylabel("tickets in bin", rotation=0, ha="right", va="center")
    said = _said(evaluations, lambda found: f"ECE {100 * found.metrics['ece']:.2f} %")
    return finished(
        figure,
        f"Share of right answers by confidence, in {BINS} bins, with 95 % intervals and tickets per bin. {said}.",
    )


def _draw_bins(axis: Axes, bins: Sequence[tuple[float, float, int]], ece: float, colour: str) -> None:
    axis.plot([0, 1], [0, 1], color=PALE, linewidth=1.2, zorder=1)
    means, shares = [mean for mean, *_ in bins], [share for _, share, _ in bins]
    total = sum(rows for *_, rows in bins)
    lows, highs = zip(*(_interval(share, rows) for _, share, rows in bins), strict=True)
    axis.vlines(means, lows, highs, color=colour, alpha=0.4, linewidth=1.2, zorder=2)
    axis.vlines(means, means, shares, color=colour, alpha=0.25, linewidth=6, zorder=2)  # what calibration lacks
    areas = [22 + 240 * rows / total for *_, rows in bins]
    axis.scatter(means, shares, s=areas, color=colour, edgecolor="white", linewidth=0.8, zorder=3, clip_on=False)
    axis.text(0.03, 0.97, f"ECE {100 * ece:.2f} %", transform=axis.transAxes, va="top", fontsize=17, color=colour)
    axis.text(
        0.03, 0.875, "expected calibration error: mean gap\nto the grey line, as right as confident",
        transform=axis.transAxes, va="top", fontsize=8, color=MUTED,
    )  # fmt: skip
    axis.set(xlim=(0, 1.02), ylim=(0, 1.03))
    percent_axis(axis, x=True, y=True)
    axis.grid(visible=True)
    axis.set_axisbelow(True)


def _draw_counts(axis: Axes, bins: Sequence[tuple[float, float, int]], colour: str) -> None:
    numbers = [min(int(mean * BINS), BINS - 1) for mean, *_ in bins]
    bars = axis.bar(
        [(number + 0.5) / BINS for number in numbers], [rows for *_, rows in bins], 0.86 / BINS, color=colour
    )
    axis.bar_label(bars, [_short(rows) for *_, rows in bins], padding=2, fontsize=7.5, color=INK)
    axis.set_yticks([])
    axis.spines["left"].set_visible(False)
    axis.margins(y=0.28)


def _interval(share: float, rows: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of so many rows (Wilson 1927)."""
    middle, spread = share + _Z**2 / (2 * rows), _Z * math.sqrt(share * (1 - share) / rows + _Z**2 / (4 * rows**2))
    return (middle - spread) / (1 + _Z**2 / rows), (middle + spread) / (1 + _Z**2 / rows)


def _risk_coverage(evaluations: Mapping[str, Evaluation]) -> Picture:
    curves = {name: _curve(found) for name, found in evaluations.items()}
    figure = new_figure("Risk and coverage", width=_PANEL * len(evaluations), height=4.6)
    panels = figure.subplots(1, len(evaluations), sharey=True, squeeze=False)[0]
    top = max(_top(found, curves[name]) for name, found in evaluations.items())
    for axis, colour, (name, found) in zip(panels, COLOURS, evaluations.items(), strict=False):
        axis.set_title(_panel_title(name, found), pad=8)
        _draw_precisions(axis, found, colour, apart=top == _RISKS[0])
        axis.text(
            0.94, 0.985, f"all answered: {100 * curves[name][-1, 1]:.1f} % wrong", transform=axis.transAxes,
            ha="right", va="top", fontsize=8, color=MUTED,
        )  # fmt: skip
        for other, curve in curves.items():
            mine = other == name
            axis.plot(*curve.T, color=colour if mine else PALE, linewidth=2 if mine else 1.4, zorder=3 if mine else 2)
        axis.fill_between(*curves[name].T, color=colour, alpha=0.08, linewidth=0)
        axis.set(xlim=(0, 1.01), ylim=(0, top), xlabel="in-scope tickets answered, the surest first")
        percent_axis(axis, x=True, y=True)
        for other in curves.keys() - {name}:
            axis.text(0.02, 0.96, f"grey: {other}", transform=axis.transAxes, va="top", fontsize=8, color=MUTED)
    panels[0].set_ylabel("wrong, or out of scope, among all answers")
    said = _said(
        evaluations,
        lambda found: ", ".join(
            f"{100 * found.metrics[_coverage(precision)]:.1f} % at {_percent(precision)} precision"
            for precision in PRECISIONS
        ),
    )
    return finished(figure, f"Share of wrong answers by share of in-scope tickets answered. Answered: {said}.")


def _curve(evaluation: Evaluation) -> Floats:
    """Return a curve of (coverage, risk), thinned; its first hundredth is left out: a share of three says nothing."""
    rows = evaluation.rows
    curve = np.array(risk_coverage(rows.confidences, rows.correct, rows.targets < len(evaluation.intents)))
    chosen = np.unique(np.linspace(len(curve) // 100, len(curve) - 1, _POINTS).astype(int))
    thinned: Floats = curve[chosen]
    return thinned


def _top(evaluation: Evaluation, curve: Floats) -> float:
    """Return the highest risk to show: where decisions are made, unless the model never gets there."""
    if evaluation.metrics[_coverage(min(PRECISIONS))] > 0:
        return _RISKS[0]
    return next(risk for risk in _RISKS if risk >= curve[:, 1].max())


def _draw_precisions(axis: Axes, found: Evaluation, colour: str, *, apart: bool) -> None:
    """Mark how much can be answered at each precision.

    Args:
        apart: whether there is room for words at each; else they stand together.
    """
    reached = [(precision, found.metrics[_coverage(precision)]) for precision in PRECISIONS]
    for precision, coverage in reached:
        risk = 1 - precision
        axis.axhline(risk, color=PALE, linewidth=1, linestyle=(0, (1, 2)), zorder=1)
        if coverage:
            axis.plot([coverage], [risk], "o", color=colour, markeredgecolor="white", markersize=7, zorder=4)
        if apart:
            _write(axis, f"{_percent(precision)} precision", 0.02, risk, color=MUTED)
            right = coverage > _ROOM
            _write(
                axis, f"{100 * coverage:.1f} % answered" if coverage else "not reached", coverage or 0.25, risk,
                offset=-9 if right else 9, ha="right" if right else "left", color=colour, weight="bold",
            )  # fmt: skip
    if not apart:
        said = ", ".join(f"{100 * coverage:.1f}" for _, coverage in reached)
        precisions = ", ".join(f"{100 * precision:.0f}" for precision, _ in reached)
        _write(axis, f"at {precisions} % precision: {said} % answered", 0.02, 1 - min(PRECISIONS), color=colour)


def _write(
    axis: Axes,
    words: str,
    x: float,
    y: float,
    *,
    color: str,
    offset: float = 0,
    ha: str = "left",
    weight: str = "normal",
) -> None:
    """Write a few words just above a point."""
    axis.annotate(
        words,
        (x, y),
        (offset, 3),
        textcoords="offset points",
        ha=ha,
        color=color,
        fontsize=8.5,
        weight=weight,
        zorder=5,
    )


def _confusions(evaluations: Mapping[str, Evaluation]) -> Picture:
    counted = [{(true, guess): count for true, guess, count in found.confusions} for found in evaluations.values()]
    most = {pair: max(counts.get(pair, 0) for counts in counted) for counts in counted for pair in counts}
    pairs = sorted(most, key=lambda pair: (-most[pair], pair))[:_PAIRS]
    figure = new_figure(
        "Most frequent confusions", width=3.4 + 3.4 * len(evaluations), height=1.1 + 0.3 * max(len(pairs), 2)
    )
    panels = figure.subplots(1, len(evaluations), sharey=True, sharex=True, squeeze=False)[0]
    for axis, colour, counts, (name, found) in zip(panels, COLOURS, counted, evaluations.items(), strict=False):
        axis.set_title(_panel_title(name, found), pad=8)
        _draw_pairs(axis, pairs, counts, _rows_of(found), colour)
    said = "; ".join(
        f"{true} → {guess}: {' and '.join(str(counts.get((true, guess), 0)) for counts in counted)}"
        for true, guess in pairs
    )
    return finished(figure, f"Tickets of one intent that were taken for another. {said or 'There are none'}.")


def _draw_pairs(
    axis: Axes,
    pairs: Sequence[tuple[str, str]],
    counts: Mapping[tuple[str, str], int],
    rows: Mapping[str, int],
    colour: str,
) -> None:
    values = [counts.get(pair, 0) for pair in pairs]
    bars = axis.barh(range(len(pairs)), values, 0.62, color=colour)
    labels = [f"{value} of {rows.get(true, 0)}" for value, (true, _) in zip(values, pairs, strict=True)]
    axis.bar_label(bars, labels, padding=4, fontsize=8, color=INK)
    axis.set_yticks(range(len(pairs)), [f"{_cut(true)}  →  {_cut(guess)}" for true, guess in pairs])
    axis.set_ylim(max(len(pairs), 1) - 0.4, -0.6)  # the most frequent at the top
    axis.tick_params(length=0)
    axis.tick_params(axis="y", labelcolor=INK, labelsize=8.5)
    axis.set_xticks([])
    axis.spines["bottom"].set_visible(False)
    axis.margins(x=0.3)
    if not pairs:
        axis.text(0.5, 0.5, "none", transform=axis.transAxes, ha="center", color=MUTED)


def _rows_of(evaluation: Evaluation) -> dict[str, int]:
    """Return how many tickets each intent has, out-of-scope included."""
    known = {result.intent: result.rows for result in evaluation.intents}
    return {OUT_OF_SCOPE: len(evaluation.rows.targets) - sum(known.values()), **known}


def _panel_title(name: str, evaluation: Evaluation) -> str:
    rows = f"{len(evaluation.rows.targets):,} held-out tickets"
    return f"{name}: {rows}" if name else rows


def _said(evaluations: Mapping[str, Evaluation], say: Callable[[Evaluation], str]) -> str:
    return "; ".join(f"{name}: {say(found)}" if name else say(found) for name, found in evaluations.items())


def _coverage(precision: float) -> str:
    return f"coverage_at_{round(100 * precision)}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _short(rows: int) -> str:
    return f"{rows / 1000:.0f}k" if rows >= 10_000 else str(rows)


def _cut(name: str) -> str:
    return name if len(name) <= _NAME_CHARACTERS else f"{name[: _NAME_CHARACTERS - 1]}…"
