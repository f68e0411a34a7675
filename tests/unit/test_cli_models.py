"""`helpdesk models`: every step of a version's way, for people and for programs."""

import json
from pathlib import Path

import pytest

from helpdesk.settings import PROJECT_DIR, ModelSettings
from models.artifact import FAMILY
from models.registry_file import FILE, RegistryFile
from models.shadow_log import ShadowLog, shadow_record
from tests.command_line import CommandLine
from tests.fakes import make_prediction
from tests.model_versions import add_version, change_manifest, doubtful


@pytest.fixture
def helpdesk(tmp_path: Path) -> CommandLine:
    """Return the command line of a machine with a live version, ``live``, and a gate of 250 tickets."""
    artifacts = tmp_path / "artifacts"
    add_version(artifacts, "live")
    RegistryFile(artifacts).settle()
    lines = (PROJECT_DIR / "data" / "training_tickets.jsonl").read_text(encoding="utf-8").splitlines()
    tests = [line for line in lines if json.loads(line)["split"] == "test"]
    (tmp_path / "gate.jsonl").write_text("\n".join(tests[:: len(tests) // 250]), encoding="utf-8")
    variables = {
        "HELPDESK_MODEL__ARTIFACTS_DIR": str(artifacts),
        "HELPDESK_MODEL__ENCODER_DIR": str(ModelSettings().encoder_dir),
        "HELPDESK_MODEL__GATE_DATA": str(tmp_path / "gate.jsonl"),
        "HELPDESK_MODEL__GATE_MAX_ECE": "0.08",  # of so few tickets any model's looks larger than it is
    }
    return CommandLine(tmp_path, variables)


@pytest.fixture
def artifacts(helpdesk: CommandLine) -> Path:
    return Path(helpdesk.variables["HELPDESK_MODEL__ARTIFACTS_DIR"])


def states(helpdesk: CommandLine) -> dict[str, str]:
    return {row["version"]: row["state"] for row in helpdesk.json("models", "list")["versions"]}


def test_a_version_goes_the_whole_way_and_back(helpdesk: CommandLine, artifacts: Path) -> None:
    add_version(artifacts, "new")
    assert states(helpdesk) == {"live": "live", "new": "unregistered"}
    assert "new is candidate" in helpdesk.text("models", "register", "new")
    assert "new is shadow" in helpdesk.text("models", "shadow", "new")
    done = helpdesk.json("models", "promote", "new", "--reason", "better on Mondays")
    assert (done["live"], done["shadow"]) == ("new", None)
    assert [(item["version"], item["after"]) for item in done["changes"]] == [("live", "archived"), ("new", "live")]
    assert all(criterion["passed"] for criterion in done["changes"][1]["gate"]["criteria"])
    assert states(helpdesk) == {"live": "archived", "new": "live"}
    assert "live is live" in helpdesk.text("models", "rollback", "--reason", "worse on Tuesdays")
    assert states(helpdesk) == {"live": "live", "new": "archived"}
    history = helpdesk.json("models", "history")["history"]
    assert [item["action"] for item in history] == [
        "rollback", "supersede", "promote", "supersede", "shadow", "register", "adopt"
    ]  # fmt: skip
    assert history[0]["note"]["reason"] == "worse on Tuesdays"
    assert history[0]["note"]["by"]


def test_what_the_gate_refuses_needs_force_and_a_reason_which_stay_on_record(
    helpdesk: CommandLine, artifacts: Path
) -> None:
    add_version(artifacts, "doubtful", doubtful)
    helpdesk.text("models", "register", "doubtful")
    refused = helpdesk.run("models", "promote", "doubtful")
    assert refused.exit_code == 1
    assert "doubtful does not pass the gate" in refused.stderr
    assert "at most 0.0800 is allowed" in refused.stderr
    assert "not met" in refused.stdout
    as_json = helpdesk.run("models", "promote", "doubtful", "--json")
    assert as_json.exit_code == 1
    failed = {item["name"] for item in json.loads(as_json.stdout)["gate"]["criteria"] if not item["passed"]}
    assert "ece" in failed
    assert states(helpdesk) == {"live": "live", "doubtful": "candidate"}
    without = helpdesk.run("models", "promote", "doubtful", "--force", "--reason", " ")
    assert without.exit_code == 2
    assert "--force needs --reason" in without.stderr
    helpdesk.text("models", "promote", "doubtful", "--force", "--reason", "the law changed today")
    assert states(helpdesk) == {"live": "archived", "doubtful": "live"}
    told = helpdesk.text("models", "history")
    assert "forced against: ece" in told
    assert "the law changed today" in told


def test_a_damaged_candidate_is_refused_even_by_force(helpdesk: CommandLine, artifacts: Path) -> None:
    directory = add_version(artifacts, "new")
    helpdesk.text("models", "register", "new")
    (directory / "head.tflite").write_bytes(b"something else")
    force = ("--force", "--reason", "now")
    assert "head.tflite of the model new is damaged" in helpdesk.error("models", "shadow", "new")
    assert "head.tflite of the model new is damaged" in helpdesk.error("models", "promote", "new", "--json", *force)
    assert "damaged" in helpdesk.text("models", "list")
    assert states(helpdesk)["new"] == "candidate"


def test_a_version_with_other_features_is_refused(helpdesk: CommandLine, artifacts: Path) -> None:
    add_version(artifacts, "foreign", lambda manifest: manifest.update(feature_signature="bytes"))
    assert "reads texts as 'bytes'" in helpdesk.error("models", "register", "foreign")


def test_a_live_model_that_cannot_be_measured_holds_a_candidate_up_but_not_force(
    helpdesk: CommandLine, artifacts: Path
) -> None:
    add_version(artifacts, "new")
    helpdesk.text("models", "register", "new")
    (artifacts / FAMILY / "live" / "head.tflite").unlink()
    assert "live cannot be measured: The model live lacks its file" in helpdesk.run("models", "promote", "new").stderr
    helpdesk.text("models", "promote", "new", "--force", "--reason", "the live one is broken")
    assert states(helpdesk) == {"live": "archived", "new": "live"}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"text": "a boat please", "intent": "buy_boat", "split": "test"}', "does not know the intent 'buy_boat'"),
        ("[", "gate.jsonl"),
        (None, "gate.jsonl"),
    ],
    ids=["other labels", "damaged", "missing"],
)
def test_tickets_that_do_not_allow_a_comparison_hold_a_candidate_up_but_not_force(
    helpdesk: CommandLine, artifacts: Path, content: str | None, told: str
) -> None:
    add_version(artifacts, "new")
    helpdesk.text("models", "register", "new")
    gate = helpdesk.state_dir / "gate.jsonl"
    gate.unlink()
    if content is not None:
        gate.write_text(content, encoding="utf-8")
    refused = helpdesk.run("models", "promote", "new")
    assert refused.exit_code == 1
    assert "new cannot be measured" in refused.stderr
    assert told in refused.stderr
    done = helpdesk.json("models", "promote", "new", "--force", "--reason", "other intents from today on")
    assert (done["live"], done["changes"][-1]["forced"]) == ("new", True)


def test_going_back_to_a_damaged_version_is_refused(helpdesk: CommandLine, artifacts: Path) -> None:
    add_version(artifacts, "new")
    helpdesk.text("models", "register", "new")
    helpdesk.text("models", "promote", "new")
    change_manifest(artifacts / FAMILY / "live", lambda manifest: manifest.update(out_of_scope_threshold=99.0))
    assert "live is not the one that was registered" in helpdesk.error("models", "rollback")
    assert states(helpdesk)["new"] == "live"


def test_what_is_not_possible_is_said_in_one_line(helpdesk: CommandLine) -> None:
    for arguments, told in (
        (("promote", "nobody"), "nobody is not registered"),
        (("promote", "live"), "live is live: promote is not possible"),
        (("archive", "live"), "Promote another version, or roll back"),
        (("shadow", "live"), "live is live: shadow is not possible"),
        (("shadow", "--stop"), "No version is in shadow"),
        (("rollback",), "nothing to go back to"),
        (("register", "nobody"), "There is no model at"),
        (("shadow-report",), "no version is in shadow"),
        (("shadow-report", "live"), "live has read no ticket yet"),
    ):
        assert told in helpdesk.error("models", *arguments)
    assert helpdesk.run("models", "shadow").exit_code == 2
    assert helpdesk.run("models", "shadow", "live", "--stop").exit_code == 2


def test_a_damaged_registry_is_said_in_one_line_and_left_alone(helpdesk: CommandLine, artifacts: Path) -> None:
    (artifacts / FAMILY / FILE).write_text("{", encoding="utf-8")
    for arguments in (("list",), ("promote", "live"), ("rollback",), ("history",)):
        assert "registry.json is damaged" in helpdesk.error("models", *arguments)
    assert (artifacts / FAMILY / FILE).read_text(encoding="utf-8") == "{"


def test_a_version_that_the_setting_names_is_pointed_out(helpdesk: CommandLine, artifacts: Path) -> None:
    add_version(artifacts, "new")
    told = helpdesk.run("models", "register", "new", HELPDESK_MODEL__VERSION="live")
    assert "HELPDESK_MODEL__VERSION names live" in told.stderr


def test_what_was_said_in_shadow_is_reported(helpdesk: CommandLine, artifacts: Path) -> None:
    add_version(artifacts, "new")
    helpdesk.text("models", "register", "new")
    helpdesk.text("models", "shadow", "new")
    live = make_prediction("").model_copy(update={"model_version": "live"})
    other = live.model_copy(update={"model_version": "new", "predicted_label": "get_refund"})
    log = ShadowLog(helpdesk.state_dir, "new")
    log.append([shadow_record("text", live, said, duration_s=0.002) for said in (live, live, live, other)])
    with log.path.open("a") as file:
        file.write("cut\n")
    told = helpdesk.text("models", "shadow-report")
    for part in ("new in shadow of live", "75.0%", "cancel_order", "get_refund", "1 lines could not be read"):
        assert part in told
    report = helpdesk.json("models", "shadow-report", "new")
    assert (report["tickets"], report["agreement"], report["unreadable_lines"]) == (4, 0.75, 1)
    assert report["disagreements"] == [["cancel_order", "get_refund", 1]]
