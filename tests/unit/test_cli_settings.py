"""`helpdesk settings check`: values, sources, problems, connections."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.settings import masked
from helpdesk.settings import setting_names
from tests.command_line import CommandLine

SECRETS = {
    "RABBITMQ_URL": "amqp://guest:topsecret@127.0.0.1:1/shop",
    "CHROMA_URL": "http://reader:topsecret@127.0.0.1:1",
    "ANTHROPIC_API_KEY": "sk-topsecret",
    "HELPDESK_CLIENT__API_KEY": "hd_agent_topsecret",
}


def checked(helpdesk: CommandLine, **variables: str) -> tuple[int, dict[str, Any]]:
    result = helpdesk.run("settings", "check", "--json", **variables)
    return result.exit_code, json.loads(result.stdout)


def test_every_setting_is_listed_with_value_source_and_description(tmp_path: Path) -> None:
    code, document = checked(CommandLine(tmp_path), HELPDESK_PROCESSOR__PREFETCH="7")
    rows = {row["name"]: row for row in document["settings"]}
    assert code == 0
    assert list(rows) == list(setting_names())
    assert rows["HELPDESK_PROCESSOR__PREFETCH"]["value"] == "7"
    assert rows["HELPDESK_PROCESSOR__PREFETCH"]["source"] == "environment"
    assert rows["HELPDESK_PROCESSOR__BATCH_SIZE"] == {
        "name": "HELPDESK_PROCESSOR__BATCH_SIZE",
        "value": "32",
        "source": "default",
        "description": "Tickets predicted and recorded together.",
    }


def test_no_secret_is_shown(tmp_path: Path) -> None:
    for arguments in (("settings", "check"), ("settings", "check", "--json")):
        assert "topsecret" not in CommandLine(tmp_path).run(*arguments, **SECRETS).output


def test_what_does_not_exist_yet_is_told_and_no_problem(tmp_path: Path) -> None:
    code, document = checked(CommandLine(tmp_path / "new"))
    states = {item["name"]: item["state"] for item in document["connections"]}
    assert code == 0
    assert states["store"] == states["broker"] == states["knowledge"] == "idle"
    assert not (tmp_path / "new").exists()


def test_a_store_that_was_made_is_found(tmp_path: Path) -> None:
    helpdesk = CommandLine(tmp_path)
    helpdesk.json("keys", "list")
    _, document = checked(helpdesk)
    assert {item["name"]: item["state"] for item in document["connections"]}["store"] == "ok"


def test_a_broker_that_cannot_be_reached_is_a_problem(tmp_path: Path) -> None:
    code, document = checked(CommandLine(tmp_path), RABBITMQ_URL="amqp://guest:topsecret@127.0.0.1:1/")
    assert code == 1
    assert any(problem.startswith("broker: ") for problem in document["problems"])
    assert "topsecret" not in str(document)


def test_an_unknown_name_is_reported_with_the_nearest_that_exists(tmp_path: Path) -> None:
    code, document = checked(CommandLine(tmp_path), HELPDESK_PROCESSOR__PREFECH="7", HELPDESK_WORKERS="2")
    assert code == 1
    assert document["problems"][0].endswith("did you mean HELPDESK_PROCESSOR__PREFETCH?")
    assert document["problems"][1].startswith("HELPDESK_WORKERS: no such setting")


def test_every_value_that_does_not_fit_is_reported(tmp_path: Path) -> None:
    code, document = checked(CommandLine(tmp_path), HELPDESK_PROCESSOR__PREFETCH="many", HELPDESK_LOG__LEVEL="LOUD")
    assert code == 1
    assert {problem.partition(":")[0] for problem in document["problems"]} == {
        "HELPDESK_PROCESSOR__PREFETCH",
        "HELPDESK_LOG__LEVEL",
    }


def test_a_database_for_many_machines_with_a_queue_for_one_is_warned_of(tmp_path: Path) -> None:
    server = {"DATABASE_URL": "postgresql://helpdesk:topsecret@127.0.0.1:1/helpdesk"}
    _, document = checked(CommandLine(tmp_path), **server)
    (warning,) = document["warnings"]
    assert "set RABBITMQ_URL" in warning
    assert "topsecret" not in warning
    assert "warning: DATABASE_URL" in CommandLine(tmp_path).run("settings", "check", **server).output


@pytest.mark.parametrize(
    "variables", [{}, {"DATABASE_URL": "postgresql://127.0.0.1:1/x", "RABBITMQ_URL": "amqp://127.0.0.1:1/"}]
)
def test_what_fits_together_is_not_warned_of(tmp_path: Path, variables: dict[str, str]) -> None:
    assert checked(CommandLine(tmp_path), **variables)[1]["warnings"] == []


def test_the_brands_voice_is_shown_and_one_that_does_not_fit_is_a_problem(tmp_path: Path) -> None:
    brand = tmp_path / "brand.json"
    for voice, code, told in (
        ({"sign_off": {"en": "Your team"}}, 0, "Tarnbrook, version "),
        ({"tone": 7}, 1, f"{brand}: voice.tone: "),
        (None, 0, "none: "),
    ):
        brand.write_text(json.dumps({"name": "Tarnbrook", "voice": voice}))
        found, document = checked(CommandLine(tmp_path), HELPDESK_KNOWLEDGE__BRAND_FILE=str(brand))
        (shown,) = [item["detail"] for item in document["connections"] if item["name"] == "brand voice"]
        assert (found, shown.startswith(told)) == (code, True)


def test_people_read_the_same(tmp_path: Path) -> None:
    shown = CommandLine(tmp_path).text("settings", "check")
    assert "HELPDESK_TICKET_API__PORT" in shown
    assert "No problem found." in shown


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        ("sk-topsecret", "••••••"),
        ("amqp://guest:pw@host:5672/shop", "amqp://••••••@host:5672/shop"),
        ("postgresql://host/db?password=pw", "postgresql://host/db"),
        ("amqp://[broken", "••••••"),
    ],
)
def test_a_masked_secret_shows_at_most_the_server(secret: str, shown: str) -> None:
    assert masked(secret) == shown
