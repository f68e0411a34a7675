"""The prediction API as a process: it says why it cannot start, and finishes what it began when told to stop."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.servers import free_port

START_LIMIT_S = 60.0
KEY = "a key of the settings"


def start(directory: Path, port: int) -> subprocess.Popen[bytes]:
    values = {
        **{name: value for name, value in os.environ.items() if name not in {"RABBITMQ_URL", "DATABASE_URL"}},
        "HELPDESK_STATE_DIR": str(directory),
        "HELPDESK_PREDICTION_API__PORT": str(port),
        "HELPDESK_PREDICTION_API__API_KEY": KEY,
    }
    with (directory / "log").open("ab") as log:
        return subprocess.Popen([sys.executable, "-m", "prediction_api"], env=values, stdout=log, stderr=log)


@contextmanager
def running(directory: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    process = start(directory, port)
    try:
        limit = time.monotonic() + START_LIMIT_S
        while not is_ready(port):
            assert process.poll() is None, (directory / "log").read_text()
            assert time.monotonic() < limit, "the service was not ready in time"
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()


def is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/ready", timeout=5).is_success
    except httpx.TransportError:
        return False


def predict(port: int, tickets: list[str]) -> httpx.Response:
    headers = {"Authorization": f"Bearer {KEY}"}
    return httpx.post(f"http://127.0.0.1:{port}/predict/batch", json={"tickets": tickets}, headers=headers, timeout=30)


def test_a_port_in_use_is_one_clear_line_and_exit_status_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert start(tmp_path, port).wait(START_LIMIT_S) == 1
    output = (tmp_path / "log").read_text()
    assert f"HELPDESK_PREDICTION_API__PORT: port {port} is in use" in output
    assert "Traceback" not in output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_finishes_what_it_began_and_ends_with_status_0(tmp_path: Path, number: signal.Signals) -> None:
    port = free_port()
    answers: list[httpx.Response] = []
    tickets = [f"My parcel {count} is late. " + "I am waiting for it. " * 150 for count in range(256)]
    with running(tmp_path, port) as process:
        asking = threading.Thread(target=lambda: answers.append(predict(port, tickets)))
        asking.start()
        time.sleep(0.3)
        process.send_signal(number)
        assert process.wait(20) == 0
        asking.join()
    (answer,) = answers
    assert answer.status_code == 200
    assert len(answer.json()["predictions"]) == len(tickets)
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_killed_and_started_again_it_serves(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path, port) as process:
        first = predict(port, ["Where is my parcel?"]).json()
        process.kill()
        process.wait()
    with running(tmp_path, port):
        assert predict(port, ["Where is my parcel?"]).json() == first
