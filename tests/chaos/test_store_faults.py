"""Faults of the store under load: what is not stored is not acknowledged, and what is stored is decided later."""

import sqlite3
import threading
import time

import pytest

from tests.chaos.checker import show
from tests.chaos.conftest import StartSystem, fresh_database
from tests.fault_proxy import FaultProxy
from tests.servers import PostgreSqlServer

pytestmark = pytest.mark.timeout(150)


def test_a_locked_database_delays_but_loses_nothing(start_system: StartSystem) -> None:
    system = start_system("embedded", extra={"HELPDESK_STORE__BUSY_WAIT_S": "1"})

    def lock() -> None:
        time.sleep(1)
        connection = sqlite3.connect(system.directory / "helpdesk.db", isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(5)
        connection.execute("ROLLBACK")
        connection.close()

    locker = threading.Thread(target=lock)
    locker.start()
    accepted = system.post_all(60, per_s=15)
    locker.join()
    system.wait_until_decided(limit_s=60)
    counts = system.counts(accepted, attempted=60)
    show("SQLite locked for 5 s", counts)
    assert counts.sound, counts


@pytest.mark.postgresql
@pytest.mark.parametrize(
    "fault",
    [
        "killed",
        pytest.param("stopped", marks=pytest.mark.chaos),
        pytest.param("frozen", marks=pytest.mark.chaos),
    ],
)
def test_a_database_server_that_fails_and_comes_back(
    fault: str, start_system: StartSystem, postgresql_server: PostgreSqlServer
) -> None:
    server = postgresql_server
    system = start_system("servers", database_url=fresh_database(server.url))

    def disturb() -> None:
        time.sleep(1)
        {"killed": server.kill, "stopped": server.stop, "frozen": server.freeze}[fault]()
        time.sleep(4)
        server.ensure_running()

    disturber = threading.Thread(target=disturb)
    disturber.start()
    accepted = system.post_all(60, per_s=12)
    disturber.join()
    system.wait_until_decided(limit_s=60)
    counts = system.counts(accepted, attempted=60)
    show(f"PostgreSQL {fault} for 4 s", counts)
    assert counts.sound, counts


@pytest.mark.postgresql
@pytest.mark.chaos
def test_a_connection_to_the_database_that_is_cut_again_and_again(
    start_system: StartSystem, postgresql_url: str
) -> None:
    with FaultProxy.before(postgresql_url) as proxy:
        system = start_system("servers", database_url=proxy.through(fresh_database(postgresql_url)))

        def disturb() -> None:
            for _ in range(8):
                time.sleep(0.6)
                proxy.reset()

        disturber = threading.Thread(target=disturb)
        disturber.start()
        accepted = system.post_all(60, per_s=12)
        disturber.join()
        system.wait_until_decided(limit_s=60)
        counts = system.counts(accepted, attempted=60)
        show("connection to PostgreSQL cut eight times", counts)
        assert counts.sound, counts
        system.close()
