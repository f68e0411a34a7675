"""`helpdesk evaluate model`: how well a model does on labelled tickets, alone or beside another."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from cli.console import CommandFailed, Json, print_json, stderr, stdout, table
from cli.data_options import Encoding, LabelColumnName, OutOfScopeLabel, TextColumnName

if TYPE_CHECKING:
    from models.artifact import Artifact
    from models.comparison import Difference
    from models.evaluate import Evaluation

WEAKEST, PAIRS = 8, 12


def evaluate_model(
    first: Annotated[str, typer.Argument(help="Version of a model (default: the one that serves).")] = "",
    second: Annotated[str, typer.Argument(help="Another version, to compare with it.")] = "",
    data: Annotated[
        Path | None, typer.Option(help="Labelled tickets: .csv, .tsv, .jsonl or .json (default: ours).")
    ] = None,
    split: Annotated[
        str, typer.Option(help="train, validation, test or all (default: test, or all where the file has no splits).")
    ] = "",
    text_column: TextColumnName = "",
    label_column: LabelColumnName = "",
    out_of_scope_label: OutOfScopeLabel = "",
    encoding: Encoding = "",
    html: Annotated[Path | None, typer.Option(help="Write a page with pictures to this file too.")] = None,
    as_json: Json = False,
) -> None:
    """Evaluate a model on labelled tickets that it has not seen, or compare two on the same ones."""
    from helpdesk.settings import PROJECT_DIR, load_settings
    from models.artifact import load_artifact
    from models.comparison import compare
    from models.dataset import ReadOptions, load_held_out
    from models.evaluate import evaluate_tickets
    from models.registry_file import RegistryFile

    settings = load_settings().model
    path = data or PROJECT_DIR / "data" / "training_tickets.jsonl"
    read = ReadOptions(
        text_column=text_column, label_column=label_column, out_of_scope_label=out_of_scope_label, encoding=encoding
    )
    tickets = load_held_out(path, read, split=split)
    wanted = [first or settings.version, *([second] if second else [])]
    live = RegistryFile(settings.artifacts_dir)
    artifacts = [load_artifact(settings.artifacts_dir, name) if name else live.artifact() for name in wanted]
    if len({artifact.manifest.version for artifact in artifacts}) < len(artifacts):
        raise CommandFailed("these are the same version twice")
    evaluations = {}
    for artifact in artifacts:
        with stderr().status(f"evaluating {artifact.manifest.version} on {path.name}"):
            found = evaluate_tickets(artifact, tickets, encoder_dir=settings.encoder_dir)
            evaluations[artifact.manifest.version] = found
    differences = []
    if second:
        with stderr().status("drawing rows anew, to tell differences from luck"):
            one, other = (found.rows for found in evaluations.values())
            labels = len(artifacts[0].manifest.labels), len(artifacts[1].manifest.labels)
            differences = compare(one, other, labels)
    if html:
        from models.html_report import html_report  # loads what draws

        try:
            html.write_text(html_report(evaluations, differences, data=path.name), encoding="utf-8")
        except OSError as error:
            raise CommandFailed(f"{html} cannot be written: {error.strerror}") from error
    documents = [document(artifact, evaluations[artifact.manifest.version]) for artifact in artifacts]
    if as_json and second:
        print_json({"models": documents, "differences": [_difference_document(item) for item in differences]})
    elif as_json:
        print_json(documents[0])
    else:
        for artifact in artifacts:
            print_evaluation(stdout(), artifact, evaluations[artifact.manifest.version])
        if second:
            print_differences(stdout(), list(evaluations), differences)
        if html:
            stdout().print(f"written: {html}", soft_wrap=True)


def print_differences(console: Console, versions: Sequence[str], differences: "Sequence[Difference]") -> None:
    """Print each metric of both models, the difference, and whether it is more than luck."""
    from models.comparison import verdict

    title = f"[bold]{versions[1]} against {versions[0]}[/]"
    compared = table("metric", *versions, "difference", "95 % of draws", f"{versions[1]} is", title=title)
    styles = {"better": "green", "worse": "bold red"}
    for item in differences:
        said = verdict(item)
        compared.add_row(
            item.metric,
            f"{item.first:.4f}",
            f"{item.second:.4f}",
            f"{item.second - item.first:+.4f}",
            f"{item.low:+.4f} to {item.high:+.4f}",
            Text(said, styles.get(said, "")),
        )
    console.print(compared)


def _difference_document(item: "Difference") -> dict[str, Any]:
    from models.comparison import verdict

    return {
        "metric": item.metric,
        "first": item.first,
        "second": item.second,
        "difference": item.second - item.first,
        "low": item.low,
        "high": item.high,
        "second_is": verdict(item),
    }


def document(artifact: "Artifact", evaluation: "Evaluation") -> dict[str, Any]:
    """Return what `--json` prints."""
    return {
        "model_version": artifact.manifest.version,
        "checksum": artifact.checksum,
        "metrics": evaluation.metrics,
        "intents": [
            {
                "intent": result.intent,
                "rows": result.rows,
                "precision": result.precision,
                "recall": result.recall,
                "threshold": artifact.manifest.thresholds[result.intent],
                "automated": result.automated,
                "automated_precision": result.automated_precision,
            }
            for result in evaluation.intents
        ],
        "confusions": [
            {"intent": true, "taken_for": guess, "rows": count} for true, guess, count in evaluation.confusions[:PAIRS]
        ],
    }


def print_evaluation(console: Console, artifact: "Artifact", evaluation: "Evaluation") -> None:
    """Print metrics, the weakest intents and the most frequent confusions."""
    from models.evaluate import METRICS

    metrics = table("metric", "value", "meaning", title=f"[bold]{artifact.manifest.version}[/]")
    for name, meaning in METRICS.items():
        if name in evaluation.metrics:
            metrics.add_row(name, f"{evaluation.metrics[name]:.3f}", meaning)
    console.print(metrics)
    weakest = table("intent", "rows", "precision", "recall", "automated", title="[bold]weakest intents[/]")
    for result in evaluation.intents[:WEAKEST]:
        numbers = (result.precision, result.recall, result.automated)
        weakest.add_row(result.intent, str(result.rows), *(f"{number:.3f}" for number in numbers))
    console.print(weakest)
    confusions = table("intent", "taken for", "rows", title="[bold]most frequent confusions[/]")
    for true, guess, count in evaluation.confusions[:WEAKEST]:
        confusions.add_row(true, guess, str(count))
    console.print(confusions)
