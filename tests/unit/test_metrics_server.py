"""Metrics and health of a process without HTTP of its own."""

import logging
import socket
import threading
import time
from collections.abc import Callable

import httpx
import pytest
from prometheus_client import REGISTRY

from helpdesk import dependencies
from helpdesk.dependencies import Dependencies
from helpdesk.errors import BrokerUnavailable
from helpdesk.metrics_server import observed
from tests.servers import free_port

SETTING = "HELPDESK_METRICS__RELAY_PORT"


def nothing() -> None:
    """A part that can always be used."""


def away() -> None:
    raise BrokerUnavailable("the broker does not answer")


def get(port: int, path: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=5, trust_env=False)


def up(dependency: str) -> float | None:
    return REGISTRY.get_sample_value("helpdesk_dependency_up", {"dependency": dependency})


def wait_for(found: Callable[[], object], wanted: object) -> None:
    limit = time.monotonic() + 5
    while found() != wanted:
        assert time.monotonic() < limit, found()
        time.sleep(0.01)


def test_it_serves_metrics_and_health_and_nothing_else() -> None:
    port = free_port()
    with observed("127.0.0.1", port, {}, setting=SETTING):
        metrics, health, other = get(port, "/metrics?x=1"), get(port, "/health"), get(port, "/tickets")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert "# TYPE helpdesk_outbox_messages gauge" in metrics.text
    assert (health.status_code, health.json()) == (200, {"status": "ok", "dependencies": {}})
    assert other.status_code == 404
    with pytest.raises(httpx.ConnectError):
        get(port, "/health")


def test_a_part_that_is_away_shows_in_both_and_the_process_still_lives() -> None:
    port = free_port()
    with observed("127.0.0.1", port, {"store": nothing, "broker": away}, setting=SETTING):
        wait_for(lambda: get(port, "/health").json()["dependencies"], {"store": "ok", "broker": "unavailable"})
        assert get(port, "/health").status_code == 200
        up = {
            name: REGISTRY.get_sample_value("helpdesk_dependency_up", {"dependency": name})
            for name in ("store", "broker")
        }
    assert up == {"store": 1.0, "broker": 0.0}


def test_a_check_that_raises_what_it_should_not_is_logged_and_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    answers = iter((ZeroDivisionError(), None))
    again = threading.Event()

    def check() -> None:
        error = next(answers, None)
        if error is not None:
            raise error
        again.set()

    with Dependencies({"store": check}, every_s=0.01) as asked:
        assert again.wait(5)
        wait_for(asked.states, {"store": "ok"})
    assert [record.message for record in caplog.records] == ["a check failed"]


def test_a_check_that_waits_for_ever_does_not_keep_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dependencies, "STOP_LIMIT_S", 0.05)
    release, begun = threading.Event(), time.monotonic()
    with Dependencies({"broker": lambda: _wait(release)}) as asked:
        assert asked.states() == {"broker": "unknown"}
    assert time.monotonic() - begun < 2
    release.set()


def _wait(release: threading.Event) -> None:
    release.wait(10)


def test_at_port_0_nothing_is_served_and_nobody_is_asked() -> None:
    asked: list[str] = []
    with observed("127.0.0.1", 0, {"store": lambda: asked.append("store")}, setting=SETTING):
        time.sleep(0.05)
    assert asked == []


def test_a_taken_port_is_told_and_the_work_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    worked = False
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with caplog.at_level(logging.ERROR), observed("127.0.0.1", port, {}, setting=SETTING):
            worked = True
    [record] = caplog.records
    assert worked
    assert record.message == "metrics are not served"
    assert f"127.0.0.1:{port}" in record.__dict__["problem"]
    assert SETTING in record.__dict__["remedy"]


def test_a_client_that_hangs_up_or_says_nothing_stops_nobody() -> None:
    port = free_port()
    with observed("127.0.0.1", port, {}, setting=SETTING):
        with socket.create_connection(("127.0.0.1", port)):
            assert get(port, "/health").status_code == 200
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        assert get(port, "/health").status_code == 200
