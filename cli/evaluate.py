"""`helpdesk evaluate`: how well a model does on labelled tickets."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from cli.console import Json, print_json, stderr, stdout, table

if TYPE_CHECKING:
    from models.artifact import Artifact
    from models.evaluate import Evaluation

WEAKEST = 8


def evaluate(
    data: Annotated[Path | None, typer.Argument(help="Labelled tickets, JSONL or CSV (default: ours).")] = None,
    version: Annotated[str, typer.Option(help="Version of the model (default: the one that serves).")] = "",
    split: Annotated[str, typer.Option(help="Which rows: train, validation or test.")] = "test",
    as_json: Json = False,
) -> None:
    """Evaluate the model on labelled tickets that it has not seen."""
    from helpdesk.settings import PROJECT_DIR, load_settings
    from models.artifact import load_artifact
    from models.evaluate import evaluate as evaluate_artifact

    settings = load_settings().model
    artifact = load_artifact(settings.artifacts_dir, version or settings.version)
    path = data or PROJECT_DIR / "data" / "training_tickets.jsonl"
    with stderr().status(f"evaluating {artifact.manifest.version} on {path.name}"):
        evaluation = evaluate_artifact(artifact, path, encoder_dir=settings.encoder_dir, split=split)
    if as_json:
        print_json(document(artifact, evaluation))
    else:
        print_evaluation(stdout(), artifact, evaluation)


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
            {"intent": true, "taken_for": guess, "rows": count} for true, guess, count in evaluation.confusions
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
