"""MLflow, a real server: a model goes there whole, comes back the same, and nothing comes back that is not whole."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from helpdesk.settings import ModelSettings
from models import tracking
from models.artifact import FAMILY, MANIFEST, load_artifact, sha256
from models.classifier import load_classifier
from models.registry_file import RegistryFile
from tests.command_line import CommandLine
from tests.live_prediction_api import running
from tests.mlflow import USER, MlflowServer
from tests.model_versions import add_version, change_manifest
from tests.unit.test_cli_train import write

pytestmark = pytest.mark.mlflow


@pytest.fixture
def experiment(request: pytest.FixtureRequest) -> str:
    return str(request.node.name)


@pytest.fixture
def machine(mlflow_server: MlflowServer, experiment: str, tmp_path: Path) -> Callable[[str], CommandLine]:
    """Return what makes a machine of this name, without any model, that logs to an experiment of this test's own."""

    def made(name: str) -> CommandLine:
        (tmp_path / name).mkdir()
        variables = {
            "HELPDESK_MODEL__ARTIFACTS_DIR": str(tmp_path / name / "artifacts"),
            "HELPDESK_MODEL__ENCODER_DIR": str(ModelSettings().encoder_dir),
            "HELPDESK_TRACKING__EXPERIMENT": experiment,
        }
        return CommandLine(tmp_path / name, {**variables, **mlflow_server.variables})

    return made


@pytest.fixture
def helpdesk(machine: Callable[[str], CommandLine]) -> CommandLine:
    """Return a machine with a live version, ``live``, and one that is not registered yet, ``new``."""
    helpdesk = machine("here")
    add_version(artifacts(helpdesk), "live")
    RegistryFile(artifacts(helpdesk)).settle()
    add_version(artifacts(helpdesk), "new")
    return helpdesk


def artifacts(helpdesk: CommandLine) -> Path:
    return Path(helpdesk.variables["HELPDESK_MODEL__ARTIFACTS_DIR"])


def present(helpdesk: CommandLine) -> dict[str, bytes]:
    """Return every file of the machine's artifacts, the registry among them."""
    root = artifacts(helpdesk)
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def forget(helpdesk: CommandLine, version: str) -> None:
    shutil.rmtree(artifacts(helpdesk) / FAMILY / version)


def folder_of(server: MlflowServer, run_id: str) -> Path:
    """Return where the server keeps a run's model."""
    (folder,) = server.files.glob(f"*/{run_id}/artifacts/{FAMILY}")
    return folder


def logged_by_hand(server: MlflowServer, experiment: str, folder: Path, **tags: str) -> str:
    """Log a folder as somebody would who knows how our runs look, and return the run's id."""
    with server.client() as client:
        run = client.create_run(client.create_experiment(experiment), tags=tags)
        for path in folder.iterdir():
            client.log_artifact(run.info.run_id, str(path), FAMILY)
        client.set_terminated(run.info.run_id, "FINISHED")
    return str(run.info.run_id)


@pytest.mark.timeout(300)  # a server starts and a model is trained
def test_a_training_is_logged_and_its_model_comes_back_the_same_on_another_machine_and_serves(
    machine: Callable[[str], CommandLine], mlflow_server: MlflowServer, tmp_path: Path
) -> None:
    here, there = machine("here"), machine("there")
    trained = here.json("train", "--data", str(write(tmp_path / "mine.csv")))
    run_id, version = trained["mlflow"]["run_id"], trained["model_version"]
    artifact = load_artifact(artifacts(here), version)
    manifest = artifact.manifest

    with mlflow_server.client() as client:
        run = client.get_run(run_id)
        losses = {stage: client.get_metric_history(run_id, f"loss/{stage}") for stage in manifest.training["losses"]}
        listed = {file.path for file in client.list_artifacts(run_id, FAMILY)}
    assert (run.info.status, run.info.run_name) == ("FINISHED", version)
    assert {name: run.data.metrics[name] for name in manifest.metrics} == manifest.metrics
    assert {stage: [item.value for item in history] for stage, history in losses.items()} == {
        "static stage": manifest.training["losses"]["static stage"],
        "encoder stage": manifest.training["losses"]["encoder stage"],
    }
    assert len(losses["static stage"]) == 12
    assert run.data.params | {"seed": "0", "fine_tune": "False", "static.epochs": "12"} == run.data.params
    assert run.data.params["data.name"] == "mine.csv"
    assert run.data.params["data.sha256"] == sha256((tmp_path / "mine.csv").read_bytes())
    assert run.data.params["data.rows.train"] == str(manifest.data.rows["train"])
    assert run.data.tags["helpdesk.checksum"] == artifact.checksum
    assert run.data.tags["helpdesk.feature_signature"] == manifest.feature_signature
    assert not [name for name in run.data.tags if "git" in name]
    assert listed == {f"{FAMILY}/{name}" for name in (*manifest.files, MANIFEST)}

    pulled = there.json("models", "pull", version)
    assert (pulled["live"], [change["after"] for change in pulled["changes"]]) == (None, ["candidate"])
    assert pulled["changes"][0]["note"]["reason"] == f"from the MLflow run {run_id}"
    assert load_artifact(artifacts(there), version).checksum == artifact.checksum
    there.text("models", "promote", version, "--force", "--reason", "the first one here")
    settings = ModelSettings(artifacts_dir=artifacts(there))
    with running(tmp_path, load_model=lambda: load_classifier(settings)) as api, api.client() as client:
        assert client.post("/predict", json={"ticket": "refund my order"}).json()["model_version"] == version


def test_what_is_logged_twice_makes_one_run(helpdesk: CommandLine) -> None:
    first = helpdesk.json("models", "log", "new")
    assert helpdesk.json("models", "log", "new") == first
    assert first["page"] in helpdesk.text("models", "log", "new")


def test_a_pulled_version_is_a_candidate_beside_the_live_one_and_pulling_again_changes_nothing(
    helpdesk: CommandLine,
) -> None:
    run_id = helpdesk.json("models", "log", "new")["run_id"]
    before = present(helpdesk)
    forget(helpdesk, "new")
    told = helpdesk.text("models", "pull", run_id)
    assert "new is candidate" in told
    assert "models promote new" in told
    assert {name: content for name, content in present(helpdesk).items() if "/new/" in name} == {
        name: content for name, content in before.items() if "/new/" in name
    }
    assert RegistryFile(artifacts(helpdesk)).read().live == "live"
    assert "so already" in helpdesk.text("models", "pull", "new")


def test_a_damaged_version_that_serves_is_restored(helpdesk: CommandLine) -> None:
    helpdesk.json("models", "log", "live")
    (artifacts(helpdesk) / FAMILY / "live" / "head.tflite").write_bytes(b"damaged")
    assert "so already" in helpdesk.text("models", "pull", "live")
    assert RegistryFile(artifacts(helpdesk)).artifact().manifest.version == "live"


def test_another_model_under_a_registered_name_is_refused(helpdesk: CommandLine) -> None:
    helpdesk.json("models", "log", "new")
    change_manifest(artifacts(helpdesk) / FAMILY / "new", lambda manifest: manifest.update(out_of_scope_threshold=9.0))
    helpdesk.text("models", "register", "new")
    before = present(helpdesk)
    assert "holds another model new than the one that is registered here" in helpdesk.error("models", "pull", "new")
    assert present(helpdesk) == before
    helpdesk.json("models", "log", "new")
    assert "Several runs hold different models new" in helpdesk.error("models", "pull", "new")


def cut(folder: Path) -> None:
    path = folder / "head.tflite"
    path.write_bytes(path.read_bytes()[:-1])


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def alter_threshold(folder: Path) -> None:
    change_manifest(folder, lambda manifest: manifest.update(out_of_scope_threshold=99.0))


def inflate(folder: Path) -> None:
    (folder / MANIFEST).write_bytes(b" " * (tracking.MAX_MANIFEST_BYTES + 1))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (cut, "head.tflite of the model new is damaged"),
        (remove("words.json"), "lacks the file words.json"),
        (remove(MANIFEST), "lacks the file manifest.json"),
        (alter_threshold, "is not the one that was logged"),
        (inflate, "too large"),
    ],
    ids=["corrupt file", "partial", "no manifest", "altered manifest", "huge manifest"],
)
def test_what_is_damaged_on_the_server_is_refused_and_nothing_of_it_stays(
    helpdesk: CommandLine, mlflow_server: MlflowServer, damage: Callable[[Path], None], told: str
) -> None:
    run_id = helpdesk.json("models", "log", "new")["run_id"]
    forget(helpdesk, "new")
    before = present(helpdesk)
    damage(folder_of(mlflow_server, run_id))
    assert told in helpdesk.error("models", "pull", run_id)
    assert present(helpdesk) == before


def test_more_than_an_artifact_may_hold_is_refused(helpdesk: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    helpdesk.json("models", "log", "new")
    forget(helpdesk, "new")
    before = present(helpdesk)
    monkeypatch.setattr(tracking, "MAX_ARTIFACT_BYTES", 500_000)
    assert "too large" in helpdesk.error("models", "pull", "new")
    assert present(helpdesk) == before


def name_outside(manifest: dict[str, Any]) -> None:
    manifest["files"]["../../evil"] = sha256(b"")


@pytest.mark.parametrize(
    ("change", "tag", "told"),
    [
        (lambda manifest: manifest.update(version="../evil"), "../evil", "is damaged: version"),
        (lambda manifest: None, "../new", "says '../new' and holds 'new'"),
        (name_outside, "new", "is damaged: files.../../evil"),
        (lambda manifest: manifest.update(feature_signature="bytes"), "new", "reads texts as 'bytes'"),
        (lambda manifest: manifest.clear(), "new", "is damaged"),
    ],
    ids=["version outside", "tag outside", "file outside", "other features", "no manifest of ours"],
)
def test_a_hostile_or_foreign_artifact_is_refused_and_nothing_of_it_stays(
    helpdesk: CommandLine,
    mlflow_server: MlflowServer,
    experiment: str,
    tmp_path: Path,
    change: Callable[[dict[str, Any]], None],
    tag: str,
    told: str,
) -> None:
    forget(helpdesk, "new")
    folder = add_version(tmp_path / "theirs", "new", change)
    checksum = sha256((folder / MANIFEST).read_bytes())
    tags = {tracking.VERSION_TAG: tag, tracking.CHECKSUM_TAG: checksum}
    run_id = logged_by_hand(mlflow_server, experiment, folder, **tags)
    before = {path for path in tmp_path.rglob("*") if path.is_file()}, present(helpdesk)
    assert told in helpdesk.error("models", "pull", run_id)
    assert ({path for path in tmp_path.rglob("*") if path.is_file()}, present(helpdesk)) == before


def test_what_helpdesk_did_not_log_or_did_not_finish_is_refused(
    helpdesk: CommandLine, mlflow_server: MlflowServer, experiment: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    foreign = logged_by_hand(mlflow_server, experiment, tmp_path / "empty")
    assert "was not logged by Helpdesk" in helpdesk.error("models", "pull", foreign)
    run_id = helpdesk.json("models", "log", "new")["run_id"]
    with mlflow_server.client() as client:
        client.set_terminated(run_id, "FAILED")
    assert "is FAILED, not FINISHED" in helpdesk.error("models", "pull", run_id)
    for unknown in ("new", "nobody", "' OR 1=1"):
        assert "No finished run" in helpdesk.error("models", "pull", unknown)
    assert "0" * 32 in helpdesk.error("models", "pull", "0" * 32)


def test_a_server_that_names_a_folder_of_this_machine_is_refused(
    helpdesk: CommandLine, mlflow_server: MlflowServer, experiment: str, tmp_path: Path
) -> None:
    with mlflow_server.client() as client:
        client.create_experiment(experiment, artifact_location=f"file://{tmp_path}/elsewhere")
    assert "does not keep files itself" in helpdesk.error("models", "log", "new")
    assert not (tmp_path / "elsewhere").exists()


def test_wrong_credentials_are_said_so_and_shown_nowhere(helpdesk: CommandLine) -> None:
    for arguments in (("models", "log", "new"), ("models", "pull", "new")):
        told = helpdesk.error(*arguments, MLFLOW_TRACKING_PASSWORD="topsecret")
        assert "refuses these credentials; check MLFLOW_TRACKING_USERNAME" in told
        assert "topsecret" not in told
        assert USER not in told


def test_a_server_that_hangs_costs_the_time_that_is_set(helpdesk: CommandLine, mlflow_server: MlflowServer) -> None:
    mlflow_server.freeze()
    for arguments in (("models", "log", "new"), ("models", "pull", "new")):
        told = helpdesk.error(*arguments, HELPDESK_TRACKING__TIMEOUT_S="1")
        assert "was not done after 1 s (HELPDESK_TRACKING__TIMEOUT_S)" in told
    mlflow_server.thaw()


def test_the_settings_are_checked_with_the_server(helpdesk: CommandLine) -> None:
    for password, state in ((os.urandom(8).hex(), "failed"), (helpdesk.variables["MLFLOW_TRACKING_PASSWORD"], "ok")):
        checked = json.loads(helpdesk.run("settings", "check", "--json", MLFLOW_TRACKING_PASSWORD=password).stdout)
        assert {item["name"]: item["state"] for item in checked["connections"]}["MLflow"] == state
