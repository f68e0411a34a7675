"""`helpdesk models`: which version of the classifier serves, which may, and how one takes another's place."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.text import Text

from cli import access
from cli.app import new_app
from cli.console import Json, print_json, program, stderr, stdout, table
from cli.shadow_report import shadow_report
from cli.tracking import log_model, tracking_server

if TYPE_CHECKING:
    from models.artifact import Artifact
    from models.gate import Verdict
    from models.registry import Change, Note, Registry
    from models.registry_file import RegistryFile

app = new_app("The model registry: candidate, shadow, live and archived versions of the classifier.")

STATE_STYLES = {"live": "bold green", "shadow": "magenta", "candidate": "cyan", "archived": "bright_black"}
SHOWN = ("accuracy", "ece", "automated", "automated_precision")

Version = Annotated[str, typer.Argument(help="The version, as `models list` names it.", show_default=False)]
Reason = Annotated[str, typer.Option(help="Why, for the record.")]


@app.command("list")
def list_models(as_json: Json = False) -> None:
    """List every version with its state, its figures at training, and who put it there."""
    from helpdesk.errors import ModelUnavailable
    from models.artifact import versions_in

    file = _file()
    registry = file.read()
    rows = []
    for version in sorted({*versions_in(access.settings().model.artifacts_dir), *registry.versions}):
        artifact, problem = None, ""
        try:
            artifact = file.artifact(version)
        except ModelUnavailable as error:
            problem = str(error)
        rows.append(_row(registry, version, artifact, problem))
    if as_json:
        print_json({"live": registry.live, "shadow": registry.shadow, "versions": rows})
        return
    if not rows:
        stdout().print(f"There is no model. Train one: {program()} train")
        return
    listing = table("version", "state", "trained", *SHOWN, "since", "by", "why")
    for row in rows:
        figures = (f"{row['metrics'][name]:.3f}" if name in row["metrics"] else "" for name in SHOWN)
        why = Text(row["problem"], "red") if row["problem"] else Text(row["reason"])
        state = Text(row["state"], STATE_STYLES.get(row["state"], "yellow"))
        trained, since = (_minute(row[name]) for name in ("trained_at", "since"))
        listing.add_row(row["version"], state, trained, *figures, since, escape(row["by"]), why)
    listing.columns[0].no_wrap = True
    stdout().print(listing)


@app.command("history")
def history(as_json: Json = False) -> None:
    """Show every change of the registry, newest first: what, when, by whom, why, and what the gate found."""
    changes = _file().read().history[::-1]
    if as_json:
        print_json({"history": [change.model_dump(mode="json") for change in changes]})
        return
    listing = table("when", "version", "action", "state", "by", "why", "gate")
    for change in changes:
        state = Text(change.after, STATE_STYLES[change.after])
        when = _minute(change.note.at.isoformat())
        said = (when, change.version, change.action, state, escape(change.note.by), escape(change.note.reason))
        listing.add_row(*said, _gate_cell(change))
    stdout().print(listing)


@app.command("register")
def register(version: Version, reason: Reason = "", as_json: Json = False) -> None:
    """Make a candidate of a version that was copied here, or take an archived one up again."""
    from models.artifact import load_artifact

    # As it lies there: to register again is how one says that an artifact was changed on purpose.
    artifact = load_artifact(access.settings().model.artifacts_dir, version)
    _change(lambda before, note: before.register(version, artifact.checksum, note), reason, as_json=as_json)


app.command("log")(log_model)


@app.command("pull")
def pull(
    run: Annotated[str, typer.Argument(help="A run's id, or a version that was logged.", show_default=False)],
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Fetch a version from MLflow, check it, and make a candidate of it; nothing is left of one that does not fit."""
    from helpdesk.errors import ModelUnavailable
    from models.artifact import install_artifact

    with stderr().status("fetching from MLflow"):
        server = tracking_server()
        logged = server.find(run)
        files = server.fetch(logged)

    def received(before: "Registry", note: "Note") -> "Registry":
        known = before.versions.get(logged.version)
        if known and known.checksum != logged.checksum:
            raise ModelUnavailable(
                f"The run {logged.run_id} holds another model {logged.version} than the one that is registered here."
            )
        artifact = install_artifact(access.settings().model.artifacts_dir, logged.version, files)
        return before.register(logged.version, artifact.checksum, note, adopt=False)

    _change(received, reason.strip() or f"from the MLflow run {logged.run_id}", as_json=as_json)
    if not as_json:
        stdout().print(f"[bright_black]let it serve: {program()} models promote {logged.version}[/]", soft_wrap=True)


@app.command("shadow")
def shadow(
    version: Annotated[str, typer.Argument(help="A candidate.", show_default=False)] = "",
    stop: Annotated[bool, typer.Option("--stop", help="End it: the version becomes a candidate again.")] = False,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Let a candidate predict beside the live model: what it says is recorded and has no effect."""
    if bool(version) == stop:
        raise typer.BadParameter("name a version, or give --stop")
    if stop:
        _change(lambda before, note: before.withdraw(note), reason, as_json=as_json)
        return
    _file().artifact(version)
    _change(lambda before, note: before.put_in_shadow(version, note), reason, as_json=as_json)
    if not as_json:
        stdout().print(f"[bright_black]see what it says: {program()} models shadow-report[/]")


app.command("shadow-report")(shadow_report)


@app.command("promote")
def promote(
    version: Version,
    force: Annotated[bool, typer.Option("--force", help="Promote against the gate's verdict; needs --reason.")] = False,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Measure a version beside the live one on held-out tickets; where the gate lets it pass, it goes live."""
    from helpdesk.errors import PromotionRefused
    from models.promotion import examine
    from models.registry import Action

    if force and not reason.strip():
        raise typer.BadParameter("--force needs --reason")
    _file().read().after(version, Action.PROMOTE)
    with stderr().status(f"measuring {version} and the live model on the same tickets"):
        verdict = examine(access.settings().model, version)
    if not as_json:
        _print_verdict(verdict)
    try:
        _change(lambda before, note: before.promote(version, verdict, note, forced=force), reason, as_json=as_json)
    except PromotionRefused:
        if as_json:
            print_json({"gate": verdict.model_dump(mode="json"), "changes": []})
        raise
    if not as_json:
        stdout().print(f"[bright_black]the way back: {program()} models rollback[/]")


@app.command("rollback")
def rollback(
    version: Annotated[
        str, typer.Argument(help="Which (default: the one that was live before).", show_default=False)
    ] = "",
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Let the version serve again that was live before; its artifact is checked first."""
    from models.registry_file import noted

    file = _file()
    target = file.read().roll_back(noted(access.user()), to=version).live or ""
    file.artifact(target)
    _change(lambda before, note: before.roll_back(note, to=target), reason, as_json=as_json)


@app.command("archive")
def archive(version: Version, reason: Reason = "", as_json: Json = False) -> None:
    """Put a candidate or shadow aside; its artifact stays."""
    _change(lambda before, note: before.archive(version, note), reason, as_json=as_json)


def _file() -> "RegistryFile":
    from models.registry_file import RegistryFile

    return RegistryFile(access.settings().model.artifacts_dir)


def _change(change: "Callable[[Registry, Note], Registry]", reason: str, *, as_json: bool) -> None:
    """Change the registry and say what came of it."""
    from models.registry_file import noted

    note = noted(access.user(), reason.strip())
    made: list[Change] = []

    def noticed(before: "Registry") -> "Registry":
        after = change(before, note)
        made[:] = after.history[len(before.history) :]
        return after

    after = _file().change(noticed)
    if as_json:
        changes = [item.model_dump(mode="json") for item in made]
        print_json({"live": after.live, "shadow": after.shadow, "changes": changes})
        return
    for item in made:
        stdout().print(Text.assemble(item.version, " is ", (item.after, STATE_STYLES[item.after])))
    if not made:
        stdout().print("Nothing changes: it is so already.")
    pinned = access.settings().model.version
    if pinned:
        stderr().print(
            f"HELPDESK_MODEL__VERSION names {pinned}: that serves, whatever the registry says.", soft_wrap=True
        )


def _row(registry: "Registry", version: str, artifact: "Artifact | None", problem: str) -> dict[str, Any]:
    last = next((change for change in reversed(registry.history) if change.version == version), None)
    return {
        "version": version,
        "state": registry.state_of(version) or "unregistered",
        "trained_at": artifact.manifest.trained_at.isoformat() if artifact else None,
        "metrics": artifact.manifest.metrics if artifact else {},
        "problem": problem,
        "since": last.note.at.isoformat() if last else None,
        "by": last.note.by if last else "",
        "reason": last.note.reason if last else "",
    }


def _print_verdict(verdict: "Verdict") -> None:
    against = f" against {verdict.live}" if verdict.live else ""
    listing = table("criterion", "", "finding", title=f"[bold]{verdict.candidate}{against}, on {verdict.data}[/]")
    for criterion in verdict.criteria:
        mark = Text("met", "green") if criterion.passed else Text("not met", "bold red")
        listing.add_row(criterion.name, mark, criterion.finding)
    stdout().print(listing)


def _gate_cell(change: "Change") -> Text:
    if change.gate is None:
        return Text("")
    if change.gate.passed:
        return Text("passed", "green")
    return Text(f"forced against: {_names(change.gate)}", "bold red")


def _names(verdict: "Verdict") -> str:
    failed: Sequence[str] = [criterion.name for criterion in verdict.failures]
    return ", ".join(failed)


def _minute(moment: str | None) -> str:
    return moment[:16].replace("T", " ") if moment else ""
