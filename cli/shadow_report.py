"""`helpdesk models shadow-report`: where a version in shadow agrees with the live one, and where not."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from cli import access
from cli.console import CommandFailed, Json, print_json, program, stdout, table

if TYPE_CHECKING:
    from models.shadow_report import ShadowReport

PAIRS = 12


def shadow_report(
    version: Annotated[
        str, typer.Argument(help="Which (default: the one that is in shadow).", show_default=False)
    ] = "",
    as_json: Json = False,
) -> None:
    """Compare what a version said in shadow on this machine with what the live model said."""
    from models.registry_file import RegistryFile
    from models.shadow_log import ShadowLog
    from models.shadow_report import shadow_report as report_of

    settings = access.settings()
    name = version or RegistryFile(settings.model.artifacts_dir).read().shadow
    if not name:
        raise CommandFailed(f"no version is in shadow; begin with: {program()} models shadow VERSION")
    log = ShadowLog(settings.state_dir, name)
    try:
        records, unreadable = log.read()
    except OSError as error:
        raise CommandFailed(f"{log.path} cannot be read: {error.strerror}") from error
    if not records:
        raise CommandFailed(f"{name} has read no ticket yet ({log.path} holds none)")
    report = report_of(records)
    if as_json:
        print_json({"version": name, "unreadable_lines": unreadable, **asdict(report)})
        return
    _show(name, report)
    if unreadable:
        stdout().print(f"[yellow]{unreadable} lines could not be read.[/]")


def _show(version: str, report: "ShadowReport") -> None:
    beside = ", ".join(report.live_versions)
    figures = table("", "value", title=f"[bold]{version} in shadow of {beside}[/]")
    low, middle, high = report.confidence_shift
    _, half, most = report.duration_ms
    for name, value in (
        ("tickets", str(report.tickets)),
        ("both say the same", f"{report.agreement:.1%}"),
        ("automated by the live model", f"{report.live_automated:.1%}"),
        ("automated by the shadow", f"{report.shadow_automated:.1%}"),
        ("only by the shadow", f"{report.newly_automated:.1%}"),
        ("only by the live model", f"{report.no_longer_automated:.1%}"),
        ("mean confidence, live and shadow", f"{report.live_confidence:.3f} and {report.shadow_confidence:.3f}"),
        ("shift of confidence, 5 %, 50 % and 95 %", f"{low:+.3f}, {middle:+.3f}, {high:+.3f}"),
        ("time per ticket, 50 % and 95 %", f"{half:.1f} ms, {most:.1f} ms"),
    ):
        figures.add_row(name, value)
    stdout().print(figures)
    if report.disagreements:
        confusions = table("live says", "shadow says", "tickets", title="[bold]where they differ[/]")
        for live, shadow, count in report.disagreements[:PAIRS]:
            confusions.add_row(live, shadow, str(count))
        stdout().print(confusions)
