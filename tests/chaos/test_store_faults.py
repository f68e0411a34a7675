"""Faults of the store under load: what is not stored is not acknowledged, and what is stored is decided later."""

import resource
import sqlite3
import time
import uuid

import pytest

from tests.chaos.conftest import StartSystem, fresh_database
from tests.chaos.system import System
from tests.chaos.trial import for_a_while, survive
from tests.fault_proxy import FaultProxy
from tests.servers import PostgreSqlServer

FULL_BYTES = 65_536
"""No file may grow beyond this while the disk is "full": less than the database and its log have at the start."""

pytestmark = [pytest.mark.long, pytest.mark.timeout(150)]


def test_a_locked_database_delays_but_loses_nothing(start_system: StartSystem) -> None:
    system = start_system("embedded", extra={"HELPDESK_STORE__BUSY_WAIT_S": "1"})
    accepted: dict[str, str] = {}

    def lock() -> None:
        connection = sqlite3.connect(system.directory / "helpdesk.db", isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(3)
        assert post(system, accepted) == 503
        connection.execute("ROLLBACK")
        connection.close()

    survive(system, "SQLite locked for 4 s", lock, also=accepted)


def test_a_full_disk_refuses_tickets_lets_read_and_loses_nothing(start_system: StartSystem) -> None:
    system = start_system("embedded")
    accepted = system.post_all(1, per_s=1)
    [known] = accepted.values()

    def fill() -> None:
        system.limit(resource.RLIMIT_FSIZE, FULL_BYTES)
        system.wait_until(lambda: post(system, accepted) == 503, limit_s=15, what="a refusal")
        time.sleep(2)
        assert post(system, accepted) == 503
        with system.client() as client:
            assert client.get(f"/tickets/{known}").status_code == 200
        system.limit(resource.RLIMIT_FSIZE, -1)

    survive(system, "disk full for 3 s", fill, also=accepted)
    assert system.restarts == 0
    assert system.integrity() == "ok"


@pytest.mark.postgresql
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param("killed", marks=pytest.mark.long),
        pytest.param("stopped", marks=pytest.mark.chaos),
        pytest.param("frozen", marks=pytest.mark.chaos),
    ],
)
def test_a_database_server_that_fails_and_comes_back(
    fault: str, start_system: StartSystem, postgresql_server: PostgreSqlServer
) -> None:
    server = postgresql_server
    system = start_system("servers", database_url=fresh_database(server.url))
    begin = {"killed": server.kill, "stopped": server.stop, "frozen": server.freeze}[fault]
    survive(system, f"PostgreSQL {fault} for 4 s", for_a_while(begin, server.ensure_running, lasting_s=4))


@pytest.mark.postgresql
@pytest.mark.chaos
def test_a_connection_to_the_database_that_is_cut_again_and_again(
    start_system: StartSystem, postgresql_url: str
) -> None:
    with FaultProxy.before(postgresql_url) as proxy:
        system = start_system("servers", database_url=proxy.through(fresh_database(postgresql_url)))

        def cut_often() -> None:
            for _ in range(8):
                time.sleep(0.6)
                proxy.reset()

        survive(system, "connection to PostgreSQL cut eight times", cut_often)
        system.close()


def post(system: System, accepted: dict[str, str]) -> int:
    """Post one ticket, once; return the status."""
    with system.client() as client:
        response = client.post("/tickets", json={"user": "ada@example.org", "description": "please cancel my order"})
    if response.status_code == 202:
        accepted[uuid.uuid4().hex] = response.json()["ticket_id"]
    return response.status_code
