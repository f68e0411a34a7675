"""`helpdesk train`: a new model from labelled tickets."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cli.console import Json, print_json, stderr, stdout
from cli.evaluate import document, print_evaluation


def train(
    data: Annotated[Path | None, typer.Argument(help="Labelled tickets, JSONL or CSV (default: ours).")] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder of artifacts (default: where the serving one lies).")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same model.")] = 0,
    epochs: Annotated[int, typer.Option(min=1, max=200, help="Passes over the training rows.")] = 12,
    target_precision: Annotated[
        float, typer.Option(min=0.5, max=0.999, help="What automatic answers must reach; sets the thresholds.")
    ] = 0.98,
    as_json: Json = False,
) -> None:
    """Train a model; it serves from the next start of the prediction API on."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's remarks on this machine's instruction sets
    from helpdesk.settings import PROJECT_DIR, load_settings

    path = data or PROJECT_DIR / "data" / "training_tickets.jsonl"
    output = output or load_settings().model.artifacts_dir
    with _progress() as progress:
        task = progress.add_task("loading TensorFlow", total=epochs, loss="")
        from models.train import TrainingOptions
        from models.train import train as train_model

        def on_epoch(done: int, total: int, loss: float) -> None:
            progress.update(task, completed=done, total=total, loss=f"loss {loss:.3f}")

        progress.update(task, description=f"training on {path.name}")
        options = TrainingOptions(seed=seed, epochs=epochs, target_precision=target_precision)
        trained = train_model(path, output_dir=output, options=options, on_epoch=on_epoch)
    if as_json:
        print_json(
            document(trained.artifact, trained.evaluation)
            | {"directory": str(trained.artifact.directory), "seconds": round(trained.duration_s, 1)}
        )
        return
    print_evaluation(stdout(), trained.artifact, trained.evaluation)
    stdout().print(f"trained in {trained.duration_s:.0f} s: {trained.artifact.directory}", soft_wrap=True)


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[loss]}"),
        TimeElapsedColumn(),
        console=stderr(),
    )
