"""The set-up and the health checks of the containers, on the embedded parts."""

import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from deploy import healthcheck
from deploy.setup import set_up
from helpdesk.settings import KnowledgeSettings, Settings
from helpdesk.wiring import open_broker, open_knowledge, open_store

ARTICLE = """---
id: opening-hours
title: "Opening hours"
question: "When is the shop open?"
intent: contact_customer_service
category: CONTACT
updated: 2026-01-01
tags: [hours]
---

The shop is open from 9:00 to 17:00 on weekdays.
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("RABBITMQ_URL", "DATABASE_URL", "CHROMA_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HELPDESK_STATE_DIR", str(tmp_path / "state"))
    articles = tmp_path / "articles"
    articles.mkdir()
    (articles / "opening-hours.md").write_text(ARTICLE, encoding="utf-8")
    return Settings(state_dir=tmp_path / "state", knowledge=KnowledgeSettings(path=articles))


def test_set_up_makes_all_parts_usable_and_may_run_again(settings: Settings) -> None:
    set_up(settings)
    set_up(settings)
    with closing(open_store(settings)) as store:
        store.check()
    with closing(open_broker(settings)) as broker:
        broker.check()
    with closing(open_knowledge(settings)) as knowledge:
        assert knowledge.version()


class _Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that it overrides
        pass


@pytest.fixture
def port() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), _Healthy)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_service_that_answers_is_healthy(port: int) -> None:
    assert healthcheck.main(["http", str(port)]) == 0


def test_a_service_that_does_not_listen_is_unhealthy(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert healthcheck.main(["http", "1"]) == 1
    assert "refused" in capsys.readouterr().err


def test_a_wrong_call_says_how_to_call_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert healthcheck.main([]) == 1
    assert capsys.readouterr().err.startswith("usage:")
