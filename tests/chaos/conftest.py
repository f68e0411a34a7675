"""The two stacks of the fault suite: embedded parts, and RabbitMQ with PostgreSQL."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.chaos import checker
from tests.chaos.system import System
from tests.conftest import COUNTS

STACKS = ("embedded", pytest.param("servers", marks=pytest.mark.long))
"""With servers by `make test-long` and `make chaos`; every change runs the faults of the servers themselves."""
long_on_servers = pytest.mark.parametrize("stack", ["embedded", pytest.param("servers", marks=pytest.mark.chaos)])
long_on_embedded = pytest.mark.parametrize("stack", ["servers", pytest.param("embedded", marks=pytest.mark.chaos)])
StartSystem = Callable[..., System]


@pytest.fixture(params=STACKS)
def stack(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def _counts_go_to_the_summary(record_property: Callable[[str, object], None]) -> Iterator[None]:
    """Send what the checker counted to the process that sums the run up."""
    checker.shown.clear()
    yield
    for row in checker.shown:
        record_property(COUNTS, row)


@pytest.fixture
def start_system(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StartSystem]:
    """Return a function that starts a system on a stack; all are stopped at the end of the test."""
    systems: list[System] = []

    def start(stack: str, **options: object) -> System:
        urls: dict[str, str] = {}
        if stack == "servers":
            urls["rabbitmq_url"] = request.getfixturevalue("rabbitmq_url")
            urls["database_url"] = fresh_database(request.getfixturevalue("postgresql_url"))
        system = System(tmp_path / f"system-{len(systems)}", **{**urls, **options})  # type: ignore[arg-type]
        systems.append(system)
        system.start()
        return system

    yield start
    for system in systems:
        system.close()


def fresh_database(url: str) -> str:
    """Create an empty database beside the one that ``url`` names, and return its URL."""
    name = f"chaos_{uuid.uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    head, _, tail = url.rpartition("/")
    query = tail.partition("?")[2]
    return f"{head}/{name}" + (f"?{query}" if query else "")
