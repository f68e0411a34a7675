"""The ticket API as a process: it says why it cannot start, drains when told to stop, and loses nothing when killed."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from helpdesk.adapters.store_sql import SqlStore
from helpdesk.failpoints import VARIABLE
from helpdesk.messages import TicketSubmitted, decode
from helpdesk.ports.store import Role
from helpdesk.settings import Settings, StoreSettings
from helpdesk.web.keys import new_key
from tests.live_ticket_api import TICKET
from tests.servers import free_port

START_LIMIT_S = 30.0


class Installation:
    """A state directory with a portal's key, and the processes that run on it."""

    def __init__(self, directory: Path) -> None:
        self.settings = Settings(state_dir=directory)
        self.port = free_port()
        self.log = directory / "ticket-api.log"
        secret, key = new_key(Role.PORTAL, name="shop")
        with self.store() as store:
            store.migrate()
            with store.transaction() as tx:
                tx.add_api_key(key)
        self.headers = {"Authorization": f"Bearer {secret}"}

    @contextmanager
    def store(self) -> Iterator[SqlStore]:
        with closing(SqlStore(f"sqlite:///{self.settings.state_dir / 'helpdesk.db'}", StoreSettings())) as store:
            yield store

    def start(self, **environment: str) -> subprocess.Popen[bytes]:
        values = {
            **{name: value for name, value in os.environ.items() if name not in {"RABBITMQ_URL", "DATABASE_URL"}},
            "HELPDESK_STATE_DIR": str(self.settings.state_dir),
            "HELPDESK_TICKET_API__PORT": str(self.port),
            **environment,
        }
        with self.log.open("ab") as log:
            return subprocess.Popen([sys.executable, "-m", "ticket_api"], env=values, stdout=log, stderr=log)

    @contextmanager
    def running(self, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
        process = self.start(**environment)
        try:
            limit = time.monotonic() + START_LIMIT_S
            while True:
                try:
                    httpx.get(f"{self.url}/health", timeout=5)
                    break
                except httpx.TransportError:
                    assert process.poll() is None, self.log.read_text()
                    assert time.monotonic() < limit, "the service did not start in time"
                    time.sleep(0.05)
            yield process
        finally:
            process.kill()
            process.wait()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def submit(self, key: str) -> httpx.Response:
        return httpx.post(
            f"{self.url}/tickets", json=TICKET, headers={**self.headers, "Idempotency-Key": key}, timeout=10
        )


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


def test_a_port_in_use_is_one_clear_line_and_exit_status_1(installation: Installation) -> None:
    with socket.create_server(("127.0.0.1", installation.port)):
        process = installation.start()
        assert process.wait(START_LIMIT_S) == 1
    output = installation.log.read_text()
    assert f"port {installation.port} is in use" in output
    assert "HELPDESK_TICKET_API__PORT" in output
    assert "Traceback" not in output


def test_a_database_without_the_schema_is_a_clear_line_and_exit_status_1(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    for file in tmp_path.glob("helpdesk.db*"):
        file.unlink()
    process = installation.start()
    assert process.wait(START_LIMIT_S) == 1
    output = installation.log.read_text()
    assert "schema" in output
    assert "Traceback" not in output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_under_load_it_answers_what_it_accepted_and_ends_with_status_0(
    installation: Installation, number: signal.Signals
) -> None:
    accepted: list[str] = []
    cut_off: list[str] = []

    def post(worker: int) -> None:
        with httpx.Client(base_url=installation.url, headers=installation.headers, timeout=10) as client:
            for count in range(10_000):
                try:
                    response = client.post("/tickets", json={**TICKET, "subject": f"{worker}/{count}"})
                except httpx.ConnectError:
                    return
                except httpx.TransportError as error:
                    cut_off.append(repr(error))
                    return
                assert response.status_code == 202
                accepted.append(response.json()["ticket_id"])

    with installation.running() as process:
        threads = [threading.Thread(target=post, args=(worker,)) for worker in range(8)]
        for thread in threads:
            thread.start()
        while len(accepted) < 50:
            time.sleep(0.01)
        process.send_signal(number)
        status = process.wait(20)
        for thread in threads:
            thread.join()
    output = installation.log.read_text()
    assert status == 0, output
    assert "ticket API stopped" in output
    assert "Traceback" not in output
    with installation.store() as store, store.reading() as tx:
        assert set(tx.tickets(accepted)) == set(accepted)
        stored = sum(tx.counts_by_status().values())
    # A connection that was idle when it stopped may be cut; a request in flight is answered.
    assert stored == len(accepted), cut_off


def test_killed_after_the_commit_the_ticket_is_kept_and_the_retry_gets_it(installation: Installation) -> None:
    with installation.running(**{VARIABLE: "intake.after_commit_before_reply"}) as process:
        with pytest.raises(httpx.TransportError):
            installation.submit("key-1")
        assert process.wait(timeout=10) == -signal.SIGKILL
    with installation.store() as store, store.reading() as tx:
        (row,) = tx.outbox(limit=10)
        message = decode(row.envelope.body)
    assert isinstance(message, TicketSubmitted)
    with installation.running():
        retried = installation.submit("key-1")
        assert retried.status_code == 202
        assert retried.json()["ticket_id"] == message.ticket_id
        assert retried.headers["idempotency-replayed"] == "true"


def test_killed_at_any_moment_it_has_kept_every_ticket_that_it_accepted(installation: Installation) -> None:
    accepted: set[str] = set()
    for round_number in range(3):
        stop = threading.Event()

        def post(worker: int, round_number: int = round_number, stop: threading.Event = stop) -> None:
            with httpx.Client(base_url=installation.url, headers=installation.headers, timeout=5) as client:
                while not stop.is_set():
                    try:
                        body = {**TICKET, "subject": f"{round_number}/{worker}"}
                        accepted.add(client.post("/tickets", json=body).json()["ticket_id"])
                    except httpx.TransportError:
                        return

        with installation.running() as process:
            threads = [threading.Thread(target=post, args=(worker,)) for worker in range(8)]
            before = len(accepted)
            for thread in threads:
                thread.start()
            while len(accepted) < before + 40:
                time.sleep(0.01)
            process.kill()
            stop.set()
            for thread in threads:
                thread.join()
    with installation.store() as store, store.reading() as tx:
        assert set(tx.tickets(sorted(accepted))) == accepted
