"""What `helpdesk run` decides before it starts anything: services, ports, environment, curl line."""

import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from cli.environment import child_environment, environment_of
from cli.ports import free_port, local_url, require_free_ports, with_ports
from cli.run import curl_line, with_processor_key
from cli.service_names import ServiceName
from cli.services import needed, plan
from helpdesk.errors import InvalidSetting
from helpdesk.settings import PROJECT_DIR, MetricsSettings, Settings, TicketApiSettings, load_settings, setting_names

EVERYTHING = {
    "HELPDESK_STATE_DIR": "/var/lib/helpdesk",
    "RABBITMQ_URL": "amqp://localhost/",
    "DATABASE_URL": "postgresql://localhost/helpdesk",
    "CHROMA_URL": "http://localhost:8001",
    "ANTHROPIC_API_KEY": "key",
    "HELPDESK_PROCESSOR__PREFETCH": "7",
    "HELPDESK_PREDICTION_API__API_KEY": "secret",
    "HELPDESK_LOG__FORMAT": "json",
    "HELPDESK_TICKET_API__CLAIM_LEASE_S": "12.5",
}


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in setting_names():
        monkeypatch.delenv(name, raising=False)


def make_settings(state_dir: Path, **changes: object) -> Settings:
    return Settings(state_dir=state_dir).model_copy(update=changes)


def test_the_environment_of_settings_gives_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in EVERYTHING.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    variables = environment_of(settings)
    assert variables == EVERYTHING
    for name in EVERYTHING:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert load_settings() == settings


def test_a_child_sees_the_settings_that_were_decided_on_and_not_its_parents(tmp_path: Path) -> None:
    inherited = {"PATH": "/bin", "DATABASE_URL": "postgresql://elsewhere/", "HELPDESK_LOG__LEVEL": "ERROR"}
    assert child_environment(make_settings(tmp_path), inherited) == {
        "PATH": "/bin",
        "HELPDESK_STATE_DIR": str(tmp_path),
    }


def test_one_worker_needs_no_index_server_and_two_do(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    assert ServiceName.CHROMA not in needed(settings, workers=1)
    assert ServiceName.CHROMA in needed(settings, workers=2)
    assert ServiceName.CHROMA not in needed(
        make_settings(tmp_path, chroma_url=SecretStr("http://chroma:8000")), workers=2
    )


def test_a_prediction_service_elsewhere_is_not_started_here(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    elsewhere = settings.prediction_api.model_copy(update={"url": "http://gpu:8000"})
    assert ServiceName.PREDICTION_API not in needed(make_settings(tmp_path, prediction_api=elsewhere), workers=1)


def test_workers_start_after_all_that_they_ask(tmp_path: Path) -> None:
    services = plan(make_settings(tmp_path), list(ServiceName), workers=2)
    assert [service.name for service in services] == [
        "chroma",
        "prediction-api",
        "ticket-api",
        "agent-console",
        "relay",
        "knowledge",
        "worker-1",
        "worker-2",
    ]
    for worker in services[-2:]:
        assert worker.after == ("chroma", "prediction-api", "knowledge")
        assert worker.environment["CHROMA_URL"] == services[0].url


def test_a_service_alone_waits_for_no_other(tmp_path: Path) -> None:
    services = plan(make_settings(tmp_path), [ServiceName.WORKER], workers=1)
    assert [(service.name, service.after) for service in services] == [("knowledge", ()), ("worker", ("knowledge",))]


def test_worker_and_prediction_api_share_the_processors_key(tmp_path: Path) -> None:
    settings = with_processor_key(make_settings(tmp_path), {"processor": "hd_ml_x"})
    services = plan(settings, list(ServiceName), workers=1)
    keys = {service.environment["HELPDESK_PREDICTION_API__API_KEY"] for service in services}
    assert keys == {"hd_ml_x"}


def test_a_configured_processor_key_stays(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    prediction_api = settings.prediction_api.model_copy(update={"api_key": SecretStr("mine")})
    settings = make_settings(tmp_path, prediction_api=prediction_api)
    assert with_processor_key(settings, {"processor": "hd_ml_x"}) == settings


def test_a_taken_port_is_told_with_its_setting_and_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        settings = make_settings(tmp_path, ticket_api=TicketApiSettings(port=port))
        with pytest.raises(InvalidSetting) as told:
            require_free_ports(settings, [ServiceName.TICKET_API])
        require_free_ports(settings, [ServiceName.PREDICTION_API])
    for part in ("HELPDESK_TICKET_API__PORT", str(port), "another port"):
        assert part in str(told.value)


def test_every_worker_of_a_machine_has_a_metrics_port_of_its_own(tmp_path: Path) -> None:
    services = plan(make_settings(tmp_path), [ServiceName.RELAY, ServiceName.WORKER], workers=3)
    assert {service.name: service.metrics_url for service in services if service.metrics_url} == {
        "relay": "http://127.0.0.1:9180/metrics",
        "worker-1": "http://127.0.0.1:9181/metrics",
        "worker-2": "http://127.0.0.1:9182/metrics",
        "worker-3": "http://127.0.0.1:9183/metrics",
    }
    ports = [service.environment.get("HELPDESK_METRICS__WORKER_PORT") for service in services[-3:]]
    assert ports == ["9181", "9182", "9183"]


def test_metrics_that_are_switched_off_stay_off_for_every_worker(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, metrics=MetricsSettings(relay_port=0, worker_port=0))
    services = plan(settings, [ServiceName.RELAY, ServiceName.WORKER], workers=2)
    assert not any(service.metrics_url for service in services)
    assert {service.environment["HELPDESK_METRICS__WORKER_PORT"] for service in services[-2:]} == {"0"}


def test_the_metrics_port_of_any_worker_may_be_the_taken_one(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        settings = make_settings(tmp_path, metrics=MetricsSettings(worker_port=port - 1))
        with pytest.raises(InvalidSetting, match=f"port {port} .* worker") as told:
            require_free_ports(settings, [ServiceName.WORKER], workers=2)
        assert told.value.field == "HELPDESK_METRICS__WORKER_PORT"
        require_free_ports(settings, [ServiceName.TICKET_API], workers=2)
    too_high = make_settings(tmp_path, metrics=MetricsSettings(worker_port=65_535))
    with pytest.raises(InvalidSetting, match="65536"):
        require_free_ports(too_high, [ServiceName.WORKER], workers=2)


def test_an_address_of_another_machine_is_told(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, ticket_api=TicketApiSettings(host="192.0.2.1"))
    with pytest.raises(InvalidSetting, match=r"192\.0\.2\.1"):
        require_free_ports(settings, [ServiceName.TICKET_API])


def test_port_0_becomes_a_free_port(tmp_path: Path) -> None:
    settings = with_ports(make_settings(tmp_path, ticket_api=TicketApiSettings(port=0)))
    assert settings.ticket_api.port > 0
    assert settings.prediction_api.port == 8000
    require_free_ports(settings, [ServiceName.TICKET_API])


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:1"),
        ("0.0.0.0", "http://127.0.0.1:1"),  # noqa: S104 - compared, not bound
        ("::", "http://[::1]:1"),
        ("h", "http://h:1"),
    ],
)
def test_a_service_is_reached_at_an_address_of_this_machine(host: str, url: str) -> None:
    assert local_url(host, 1) == url


def test_the_curl_line_is_one_line_of_words_that_the_shell_keeps_apart() -> None:
    line = curl_line("http://127.0.0.1:8080", "hd_portal_x")
    words = shlex.split(line)
    assert "\n" not in line
    assert words[:3] == ["curl", "-sS", "http://127.0.0.1:8080/tickets"]
    assert "Authorization: Bearer hd_portal_x" in words


def test_an_unknown_service_is_bad_usage() -> None:
    command = [sys.executable, "-m", "cli", "run", "ticket-apu"]
    done = subprocess.run(command, cwd=PROJECT_DIR, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "ticket-api" in done.stderr


def test_a_free_port_can_be_bound() -> None:
    port = free_port("127.0.0.1")
    with socket.create_server(("127.0.0.1", port)):
        pass
