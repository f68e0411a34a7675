"""`helpdesk evaluate model`: one version, or two on the same file, for people, for programs and as a page."""

import json
import shutil
from pathlib import Path

import pytest

from helpdesk.settings import PROJECT_DIR, ModelSettings
from models.artifact import FAMILY, MANIFEST, load_artifact
from tests.command_line import CommandLine

ROWS = 60


@pytest.fixture
def command_line(tmp_path: Path) -> CommandLine:
    """Return the command line of a machine with two versions: the shipped one, and its static stage alone."""
    shipped = load_artifact(ModelSettings().artifacts_dir)
    family = tmp_path / "artifacts" / FAMILY
    for version in ("cascade", "static"):
        shutil.copytree(shipped.directory, family / version)
        manifest = json.loads((family / version / MANIFEST).read_text(encoding="utf-8"))
        manifest["version"] = version
        if version == "static":
            manifest["fusion"]["sure_from"] = 0.0
        (family / version / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    settings = {"HELPDESK_MODEL__ARTIFACTS_DIR": str(family.parent), "HELPDESK_MODEL__VERSION": "cascade"}
    return CommandLine(tmp_path, {**settings, "HELPDESK_MODEL__ENCODER_DIR": str(ModelSettings().encoder_dir)})


@pytest.fixture
def held_out(tmp_path: Path) -> Path:
    lines = (PROJECT_DIR / "data" / "training_tickets.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    tests = [row for row in rows if row["split"] == "test"]
    path = tmp_path / "held_out.json"
    path.write_text(
        json.dumps([[row["text"], row["intent"]] for row in tests[:: len(tests) // ROWS][:ROWS]]), encoding="utf-8"
    )
    return path


def test_two_versions_are_compared_on_one_file(command_line: CommandLine, held_out: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    arguments = ("evaluate", "cascade", "static", "--data", str(held_out), "--html", str(page))
    compared = command_line.json(*arguments)
    assert [model["model_version"] for model in compared["models"]] == ["cascade", "static"]
    assert [model["metrics"]["rows"] for model in compared["models"]] == [ROWS, ROWS]
    accuracy = compared["differences"][0]
    assert accuracy["metric"] == "accuracy"
    assert accuracy["first"] == pytest.approx(compared["models"][0]["metrics"]["accuracy"], abs=1e-6)
    assert accuracy["low"] <= accuracy["difference"] <= accuracy["high"]
    assert "cascade against static" in page.read_text(encoding="utf-8")


def test_one_version_is_shown_with_its_weakest_intents(command_line: CommandLine, held_out: Path) -> None:
    printed = command_line.text("evaluate", "--data", str(held_out))
    assert "cascade" in printed
    assert "coverage_at_98" in printed
    assert "weakest intents" in printed
    assert "against" not in printed.splitlines()[0]


def test_without_a_further_word_the_model_is_meant(command_line: CommandLine, held_out: Path) -> None:
    data = ("--data", str(held_out))
    for arguments in ((), ("static",), ("cascade", "static")):
        assert command_line.json("evaluate", *arguments, *data) == command_line.json(
            "evaluate", "model", *arguments, *data
        )


def test_help_names_what_can_be_evaluated(command_line: CommandLine) -> None:
    printed = command_line.text("evaluate", "--help")
    for name in ("model", "answers", "judge"):
        assert name in printed


def test_what_cannot_be_compared_is_said_in_one_line(command_line: CommandLine, held_out: Path) -> None:
    assert "same version twice" in command_line.error("evaluate", "cascade", "cascade", "--data", str(held_out))
    assert "There is no model at" in command_line.error("evaluate", "cascade", "none", "--data", str(held_out))
    held_out.write_text('[["hello", "buy_boat"]]', encoding="utf-8")
    assert "does not know the intent 'buy_boat'" in command_line.error("evaluate", "--data", str(held_out))
