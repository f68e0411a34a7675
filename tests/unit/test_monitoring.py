"""The scrape configurations: every service has a job, at the port where it listens, and no key stands in a file."""

from typing import Any

import pytest
import yaml

from helpdesk.settings import PROJECT_DIR, Settings

FOLDER = PROJECT_DIR / "monitoring"
FILES = ("prometheus.yml", "prometheus-compose.yml")


def jobs(file: str) -> dict[str, dict[str, Any]]:
    document = yaml.safe_load((FOLDER / file).read_text(encoding="utf-8"))
    return {job["job_name"]: job for job in document["scrape_configs"]}


def targets(job: dict[str, Any]) -> list[str]:
    static = [target for config in job.get("static_configs", []) for target in config["targets"]]
    looked_up = [f"{name}:{c['port']}" for c in job.get("dns_sd_configs", []) for name in c["names"]]
    return static + looked_up


@pytest.mark.parametrize("file", FILES)
def test_every_service_is_scraped_where_it_listens_by_default(file: str) -> None:
    settings = Settings.model_construct()
    ports = {
        "ticket-api": settings.ticket_api.port,
        "prediction-api": settings.prediction_api.port,
        "relay": settings.metrics.relay_port,
        "worker": settings.metrics.worker_port,
    }
    found = jobs(file)
    assert {name: [int(target.rpartition(":")[2]) for target in targets(job)] for name, job in found.items()} == {
        name: [port] for name, port in ports.items()
    }


def test_in_compose_services_are_reached_by_their_names() -> None:
    compose = yaml.safe_load((PROJECT_DIR / "docker-compose.yml").read_text(encoding="utf-8"))
    for name, job in jobs("prometheus-compose.yml").items():
        assert name in compose["services"]
        assert [target.partition(":")[0] for target in targets(job)] == [name]


@pytest.mark.parametrize("file", FILES)
def test_what_wants_a_key_reads_it_from_a_file(file: str) -> None:
    with_key = {name: job["authorization"] for name, job in jobs(file).items() if "authorization" in job}
    assert with_key.keys() == {"ticket-api", "prediction-api"}
    assert all(authorization == {"credentials_file": "operator.key"} for authorization in with_key.values())
