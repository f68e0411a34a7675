"""`helpdesk train`: the report that people and programs read before anything is trained, and what becomes of it."""

import json
from pathlib import Path

import pytest

from helpdesk.settings import ModelSettings
from models.artifact import FAMILY, load_artifact
from models.registry_file import FILE
from tests.command_line import CommandLine
from tests.model_versions import add_version
from tests.servers import free_port


def write(path: Path, extra: str = "") -> Path:
    rows = [
        f"{intent} {first} {second},{intent}"
        for intent in ("refund", "cancel")
        for first in ("my", "the", "every", "this", "any", "our")
        for second in ("order", "parcel", "shoes", "lamp", "ticket")
    ]
    path.write_text("\n".join(["text,category", *rows, extra]), encoding="utf-8")
    return path


def test_a_report_says_what_was_read_and_what_is_wrong(tmp_path: Path) -> None:
    data = write(tmp_path / "mine.csv", extra="Where is it?,refund\nwhere is it,cancel\n")
    printed = CommandLine(tmp_path).text("train", "--data", str(data), "--check-only")
    assert "text in 'text', label in 'category'; 2 intents" in printed
    assert "the same text under several intents" in printed
    assert "line 62: Where is it? → refund" in printed
    assert "decide for one" in printed


def test_the_report_is_one_json_document(tmp_path: Path) -> None:
    report = CommandLine(tmp_path).json("train", "--data", str(write(tmp_path / "mine.csv")), "--check-only")
    assert report["usable"] is True
    assert report["intents"] == 2
    assert sum(report["rows"].values()) == 60
    assert report["columns"] == {"text": "text", "label": "category", "split": "", "group": ""}


def test_an_unusable_file_ends_with_one_line_and_code_1_after_the_report(tmp_path: Path) -> None:
    data = write(tmp_path / "mine.csv", extra=",refund\n")
    result = CommandLine(tmp_path).run("train", "--data", str(data), "--check-only", "--json")
    assert result.exit_code == 1
    assert "error: mine.csv cannot be trained on as it is" in result.stderr
    report = json.loads(result.stdout)
    assert report["usable"] is False
    assert [(item["problem"], item["lines"]) for item in report["findings"] if item["severity"] == "error"] == [
        ("text is empty", [62])
    ]


def test_an_ambiguous_column_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("text,label,category\na,b,c\n", encoding="utf-8")
    assert "--label-column" in CommandLine(tmp_path).error("train", "--data", str(path))


def test_what_was_trained_is_a_candidate_and_what_was_live_stays_so_even_if_mlflow_is_down(tmp_path: Path) -> None:
    artifacts = tmp_path / "artifacts"
    add_version(artifacts, "before")
    helpdesk = CommandLine(
        tmp_path,
        {
            "HELPDESK_MODEL__ARTIFACTS_DIR": str(artifacts),
            "HELPDESK_MODEL__ENCODER_DIR": str(ModelSettings().encoder_dir),
            "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{free_port()}",
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        },
    )
    result = helpdesk.run("train", "--json", "--data", str(write(tmp_path / "mine.csv")))
    assert result.exit_code == 0, result.output
    trained = json.loads(result.stdout)
    assert trained["state"] == "candidate"
    assert helpdesk.variables["MLFLOW_TRACKING_URI"] in trained["mlflow"]["error"]
    (warning,) = [line for line in result.stderr.splitlines() if line.startswith("warning: the model was trained, but")]
    assert warning.endswith(f"models log {trained['model_version']}")
    listed = helpdesk.json("models", "list")
    assert listed["live"] == "before"
    assert {row["version"]: row["state"] for row in listed["versions"]} == {
        "before": "live",
        trained["model_version"]: "candidate",
    }
    assert helpdesk.json("models", "history")["history"][0]["note"]["reason"] == "trained on mine.csv"


UNUSABLE = {
    "one intent": "text,intent\n" + "".join(f"a text {number},refund\n" for number in range(30)),
    "no rows": "text,intent\n",
    "foreign tickets alone": "text,intent\n" + "".join(f"a text {number},oos\n" for number in range(30)),
    "no such columns": "a,b\n1,2\n",
    "a row that is cut": 'text,intent\n"where is it,refund\n',
    "not a text at all": "\x00" * 500,
}


@pytest.mark.parametrize("content", UNUSABLE.values(), ids=UNUSABLE)
def test_a_file_that_cannot_be_trained_on_leaves_every_version_as_it_is(tmp_path: Path, content: str) -> None:
    artifacts = tmp_path / "artifacts"
    add_version(artifacts, "before")
    path = tmp_path / "mine.csv"
    path.write_text(content, encoding="utf-8")
    before = snapshot(artifacts)
    result = CommandLine(tmp_path, {"HELPDESK_MODEL__ARTIFACTS_DIR": str(artifacts)}).run("train", "--data", str(path))
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert result.stderr.splitlines()[-1].startswith("error: ")
    assert snapshot(artifacts) == before


def test_a_training_that_fails_on_the_way_leaves_what_is_live(tmp_path: Path) -> None:
    artifacts = tmp_path / "artifacts"
    add_version(artifacts, "before")
    (tmp_path / "intents.json").write_text('[{"intent": "refund"}]', encoding="utf-8")
    helpdesk = CommandLine(tmp_path, {"HELPDESK_MODEL__ARTIFACTS_DIR": str(artifacts)})
    result = helpdesk.run("train", "--data", str(write(tmp_path / "mine.csv")))
    assert result.exit_code == 1
    assert "intents.json" in result.stderr.splitlines()[-1]
    listed = helpdesk.json("models", "list")
    assert listed["live"] == "before"
    assert [row["version"] for row in listed["versions"]] == ["before"]
    assert load_artifact(artifacts, "before").manifest.version == "before"


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_damaged_registry_stops_a_training_before_it_begins(tmp_path: Path) -> None:
    family = tmp_path / "artifacts" / FAMILY
    family.mkdir(parents=True)
    (family / FILE).write_text("{", encoding="utf-8")
    helpdesk = CommandLine(tmp_path, {"HELPDESK_MODEL__ARTIFACTS_DIR": str(family.parent)})
    result = helpdesk.run("train", "--data", str(write(tmp_path / "mine.csv")))
    assert result.exit_code == 1
    assert "registry.json is damaged" in result.stderr
    assert [path.name for path in family.iterdir() if path.is_dir()] == []
