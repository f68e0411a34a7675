"""What Prometheus reads: every service is scraped where it listens, no key stands in a file, rules use what exists."""

import re
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Histogram

from helpdesk import metrics
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


@pytest.mark.parametrize("file", FILES)
def test_the_rules_lie_beside_the_configuration_that_names_them(file: str) -> None:
    document = yaml.safe_load((FOLDER / file).read_text(encoding="utf-8"))
    assert [(FOLDER / name).is_file() for name in document["rule_files"]] == [True]


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load((FOLDER / "drift-rules.yml").read_text(encoding="utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def test_rules_name_only_series_that_a_service_or_a_rule_before_them_makes() -> None:
    known = {f"{metric._name}_total" for metric in vars(metrics).values() if isinstance(metric, Counter)}
    for metric in vars(metrics).values():
        if isinstance(metric, Histogram):
            known |= {f"{metric._name}_{part}" for part in ("sum", "count", "bucket")}
    for rule in rules():
        named = set(re.findall(r"\bhelpdesk[_:][\w:]+", rule["expr"]))
        assert named, rule
        assert named <= known, rule
        known.add(rule.get("record", ""))


def test_rules_group_and_filter_by_labels_that_the_metrics_have() -> None:
    declared = {*metrics.predictions._labelnames, *metrics.prediction_languages._labelnames}
    for rule in rules():
        grouped = re.findall(r"(?:by|ignoring) \(([^)]+)\)", rule["expr"])
        filtered = re.findall(r"{(\w+)=", rule["expr"])
        assert {name.strip() for names in grouped for name in names.split(",")} | set(filtered) <= declared, rule


def test_an_alert_says_what_to_do() -> None:
    alerts = [rule for rule in rules() if "alert" in rule]
    assert alerts
    for rule in alerts:
        assert (PROJECT_DIR / rule["annotations"]["remedy"].rpartition("; ")[2]).is_file()
