"""What `helpdesk drift` shows: the measures with their verdicts, what moved most, and confidence side by side."""

from collections.abc import Iterator, Sequence

from rich.bar import Bar
from rich.console import Console
from rich.text import Text

from cli.console import program, table
from cli.window import Window
from models.drift import Drift, Measure, MeasureName, Share, Verdict
from models.prediction_profile import WindowProfile

LABELS_SHOWN, LANGUAGES_SHOWN = 6, 4
BAR_WIDTH = 24
NAMES = {
    MeasureName.CONFIDENCE: "confidence",
    MeasureName.OUT_OF_SCOPE: "out of scope",
    MeasureName.LABELS: "labels",
    MeasureName.LANGUAGES: "languages",
}
VERDICTS = {
    Verdict.STABLE: ("stable", "green"),
    Verdict.MODERATE: ("moderate", "yellow"),
    Verdict.DRIFT: ("drift", "bold red"),
    Verdict.TOO_FEW: ("too few to tell", "bright_black"),
    Verdict.NOT_JUDGED: ("not judged", "bright_black"),
}
_SCALE = (
    "PSI from 0.1: moderate; from 0.25: drift; both only where it is beyond luck, the index that two samples of these "
    "sizes reach although nothing has changed."
)
_TRAINING = (
    "Training stands for its held-out rows. Nobody mixed their labels as customers do: shares of labels are shown and "
    "not judged, confidence is compared at the window's own mix of labels, fewer out-of-scope tickets are no drift. "
    "Whether traffic itself has changed: {program} drift --against 30d..7d"
)
_EARLIER = "Confidence is compared at the window's own mix of labels, so that new shares of labels count once."


def print_drift(
    console: Console,
    drift: Drift,
    *,
    version: str,
    window: Window,
    earlier: Window | None,
    left_out: Sequence[WindowProfile],
) -> None:
    """Print the comparison, at 80 columns or more."""
    name = "training" if earlier is None else "before"
    beside = f"{name}, {drift.reference_tickets:,} held-out rows"
    if earlier is not None:
        beside = f"{name}, {drift.reference_tickets:,} tickets, {earlier}"
    console.print(Text.assemble((version, "bold"), f": {drift.tickets:,} tickets, {window}\nagainst {beside}"))
    for place, profile in zip(("in the window", "before"), left_out, strict=False):
        if line := left_out_line(profile):
            console.print(f"[bright_black]{line} {place}[/]", soft_wrap=True)
    console.print()
    _print_measures(console, drift, name)
    _print_labels(console, drift.labels, name)
    _print_languages(console, drift.languages, name)
    _print_confidence(console, drift, name)
    console.print(_conclusion(drift))
    note = _TRAINING.format(program=program()) if earlier is None else _EARLIER
    console.print(Text(f"{_SCALE} {note}", "bright_black"))


def left_out_line(profile: WindowProfile) -> str:
    """Return which decisions of a span do not count; empty where all do."""
    parts = [f"{count:,} by {version}" for version, count in profile.other_versions.items()]
    if profile.without_prediction:
        parts.append(f"{profile.without_prediction:,} without a prediction")
    return f"left out: {', '.join(parts)}" if parts else ""


def _print_measures(console: Console, drift: Drift, name: str) -> None:
    values = dict(_values(drift))
    measures = table("measure", "window", name, "PSI", "luck below", "verdict")
    for measure in drift.measures:
        index, luck = (f"{number:.3f}" if number is not None else "" for number in (measure.psi, measure.luck))
        measures.add_row(NAMES[measure.name], *values[measure.name], index, luck, Text(*VERDICTS[measure.verdict]))
    console.print(measures)


def _values(drift: Drift) -> Iterator[tuple[MeasureName, tuple[str, str]]]:
    means = (f"mean {mean:.3f}" for mean in drift.mean_confidence) if drift.mean_confidence else ("", "")
    one, other = means
    if drift.unmatched:
        one = f"{one} ({drift.unmatched:,} unmatched)"
    yield MeasureName.CONFIDENCE, (one, other)
    scope = drift.out_of_scope
    yield MeasureName.OUT_OF_SCOPE, (f"{_percent(scope.window)} ({_interval(scope)})", _percent(scope.reference))
    seen = [sum(getattr(share, side) > 0 for share in drift.labels) for side in ("window", "reference")]
    yield MeasureName.LABELS, (f"{seen[0]} labels", f"{seen[1]} labels")
    most = max(drift.languages, key=lambda share: share.reference)
    spoken = most.name or "undetermined"
    yield MeasureName.LANGUAGES, (f"{spoken} {_percent(most.window)}", f"{spoken} {_percent(most.reference)}")


def _print_labels(console: Console, labels: Sequence[Share], name: str) -> None:
    if not labels:
        return
    moved = table("label", "window", "95 % interval", name, "change", title="[bold]labels that moved most[/]")
    for share in labels[:LABELS_SHOWN]:
        change = f"{100 * share.change:+.1f} points"
        moved.add_row(share.name, _percent(share.window), _interval(share), _percent(share.reference), change)
    for column in moved.columns[1:]:
        column.justify = "right"
    console.print(moved)


def _print_languages(console: Console, languages: Sequence[Share], name: str) -> None:
    most = sorted(languages, key=lambda share: (-share.window, -share.reference))[:LANGUAGES_SHOWN]
    told = (
        f"{share.name or 'undetermined'} {_percent(share.window)} ({name} {_percent(share.reference)})"
        for share in most
    )
    console.print(Text.assemble(("languages  ", "bold"), ", ".join(told)))
    console.print()


def _print_confidence(console: Console, drift: Drift, name: str) -> None:
    if not drift.confidence:
        return
    bars = table("up to", "", "window", "", f"{name}, at the window's mix", title="[bold]confidence[/]")
    largest = max(max(item.window, item.reference) for item in drift.confidence)
    for item in drift.confidence:
        cells = (
            cell
            for share, color in ((item.window, "cyan"), (item.reference, "bright_black"))
            for cell in (_percent(share), Bar(largest, 0, share, width=BAR_WIDTH, color=color))
        )
        bars.add_row(f"{item.upper:.2f}", *cells)
    for column in bars.columns[1::2]:
        column.justify = "right"
    console.print(bars)


def _conclusion(drift: Drift) -> Text:
    def named(verdict: Verdict) -> str:
        return ", ".join(NAMES[measure.name] for measure in _of(drift.measures, verdict))

    if drift.drifted:
        return Text(f"Drift: {named(Verdict.DRIFT)}.", "bold red")
    if found := named(Verdict.MODERATE):
        return Text(f"No drift, but a moderate shift: {found}.", "yellow")
    if unknown := named(Verdict.TOO_FEW):
        return Text(f"No drift found; too few tickets to tell: {unknown}.", "yellow")
    return Text("No drift.", "green")


def _of(measures: Sequence[Measure], verdict: Verdict) -> list[Measure]:
    return [measure for measure in measures if measure.verdict is verdict]


def _percent(share: float) -> str:
    return f"{share:.1%}"


def _interval(share: Share) -> str:
    return f"{share.low:.1%} to {share.high:.1%}"
