"""The Compose file and what it needs: no Docker engine runs in the suite, so everything that can be read is checked."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from helpdesk.settings import PROJECT_DIR, Settings, setting_names

COMPOSE_FILE = PROJECT_DIR / "docker-compose.yml"
DOCKERFILE = PROJECT_DIR / "deploy" / "Dockerfile"
ONE_SHOT = {"setup"}
OURS = {"setup", "ticket-api", "agent-console", "prediction-api", "relay", "worker"}
SECRET = re.compile(r"PASS(WORD)?$|KEY$|TOKEN$|SECRET$")
VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::([-?])([^}]*))?\}")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(COMPOSE_FILE.read_text(encoding="utf-8"))
    return document


def services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose["services"]
    return found


def stages() -> set[str]:
    return set(re.findall(r"^FROM \S+ AS (\S+)", DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE))


def test_the_file_fits_the_compose_schema() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE_FILE)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_service_of_the_design_is_there(compose: dict[str, Any]) -> None:
    assert set(services(compose)) == {"rabbitmq", "postgres", "chroma"} | OURS


def test_no_secret_stands_in_the_file(compose: dict[str, Any]) -> None:
    for name, service in services(compose).items():
        for variable, value in service.get("environment", {}).items():
            if SECRET.search(variable):
                assert VARIABLE.fullmatch(value), f"{name}: {variable} is a literal"
            if value.startswith(("amqp://", "postgresql://")):
                assert re.search(r":\$\{[A-Z_]+:\?[^}]+\}@", value), f"{name}: {variable} holds a literal password"


def test_a_secret_that_is_required_has_no_default(compose: dict[str, Any]) -> None:
    used = VARIABLE.findall(COMPOSE_FILE.read_text(encoding="utf-8"))
    secrets = {(name, mark, rest) for name, mark, rest in used if SECRET.search(name)}
    assert {name for name, _, _ in secrets} >= {"POSTGRES_PASSWORD", "RABBITMQ_PASSWORD", "PREDICTION_API_KEY"}
    for name, mark, rest in secrets:
        if mark == "-":
            assert rest == "", f"{name} has a default"
        else:
            assert mark == "?", f"{name} would silently be empty"
            assert rest, f"{name} lacks its message"


def test_ports_are_published_on_loopback_only(compose: dict[str, Any]) -> None:
    published = [port for service in services(compose).values() for port in service.get("ports", [])]
    assert published
    assert [port for port in published if not str(port).startswith("127.0.0.1:")] == []


def test_every_service_has_a_health_check_or_runs_once(compose: dict[str, Any]) -> None:
    without = {name for name, service in services(compose).items() if "healthcheck" not in service}
    assert without == ONE_SHOT
    waited_for = {
        name: condition["condition"]
        for service in services(compose).values()
        for name, condition in service.get("depends_on", {}).items()
    }
    for name, condition in waited_for.items():
        expected = "service_completed_successfully" if name in ONE_SHOT else "service_healthy"
        assert condition == expected, name


def test_a_health_check_asks_the_port_at_which_its_service_listens(compose: dict[str, Any]) -> None:
    settings = Settings.model_construct()
    ports = {
        "ticket-api": settings.ticket_api.port,
        "agent-console": settings.agent_console.port,
        "prediction-api": settings.prediction_api.port,
        "relay": settings.metrics.relay_port,
        "worker": settings.metrics.worker_port,
    }
    for name, port in ports.items():
        command = ["python", "-m", "deploy.healthcheck", "http", str(port)]
        assert services(compose)[name]["healthcheck"]["test"] == ["CMD", *command]
        stage = DOCKERFILE.read_text(encoding="utf-8").partition(f" AS {name}\n")[2].partition("\nFROM")[0]
        assert json.dumps(command) in stage
        assert f"EXPOSE {port}\n" in stage


def test_every_setting_that_is_set_exists(compose: dict[str, Any]) -> None:
    known = set(setting_names())
    for name in OURS:
        assert set(services(compose)[name]["environment"]) - known == set(), name


def test_state_lies_in_named_volumes(compose: dict[str, Any]) -> None:
    used = {
        str(volume).partition(":")[0] for service in services(compose).values() for volume in service.get("volumes", [])
    }
    assert used == set(compose["volumes"])


def test_the_worker_can_be_scaled(compose: dict[str, Any]) -> None:
    worker = services(compose)["worker"]
    assert not {"container_name", "ports", "hostname"} & set(worker)


def test_every_build_target_exists_and_runs_as_a_user_without_rights(compose: dict[str, Any]) -> None:
    for name in OURS:
        assert services(compose)[name]["build"]["target"] in stages()
    text = DOCKERFILE.read_text(encoding="utf-8")
    base = text.split("AS base", 1)[1]
    assert "\nUSER helpdesk\n" in base.split("\nFROM ", 1)[0]
    assert "\nUSER root" not in text


def test_what_the_image_copies_exists_and_reaches_the_builder() -> None:
    allowed = {
        line[1:]
        for line in (PROJECT_DIR / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    for line in DOCKERFILE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("COPY ") or "--from" in line:
            continue
        for source in line.split()[1:-1]:
            assert list(PROJECT_DIR.glob(source)), f"{source} does not exist"
            assert source in allowed, f"{source} does not reach the builder"


@pytest.mark.parametrize(
    "module", ["ticket_api", "agent_console", "prediction_api", "relay", "processor", "deploy.setup"]
)
def test_what_the_containers_start_exists(module: str) -> None:
    assert f'"-m", "{module}"' in DOCKERFILE.read_text(encoding="utf-8")
    path = PROJECT_DIR / Path(*module.split("."))
    assert (path / "__main__.py").is_file() or path.with_suffix(".py").is_file()


def test_the_example_environment_names_every_variable_and_holds_no_secret(compose: dict[str, Any]) -> None:
    example = (PROJECT_DIR / "deploy" / "env.example").read_text(encoding="utf-8")
    named = dict(re.findall(r"^#? ?([A-Z_]+)=(.*)$", example, re.MULTILINE))
    assert set(named) == {name for name, _, _ in VARIABLE.findall(COMPOSE_FILE.read_text(encoding="utf-8"))}
    assert [name for name, value in named.items() if SECRET.search(name) and value] == []
