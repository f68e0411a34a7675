"""The relay as a process: it publishes, tells how it does, and ends when told to."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from helpdesk.adapters.store_sql import SqlStore
from helpdesk.settings import PROJECT_DIR, Settings
from tests.e2e.processes import environment, wait_for_lines
from tests.factories import make_submission
from tests.servers import free_port


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with closing(SqlStore.open(Settings(state_dir=tmp_path, database_url=None))) as store:
        store.migrate()
        yield store


def test_its_metrics_tell_what_it_published_and_what_waits(tmp_path: Path, store: SqlStore) -> None:
    port = free_port()
    variables = environment(tmp_path, HELPDESK_METRICS__RELAY_PORT=str(port))
    with store.transaction() as tx:
        tx.add_submissions([make_submission() for _ in range(3)])
    command = [sys.executable, "-m", "relay"]
    with subprocess.Popen(command, cwd=PROJECT_DIR, env=variables, stderr=subprocess.PIPE, text=True) as process:
        try:
            wanted = (
                'helpdesk_messages_published_total{destination="in.normal"} 3.0',
                "helpdesk_outbox_messages 0.0",
                "helpdesk_outbox_oldest_age_seconds 0.0",
                'helpdesk_dependency_up{dependency="store"} 1.0',
                'helpdesk_dependency_up{dependency="broker"} 1.0',
                'helpdesk_sweeps_total{result="done"}',
            )
            wait_for_lines(f"http://127.0.0.1:{port}/metrics", wanted)
            health = httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).json()
            assert health == {"status": "ok", "dependencies": {"store": "ok", "broker": "ok"}}
            os.kill(process.pid, signal.SIGTERM)
            _, log = process.communicate(timeout=15)
        finally:
            process.kill()
    assert process.returncode == 0, log
    assert "relay stopped" in log
