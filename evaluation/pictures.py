"""Three pictures of an evaluation: what became of the questions, what the answers are worth, and both by intent."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from evaluation.questions import Coverage
from evaluation.results import Results
from helpdesk.decisions import Outcome
from helpdesk.ports.judge import Relevance
from models.picture_style import COLOURS, INK, MUTED, PALE, Picture, drawing, finished, new_figure, percent_axis

_OUTCOMES = {Outcome.ANSWER: COLOURS[0], Outcome.DRAFT: "#56b4e9", Outcome.ROUTE: PALE}
_LABELS = {Relevance.RELEVANT: "#009e73", Relevance.PARTLY_RELEVANT: "#e69f00", Relevance.NON_RELEVANT: COLOURS[1]}
_OTHER = "#cc79a7"
_WIDTH = 9.6


def pictures(runs: Mapping[str, Results]) -> list[Picture]:
    """Return the pictures of one or more runs on the same questions, by name."""
    with drawing():
        return [_outcomes(runs), _labels(runs), *(_intents(name, run) for name, run in runs.items())]


def _outcomes(runs: Mapping[str, Results]) -> Picture:
    rows = [(name, coverage) for coverage in Coverage for name in runs]
    figure = new_figure("What becomes of a question", width=_WIDTH, height=1.5 + 0.45 * len(rows))
    axis = figure.subplots()
    names = [f"{coverage.value}\n{name}" if len(runs) > 1 else coverage.value for name, coverage in rows]
    kinds = list(Outcome)
    values = {
        outcome.value: [runs[name].outcomes[coverage][outcome].value for name, coverage in rows] for outcome in kinds
    }
    _stacked(axis, names, values, {outcome.value: _OUTCOMES.get(outcome, _OTHER) for outcome in kinds})
    said = "; ".join(
        f"{name}, {coverage.value}: {runs[name].outcomes[coverage][Outcome.ANSWER].value:.0%} answered"
        for name, coverage in rows
    )
    return finished(figure, f"Share of questions answered, drafted and routed, by what the articles cover. {said}.")


def _labels(runs: Mapping[str, Results]) -> Picture:
    judge = next(iter(runs.values())).judge
    figure = new_figure("What the sent answers are worth", width=_WIDTH, height=1.6 + 0.5 * len(runs))
    axis = figure.subplots()
    axis.set_title(f"judge: {judge}", pad=8)
    values = {label.value: [run.sent[label].value for run in runs.values()] for label in Relevance}
    _stacked(axis, list(runs), values, {label.value: colour for label, colour in _LABELS.items()})
    for place, run in enumerate(runs.values()):
        found = run.sent[Relevance.RELEVANT]
        axis.hlines(place + 0.42, found.low, found.high, color=INK, linewidth=1.4)
    said = "; ".join(f"{name}: {run.sent[Relevance.RELEVANT].value:.1%}" for name, run in runs.items())
    return finished(
        figure, f"Labels of the sent answers by the judge {judge}, with the 95 % interval of RELEVANT. {said}."
    )


def _intents(name: str, run: Results) -> Picture:
    rows = [row for row in run.intents if row.asked]
    figure = new_figure(f"By intent: {name}", width=_WIDTH, height=1.4 + 0.27 * len(rows))
    axis = figure.subplots()
    values: dict[str, list[float]] = {"sent, RELEVANT": [row.relevant / row.asked for row in rows]}
    values["sent, other"] = [(row.outcomes.get(Outcome.ANSWER, 0) - row.relevant) / row.asked for row in rows]
    colours = {"sent, RELEVANT": _LABELS[Relevance.RELEVANT], "sent, other": _LABELS[Relevance.NON_RELEVANT]}
    for outcome in Outcome:
        if outcome is not Outcome.ANSWER:
            values[outcome.value] = [row.outcomes.get(outcome, 0) / row.asked for row in rows]
            colours[outcome.value] = _OUTCOMES.get(outcome, _OTHER)
    _stacked(axis, [f"{row.intent} ({row.asked})" for row in rows], values, colours, labelled=False)
    return finished(figure, f"What became of the questions that an article answers, by intent, with {name}.")


def _stacked(
    axis: Axes,
    names: Sequence[str],
    values: Mapping[str, Sequence[float]],
    colours: Mapping[str, str],
    *,
    labelled: bool = True,
) -> None:
    """Draw one bar per name, made of shares that add up to at most one."""
    places = range(len(names))
    starts = [0.0] * len(names)
    for kind, shares in values.items():
        bars = axis.barh(places, shares, left=starts, height=0.7, color=colours[kind], label=kind)
        if labelled:
            texts = [f"{100 * one:.0f}" if one >= 0.04 else "" for one in shares]
            axis.bar_label(bars, texts, label_type="center", fontsize=8, color=INK)
        starts = [start + one for start, one in zip(starts, shares, strict=True)]
    axis.set_yticks(list(places), list(names))
    axis.invert_yaxis()
    axis.set_xlim(0, 1)
    percent_axis(axis, x=True)
    axis.legend(loc="upper left", bbox_to_anchor=(0, -0.14), ncols=len(values), frameon=False, labelcolor=MUTED)
