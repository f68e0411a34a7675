"""What every system of the comparison shares: RabbitMQ, PostgreSQL, the prediction service, and a policy."""

import secrets
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import yaml
from pydantic import SecretStr

from benchmarks.environment import environment_of
from benchmarks.processes import Children, answers
from helpdesk.settings import PredictionApiSettings, ProcessorSettings, Settings
from helpdesk.wiring import open_store
from tests.servers import PostgreSqlServer, RabbitMqServer, free_port

UNLIMITED = 1_000_000_000
PATIENT_S = 86_400


def start_servers(directory: Path, stack: ExitStack, facts: dict[str, str]) -> tuple[Settings, dict[str, int]]:
    """Start private servers, the tables and the prediction service.

    Returns:
        The settings that lead to them, and their process ids by name.

    Args:
        stack: stops all of it.
        facts: gains the servers' versions.
    """
    postgresql = stack.enter_context(closing(PostgreSqlServer())).start()
    rabbitmq = stack.enter_context(closing(RabbitMqServer())).start()
    settings = Settings(
        state_dir=directory / "state",
        database_url=SecretStr(postgresql.url),
        rabbitmq_url=SecretStr(rabbitmq.url),
        prediction_api=PredictionApiSettings(
            port=free_port(), api_key=SecretStr(secrets.token_urlsafe(32)), requests_per_minute=UNLIMITED
        ),
        processor=ProcessorSettings(
            policy_file=_routing_policy(directory), stuck_after_s=PATIENT_S, decide_within_s=PATIENT_S
        ),
    )
    with closing(open_store(settings)) as store:
        store.migrate()
    service = stack.enter_context(Children(directory)).python(
        "prediction", "-m", "prediction_api", environment=environment_of(settings)
    )
    service.wait_until(lambda: answers(f"http://127.0.0.1:{settings.prediction_api.port}/ready"), what="to be ready")
    facts["RabbitMQ"] = rabbitmq.ctl("version").strip()
    facts["PostgreSQL"] = _version(postgresql)
    return settings, {"RabbitMQ": rabbitmq.pid, "PostgreSQL": postgresql.pid, "prediction": service.pid}


def _routing_policy(directory: Path) -> Path:
    """Write the shipped policy with every intent kept for people: the job has no knowledge base to answer from."""
    rules = yaml.safe_load(ProcessorSettings().policy_file.read_text(encoding="utf-8"))
    rules["autonomy"] = {"default": "off", "intents": {}}
    path = directory / "policy.yaml"
    path.write_text(yaml.safe_dump(rules), encoding="utf-8")
    return path


def _version(server: PostgreSqlServer) -> str:
    with psycopg.connect(server.url) as connection:
        return str(connection.info.parameter_status("server_version"))
