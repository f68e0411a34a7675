"""`helpdesk drift`: whether the traffic of some days is still what the model was made for, or what it was before."""

from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import access
from cli.console import Json, print_json, program, stderr, stdout
from cli.window import Window, parse_moment, parse_window
from helpdesk.clock import utc_now

if TYPE_CHECKING:
    from models.drift import Drift
    from models.prediction_profile import PredictionProfile, WindowProfile

TRAINING = "training"
DRIFT_FOUND = 3


def drift(
    since: Annotated[str, typer.Option(help="Begin of the window: 7d, 12h, 2026-11-21, 2026-11-21T10:00:00Z.")] = "7d",
    until: Annotated[str, typer.Option(help="Its end, written likewise (default: now).")] = "",
    against: Annotated[
        str, typer.Option(help="What to compare with: training, or an earlier window as 30d..7d.")
    ] = TRAINING,
    model: Annotated[str, typer.Option(help="Version whose decisions count (default: the live one).")] = "",
    as_json: Json = False,
) -> None:
    """Compare the predictions of a window with training or earlier traffic; exit code 3 where there is drift."""
    now = utc_now()
    window = Window(parse_moment(since, now=now), parse_moment(until, now=now) if until else now)
    earlier = None if against == TRAINING else parse_window(against, now=now)
    if earlier is not None and earlier.overlaps(window):
        raise typer.BadParameter(f"--against {earlier} overlaps with the window, {window}")
    version = model or _live_version()
    reference = _training_profile(version) if earlier is None else None
    spans = [window] if earlier is None else [window, earlier]
    with stderr().status("reading decisions"):
        observed, *before = _profiles(spans, version)
    reference = reference or before[0].profile
    found = _compare(observed.profile, reference, from_training=earlier is None)
    if as_json:
        print_json(_document(version, window, earlier, observed, before, found))
    elif found is None:
        _say_what_to_do(version, window, earlier, observed, before)
    else:
        from cli.drift_view import print_drift

        print_drift(stdout(), found, version=version, window=window, earlier=earlier, left_out=[observed, *before])
    if found is not None and found.drifted:
        raise typer.Exit(DRIFT_FOUND)


def _live_version() -> str:
    from models.registry_file import RegistryFile

    settings = access.settings().model
    file = RegistryFile(settings.artifacts_dir)
    return settings.version or file.read().live or file.artifact().manifest.version


def _training_profile(version: str) -> "PredictionProfile":
    from models.reference import load_reference
    from models.registry_file import RegistryFile

    return load_reference(RegistryFile(access.settings().model.artifacts_dir).artifact(version))


def _profiles(spans: list[Window], version: str) -> "list[WindowProfile]":
    """Return the profile of each span; the decisions stream by, in one snapshot of the store."""
    from models.prediction_profile import profile_window

    with closing(access.store()) as store, store.reading() as tx:
        return [profile_window(tx.predictions_between(span.since, span.until), version) for span in spans]


def _compare(window: "PredictionProfile", reference: "PredictionProfile", *, from_training: bool) -> "Drift | None":
    """Return the comparison; None where one side holds no ticket."""
    from models.drift import Reference, compare_profiles

    if not window.tickets or not reference.tickets:
        return None
    return compare_profiles(window, reference, Reference.TRAINING if from_training else Reference.WINDOW)


def _say_what_to_do(
    version: str, window: Window, earlier: Window | None, observed: "WindowProfile", before: "list[WindowProfile]"
) -> None:
    from cli.drift_view import left_out_line

    empty, span = (observed, window) if not observed.profile.tickets or earlier is None else (before[0], earlier)
    console = stdout()
    console.print(f"{version} decided no ticket from {span}: there is nothing to compare.", soft_wrap=True)
    if line := left_out_line(empty):
        console.print(line, soft_wrap=True)
    if empty.other_versions:
        other = next(iter(empty.other_versions))
        console.print(f"Look at another version: {program()} drift --model {other}", soft_wrap=True)
    elif span is window:
        console.print(f"Look further back: {program()} drift --since 30d", soft_wrap=True)
    else:
        console.print(f"Compare with training meanwhile: {program()} drift --against {TRAINING}", soft_wrap=True)


def _document(
    version: str,
    window: Window,
    earlier: Window | None,
    observed: "WindowProfile",
    before: "list[WindowProfile]",
    found: "Drift | None",
) -> dict[str, Any]:
    from models.drift import FALSE_ALARMS, LARGE_PSI, MIN_TICKETS, MODERATE_PSI

    return {
        "model_version": version,
        "window": _span(window),
        "against": _span(earlier) if earlier else TRAINING,
        "limits": {
            "moderate_psi": MODERATE_PSI,
            "drift_psi": LARGE_PSI,
            "false_alarms": FALSE_ALARMS,
            "min_tickets": MIN_TICKETS,
        },
        "left_out": _left_out(observed),
        "left_out_before": _left_out(before[0]) if before else None,
        "drifted": [measure.name for measure in found.drifted] if found else [],
        "comparison": asdict(found) if found else None,
    }


def _span(window: Window) -> dict[str, str]:
    return {"since": window.since.isoformat(), "until": window.until.isoformat()}


def _left_out(profile: "WindowProfile") -> dict[str, Any]:
    return {"other_versions": dict(profile.other_versions), "without_prediction": profile.without_prediction}
