"""Fixtures that every suite shares: real servers, private ones unless the environment names one."""

import os
from collections.abc import Iterator
from typing import TypeVar

import pytest

from helpdesk.adapters.encoder_minilm import MiniLmEncoder
from tests.mlflow import MlflowServer
from tests.servers import PostgreSqlServer, RabbitMqServer, Server, ServerMissing

NOT_TESTED = "NOT TESTED"
COUNTS = "counts"
"""Name of the property of a test's report that holds what became of its tickets."""
AnyServer = TypeVar("AnyServer", RabbitMqServer, PostgreSqlServer, MlflowServer)

_running: list[Server] = []


@pytest.fixture(scope="session")
def rabbitmq_server() -> Iterator[RabbitMqServer]:
    """A private node that tests may stop, kill and freeze; it runs again before the next test."""
    yield from _serve(RabbitMqServer)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSqlServer]:
    """A private cluster that tests may stop, kill and freeze; it runs again before the next test."""
    yield from _serve(PostgreSqlServer)


@pytest.fixture(scope="session")
def mlflow_server() -> Iterator[MlflowServer]:
    """A private MLflow server, with users and passwords, that keeps files itself."""
    yield from _serve(MlflowServer)


@pytest.fixture(scope="session")
def rabbitmq_url(request: pytest.FixtureRequest) -> str:
    """The AMQP URL of the server that RABBITMQ_URL names, else of a private node."""
    return os.environ.get("RABBITMQ_URL") or str(request.getfixturevalue("rabbitmq_server").url)


@pytest.fixture(scope="session")
def postgresql_url(request: pytest.FixtureRequest) -> str:
    """The URL of the database that DATABASE_URL names, else of an empty one in a private cluster."""
    return os.environ.get("DATABASE_URL") or str(request.getfixturevalue("postgresql_server").url)


@pytest.fixture(scope="session")
def encoder() -> MiniLmEncoder:
    """MiniLM; it loads at the first use, and remembers what any test had it encode."""
    return MiniLmEncoder()


@pytest.fixture(autouse=True)
def _servers_run_again() -> Iterator[None]:
    yield
    for server in _running:
        server.ensure_running()


def _serve(kind: type[AnyServer]) -> Iterator[AnyServer]:
    try:
        server = kind()
    except ServerMissing as missing:
        if os.environ.get("CI"):
            pytest.fail(f"{kind.name} is required where CI is set: {missing}", pytrace=False)
        pytest.skip(f"{NOT_TESTED}, because {kind.name} is missing: {missing}")
    _running.append(server)
    try:
        yield server.start()
    finally:
        _running.remove(server)
        server.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what became of the tickets under each fault, and loudly, once, which servers were missing."""
    ended = [report for reports in terminalreporter.stats.values() for report in reports]
    torn_down = [report for report in ended if getattr(report, "when", "") == "teardown"]
    rows = [value for report in torn_down for name, value in report.user_properties if name == COUNTS]
    if rows:
        terminalreporter.section("what became of the tickets")
        for row in rows:
            counts = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in list(row.items())[2:])
            terminalreporter.write_line(f"{row['fault']} ({row['stack']}): {counts}")
    reasons = {report.longrepr[2] for report in terminalreporter.stats.get("skipped", ())}
    for reason in sorted(reason.removeprefix("Skipped: ") for reason in reasons if NOT_TESTED in reason):
        terminalreporter.write_line(reason, red=True, bold=True)
