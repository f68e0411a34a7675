"""`helpdesk train`: a new model from labelled tickets."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cli.access import user
from cli.console import CommandFailed, Json, print_json, program, stderr, stdout
from cli.corrections import add_corrections, corrections_document
from cli.data_options import Encoding, LabelColumnName, OutOfScopeLabel, TextColumnName
from cli.data_report import print_report, report_document
from cli.evaluate_model import document, print_evaluation
from cli.tracking import Mlflow, log_training, tracking_server


def train(
    data: Annotated[
        Path | None, typer.Option(help="Labelled tickets: .csv, .tsv, .jsonl or .json (default: ours).")
    ] = None,
    text_column: TextColumnName = "",
    label_column: LabelColumnName = "",
    out_of_scope_label: OutOfScopeLabel = "",
    encoding: Encoding = "",
    with_corrections: Annotated[
        bool, typer.Option("--with-corrections", help="Train on tickets too whose intent agents have corrected.")
    ] = False,
    check_only: Annotated[
        bool, typer.Option("--check-only", help="Say what is wrong with the file, and stop.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option(help="Folder of artifacts (default: where the serving one lies).")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same model.")] = 0,
    fine_tune: Annotated[
        bool,
        typer.Option(
            "--fine-tune", help="Train the encoder too: minutes instead of seconds. Compare before you promote."
        ),
    ] = False,
    target_precision: Annotated[
        float, typer.Option(min=0.5, max=0.999, help="What automatic answers must reach; sets the thresholds.")
    ] = 0.98,
    mlflow: Mlflow = None,
    as_json: Json = False,
) -> None:
    """Check labelled tickets, then train a model; it becomes a candidate, or live where no other model is."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's remarks on this machine's instruction sets
    from helpdesk.settings import PROJECT_DIR, load_settings

    path = data or PROJECT_DIR / "data" / "training_tickets.jsonl"
    from models.dataset import ReadOptions, check_file

    read = ReadOptions(
        text_column=text_column,
        label_column=label_column,
        out_of_scope_label=out_of_scope_label,
        encoding=encoding,
        seed=seed,
    )
    with stderr().status(f"checking {path.name}"):
        checked = check_file(path, read)
        if with_corrections and checked.dataset is not None:
            checked = replace(checked, dataset=add_corrections(checked.dataset))
    if check_only and as_json:
        print_json(report_document(path, checked))
    else:
        print_report(stdout() if check_only else stderr(), path, checked)
    if checked.dataset is None:
        raise CommandFailed(f"{path.name} cannot be trained on as it is")
    if check_only:
        return

    settings = load_settings().model
    from models.registry_file import RegistryFile, noted

    registry = RegistryFile(output or settings.artifacts_dir)
    registry.settle()
    if mlflow:
        tracking_server()  # what cannot be logged at all is said before the training, not after it
    with _progress() as progress:
        tasks = {"loading TensorFlow": progress.add_task("loading TensorFlow", total=None, loss="")}
        from models.train import TrainingOptions
        from models.train import train as train_model

        progress.remove_task(tasks.popitem()[1])

        def on_progress(name: str, done: int, total: int, loss: float) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=total, loss="")
            progress.update(tasks[name], completed=done, loss=f"loss {loss:.3f}" if loss else "")

        trained = train_model(
            path,
            output_dir=output or settings.artifacts_dir,
            encoder_dir=settings.encoder_dir,
            dataset=checked.dataset,
            options=TrainingOptions(seed=seed, fine_tune=fine_tune, target_precision=target_precision),
            on_progress=on_progress,
        )
    version, checksum = trained.artifact.manifest.version, trained.artifact.checksum
    corrected = checked.dataset.corrections
    taught = f"trained on {path.name}" + (f" and {len(corrected.tickets)} corrections" if corrected else "")
    note = noted(user(), taught)
    state = registry.change(lambda before: before.register(version, checksum, note)).versions[version].state
    logged = log_training(trained.artifact, wanted=mlflow)
    if as_json:
        told: dict[str, Any] = {"state": state.value, "directory": str(trained.artifact.directory)}
        told |= {"corrections": corrections_document(corrected), "mlflow": logged}
        print_json(document(trained.artifact, trained.evaluation) | told | {"seconds": round(trained.duration_s, 1)})
        return
    print_evaluation(stdout(), trained.artifact, trained.evaluation)
    stdout().print(f"trained in {trained.duration_s:.0f} s: {trained.artifact.directory}", soft_wrap=True)
    if logged and "page" in logged:
        stdout().print(f"logged to MLflow: {logged['page']}", soft_wrap=True)
    if state == "candidate":
        stdout().print(f"It is a candidate. Let it serve: {program()} models promote {version}", soft_wrap=True)
    else:
        stdout().print(f"It is {state}.")


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
