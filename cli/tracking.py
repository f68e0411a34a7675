"""MLflow on the command line: logging after a training, or later."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from cli import access
from cli.console import Json, print_json, program, stderr, stdout

if TYPE_CHECKING:
    from models.artifact import Artifact
    from models.tracking import TrackingServer

Mlflow = Annotated[
    bool | None,
    typer.Option(
        "--mlflow/--no-mlflow", help="Log to MLflow (default: where MLFLOW_TRACKING_URI is set).", show_default=False
    ),
]


def tracking_server() -> "TrackingServer":
    """Return the MLflow server that the settings name."""
    from models.tracking import TrackingServer

    return TrackingServer(access.settings())


def log_training(artifact: "Artifact", *, wanted: bool | None) -> dict[str, Any] | None:
    """Log a model that was just trained, where that is wanted, and return what came of it.

    The model is written and registered by now: whatever MLflow does costs a line of warning and no more.
    """
    from helpdesk.errors import HelpdeskError

    if not wanted and (wanted is False or not access.settings().mlflow_tracking_uri):
        return None
    try:
        with stderr().status("logging to MLflow"):
            logged = tracking_server().log(artifact, user=access.user())
    except HelpdeskError as error:
        root = artifact.directory.parent.parent
        usual = root.resolve() == access.settings().model.artifacts_dir.resolve()
        variable = "" if usual else f"HELPDESK_MODEL__ARTIFACTS_DIR={root} "
        later = f"{variable}{program()} models log {artifact.manifest.version}"
        told = f"the model was trained, but not logged to MLflow. {error} Log it later: {later}"
        stderr().print(Text.assemble(("warning: ", "bold yellow"), told), soft_wrap=True)
        return {"error": str(error)}
    return {"run_id": logged.run_id, "page": logged.page}


def log_model(
    version: Annotated[str, typer.Argument(help="The version, as `models list` names it.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Log a version to MLflow: parameters, metrics, tags and files; one that is there already is not logged twice."""
    from models.registry_file import RegistryFile

    artifact = RegistryFile(access.settings().model.artifacts_dir).artifact(version)
    with stderr().status("logging to MLflow"):
        logged = tracking_server().log(artifact, user=access.user())
    if as_json:
        print_json({"version": version, "run_id": logged.run_id, "page": logged.page})
        return
    stdout().print(f"{version} is in MLflow: {logged.page}", soft_wrap=True)
