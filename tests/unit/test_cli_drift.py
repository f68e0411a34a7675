"""`helpdesk drift` on a real store, with predictions that the shipped model made of held-out tickets."""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from helpdesk.clock import utc_now
from helpdesk.ports.store import Store
from helpdesk.predictions import Prediction
from helpdesk.settings import PROJECT_DIR, ModelSettings, Settings
from helpdesk.wiring import open_store
from models.artifact import FAMILY
from models.classifier import load_classifier
from models.prediction_profile import profile_window
from models.reference import REFERENCE
from tests.command_line import CommandLine
from tests.factories import make_decision, make_submission, make_ticket
from tests.model_versions import add_version, change_manifest, replace_file

VERSION = "live"
TICKETS = 300
DAY = timedelta(days=1)


def as_version(predictions: Sequence[Prediction], version: str = VERSION) -> list[dict[str, Any]]:
    """Return predictions as decisions of this version keep them."""
    return [prediction.model_copy(update={"model_version": version}).model_dump() for prediction in predictions]


@pytest.fixture(scope="module")
def said() -> dict[str, list[Prediction]]:
    """What the shipped model says of held-out tickets, drawn in two parts alike, and of foreign ones."""
    lines = (PROJECT_DIR / "data" / "training_tickets.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    held_out = [row["text"] for row in rows if row["split"] == "test"][::2]
    foreign = [row["text"] for row in rows if row["intent"] == "out_of_scope" and row["split"] == "validation"]
    model = load_classifier(ModelSettings())
    texts = {"reference": held_out[::2], "usual": held_out[1::2][:TICKETS], "foreign": foreign[:TICKETS]}
    return {name: model.predict(some) for name, some in texts.items()}


@pytest.fixture
def artifacts(tmp_path: Path, said: dict[str, list[Prediction]]) -> Path:
    """A folder whose live version has a reference."""
    directory = add_version(tmp_path, VERSION)
    profile = profile_window(as_version(said["reference"]), VERSION).profile
    replace_file(directory, REFERENCE, profile.model_dump_json().encode())
    return tmp_path


@pytest.fixture
def helpdesk(tmp_path: Path, artifacts: Path) -> CommandLine:
    state_dir = tmp_path / "state"
    state_dir.mkdir()
    return CommandLine(state_dir, {"HELPDESK_MODEL__ARTIFACTS_DIR": str(artifacts), "COLUMNS": "100"})


@pytest.fixture
def store(helpdesk: CommandLine) -> Iterator[Store]:
    with closing(open_store(Settings(state_dir=helpdesk.state_dir, DATABASE_URL=None))) as store:
        store.migrate()
        yield store


def decide(store: Store, predictions: Sequence[dict[str, Any]], *, days_ago: float) -> None:
    """Store a ticket and its decision for each prediction."""
    at = utc_now() - days_ago * DAY
    tickets = [make_ticket(created_at=at) for _ in predictions]
    with store.transaction() as tx:
        tx.add_submissions([make_submission(ticket=ticket) for ticket in tickets])
        tx.add_decisions(
            [
                make_decision(ticket, prediction=prediction, at=at)
                for ticket, prediction in zip(tickets, predictions, strict=True)
            ]
        )


def test_usual_tickets_are_no_drift(helpdesk: CommandLine, store: Store, said: dict[str, list[Prediction]]) -> None:
    decide(store, as_version(said["usual"]), days_ago=1)
    told = helpdesk.text("drift")
    assert "No drift" in told
    for part in (f"live: {len(said['usual'])} tickets", "labels that moved most", "confidence", "not judged", "█"):
        assert part in told
    assert max(map(len, told.splitlines())) <= 100


def test_foreign_tickets_are_drift_and_end_with_code_3(
    helpdesk: CommandLine, store: Store, said: dict[str, list[Prediction]]
) -> None:
    decide(store, as_version(said["foreign"]), days_ago=1)
    shown = helpdesk.run("drift")
    assert shown.exit_code == 3
    (conclusion,) = (line for line in shown.stdout.splitlines() if line.startswith("Drift: "))
    assert "out of scope" in conclusion
    found = helpdesk.run("drift", "--json")
    assert found.exit_code == 3
    document = json.loads(found.stdout)
    assert "out_of_scope" in document["drifted"]
    assert document["against"] == "training"
    scope = document["comparison"]["out_of_scope"]
    assert scope["low"] < scope["window"] < scope["high"]
    assert scope["window"] > 2 * scope["reference"]


def test_a_window_is_compared_with_an_earlier_one_label_by_label(
    helpdesk: CommandLine, store: Store, said: dict[str, list[Prediction]]
) -> None:
    usual = as_version(said["usual"])
    decide(store, usual[::2], days_ago=20)
    decide(store, usual[1::2], days_ago=1)
    assert helpdesk.json("drift", "--against", "30d..7d")["drifted"] == []
    refunds = [prediction | {"predicted_label": "get_refund", "out_of_scope": False} for prediction in usual]
    decide(store, refunds, days_ago=2)
    drifted = helpdesk.run("drift", "--against", "30d..7d")
    assert drifted.exit_code == 3
    assert "labels" in drifted.stdout.split("Drift:")[1]
    assert "get_refund" in drifted.stdout


def test_other_versions_and_decisions_without_a_prediction_are_left_out_and_named(
    helpdesk: CommandLine, store: Store, said: dict[str, list[Prediction]]
) -> None:
    usual = as_version(said["usual"])
    foreign = as_version(said["foreign"], "older")
    decide(store, [*usual, *foreign, {}, {}], days_ago=1)
    told = helpdesk.text("drift")
    assert f"left out: {len(foreign)} by older, 2 without a prediction" in told
    document = helpdesk.json("drift")
    assert document["comparison"]["tickets"] == len(usual)
    assert document["left_out"] == {"other_versions": {"older": len(foreign)}, "without_prediction": 2}


def test_only_the_window_counts(helpdesk: CommandLine, store: Store, said: dict[str, list[Prediction]]) -> None:
    decide(store, as_version(said["foreign"]), days_ago=20)
    decide(store, as_version(said["usual"][:40]), days_ago=3)
    assert helpdesk.json("drift")["comparison"]["tickets"] == 40
    assert helpdesk.run("drift", "--since", "30d", "--until", "7d").exit_code == 3
    assert helpdesk.json("drift", "--since", "48h")["comparison"] is None


def test_a_handful_of_tickets_is_too_few_to_tell(
    helpdesk: CommandLine, store: Store, said: dict[str, list[Prediction]]
) -> None:
    decide(store, as_version(said["foreign"][:8]), days_ago=1)
    assert "No drift found; too few tickets to tell: confidence, out of scope, languages." in helpdesk.text("drift")


def test_an_empty_window_says_what_to_do(
    helpdesk: CommandLine, store: Store, said: dict[str, list[Prediction]]
) -> None:
    told = helpdesk.text("drift")
    assert "live decided no ticket" in told
    assert "drift --since 30d" in told
    decide(store, [*as_version(said["usual"][:3], "older"), {}], days_ago=1)
    told = helpdesk.text("drift")
    assert "left out: 3 by older, 1 without a prediction" in told
    assert "drift --model older" in told
    decide(store, as_version(said["usual"][:3]), days_ago=1)
    assert "drift --against training" in helpdesk.text("drift", "--against", "30d..20d")


def test_a_model_from_before_says_so_and_still_compares_windows(
    helpdesk: CommandLine, artifacts: Path, store: Store, said: dict[str, list[Prediction]]
) -> None:
    change_manifest(artifacts / FAMILY / VERSION, lambda manifest: manifest["files"].pop(REFERENCE))
    told = helpdesk.error("drift")
    assert "live was trained before its held-out distribution was recorded" in told
    assert "helpdesk train" in told
    decide(store, as_version(said["usual"][::2]), days_ago=20)
    decide(store, as_version(said["usual"][1::2]), days_ago=1)
    assert helpdesk.json("drift", "--against", "30d..7d")["drifted"] == []


def test_a_damaged_reference_is_noticed(helpdesk: CommandLine, artifacts: Path) -> None:
    (artifacts / FAMILY / VERSION / REFERENCE).write_text("{}")
    assert f"{REFERENCE} of the model live is damaged" in helpdesk.error("drift")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--since", "yesterday"), "is no moment"),
        (("--since", "1d", "--until", "2d"), "ends after it begins"),
        (("--against", "30d"), "is no window"),
        (("--against", "10d..5d"), "overlaps"),
    ],
)
def test_windows_that_make_no_sense_are_refused(helpdesk: CommandLine, arguments: tuple[str, ...], told: str) -> None:
    refused = helpdesk.run("drift", *arguments)
    assert refused.exit_code == 2
    assert told in " ".join(refused.stderr.replace("│", " ").split())
