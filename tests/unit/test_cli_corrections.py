"""Correcting on the command line, and what comes of it: a file to look at, and rows to train on."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpdesk.settings import ModelSettings
from tests.command_line import CommandLine, on_this_machine
from tests.factories import make_decision
from tests.live_ticket_api import LiveTicketApi, running

TEXTS = ["I want my money back for the lamp", "Say, where is my parcel now?", "Cancel it all, please do"]


@pytest.fixture
def api(tmp_path: Path) -> Iterator[LiveTicketApi]:
    with running(tmp_path) as live:
        yield live


@pytest.fixture
def helpdesk(api: LiveTicketApi, tmp_path: Path) -> Iterator[CommandLine]:
    """The command line on the machine on which the service runs, with the service's own store."""
    with on_this_machine(api, tmp_path) as command_line:
        yield command_line


def submitted(api: LiveTicketApi, text: str) -> str:
    ticket_id = api.submit(description=text, subject="Hello")
    ticket = api.route(ticket_id)
    with api.store.transaction() as tx:
        prediction = {"predicted_label": "track_order", "out_of_scope": False}
        tx.add_decisions([make_decision(ticket, prediction=prediction, versions={"model": "v7"})])
    return ticket_id


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_an_agent_corrects_a_ticket_and_sees_it_there(api: LiveTicketApi, helpdesk: CommandLine) -> None:
    ticket_id = submitted(api, TEXTS[0])
    printed = helpdesk.text("correct", ticket_id, "get_refund", "--note", "Money.", "--agent", "maria")
    assert printed.strip() == f"correct: ticket {ticket_id} is about get_refund, not track_order"
    shown = helpdesk.text("show", ticket_id)
    assert "get_refund, not track_order (turn 1, by maria)" in shown
    assert "The intent is get_refund; the model had said track_order. Money." in shown
    again = helpdesk.json("correct", ticket_id, "track_order", "--turn", "1")
    assert [made["verdict"] for made in again["corrections"]] == ["wrong", "right"]
    assert "track_order, as the model had said (turn 1, by agent)" in helpdesk.text("show", ticket_id)


def test_an_unknown_intent_is_one_line_with_those_that_there_are(api: LiveTicketApi, helpdesk: CommandLine) -> None:
    error = helpdesk.error("correct", submitted(api, TEXTS[0]), "refund")
    assert "intent: 'refund' is no intent of the live model" in error
    assert error.count("get_refund") == 1


def test_an_exported_file_is_its_owners_and_can_be_evaluated_on(
    api: LiveTicketApi, helpdesk: CommandLine, tmp_path: Path
) -> None:
    for text, intent in zip(TEXTS, ("get_refund", "track_order", "cancel_order"), strict=True):
        helpdesk.text("correct", submitted(api, text), intent)
    helpdesk.text("correct", submitted(api, TEXTS[0]), "out_of_scope")
    file = tmp_path / "corrections.jsonl"
    assert helpdesk.json("corrections", "export", str(file)) == {"file": str(file), "corrections": 4}
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    assert [(row["text"], row["intent"], row["predicted"]) for row in rows(file)][:2] == [
        (f"Hello\n{TEXTS[0]}", "get_refund", "track_order"),
        (f"Hello\n{TEXTS[1]}", "track_order", "track_order"),
    ]
    measured = helpdesk.json(
        "evaluate", "--data", str(file), HELPDESK_MODEL__ENCODER_DIR=str(ModelSettings().encoder_dir)
    )
    assert measured["metrics"]["rows"] == 4
    assert "written: 4 corrections" in helpdesk.text("corrections", "export", str(file))
    third = str(rows(file)[2]["created_at"])
    assert helpdesk.json("corrections", "export", str(file), "--after", third)["corrections"] == 1


@pytest.mark.parametrize("after", ["yesterday", "2026-11-21T10:00:00"])
def test_a_moment_without_a_time_zone_is_bad_usage(helpdesk: CommandLine, tmp_path: Path, after: str) -> None:
    result = helpdesk.run("corrections", "export", str(tmp_path / "corrections.jsonl"), "--after", after)
    assert result.exit_code == 2
    assert "time zone" in result.output


def test_exported_rows_can_be_checked_for_training(api: LiveTicketApi, helpdesk: CommandLine, tmp_path: Path) -> None:
    for number, word in enumerate(["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]):
        intent = ("get_refund", "cancel_order")[number % 2]
        helpdesk.text("correct", submitted(api, f"{intent} {word} " + " ".join([word] * number)), intent)
    file = tmp_path / "corrections.jsonl"
    helpdesk.text("corrections", "export", str(file))
    report = helpdesk.json("train", "--data", str(file), "--check-only")
    assert (report["usable"], report["intents"], sum(report["rows"].values())) == (True, 2, 10)
    assert report["corrections"] is None


@pytest.mark.parametrize(("name", "code"), [("corrections.csv", 2), ("missing/corrections.jsonl", 1)])
def test_a_file_that_cannot_be_written_is_refused(helpdesk: CommandLine, tmp_path: Path, name: str, code: int) -> None:
    result = helpdesk.run("corrections", "export", str(tmp_path / name))
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output


def test_the_report_before_a_training_says_which_corrections_take_part(
    api: LiveTicketApi, helpdesk: CommandLine, tmp_path: Path
) -> None:
    data = tmp_path / "mine.csv"
    parts = ("train", "train", "train", "train", "validation", "test")
    lines = [
        f"{intent} {word} {part},{intent},{part}"
        for intent in ("get_refund", "cancel_order")
        for word, part in zip(("alpha", "beta", "gamma", "delta", "epsilon", "zeta"), parts, strict=True)
    ]
    data.write_text("\n".join(["text,intent,split", "Hello Please do it again,get_refund,train", *lines]))
    for text, intent in (
        (TEXTS[0], "get_refund"),
        (TEXTS[1], "track_order"),
        ("Please do it again", "cancel_order"),
        ("Please, do it again!", "cancel_order"),
    ):
        helpdesk.text("correct", submitted(api, text), intent)
    arguments = ("train", "--data", str(data), "--check-only", "--with-corrections")
    report = helpdesk.json(*arguments)
    until = report["corrections"].pop("until")
    assert report["corrections"] == {"used": 2, "dropped": {"unknown_intent": 1, "repeated": 1}, "replaced": 1}
    assert until.endswith("+00:00")
    printed = helpdesk.text(*arguments)
    assert "corrections: 2 of 4 take part, made until 20" in printed
    assert "1 left out: of an intent that the file has not" in printed
    assert "1 of the file's training rows gave way" in printed


def test_a_store_of_another_schema_is_not_migrated_by_a_reader(tmp_path: Path) -> None:
    result = CommandLine(tmp_path / "empty").run("corrections", "export", str(tmp_path / "corrections.jsonl"))
    assert result.exit_code == 1
    assert "helpdesk run" in result.stderr
    assert not (tmp_path / "corrections.jsonl").exists()
