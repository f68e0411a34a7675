"""`helpdesk run` as its user runs it: what it prints works, Ctrl-C drains, a taken port is told."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import httpx
import pytest

from helpdesk.settings import PROJECT_DIR
from tests.e2e.processes import HELPDESK, children, environment, is_alive, wait_for_lines
from tests.servers import free_port

START_LIMIT_S = 240.0
STOP_LIMIT_S = 20.0
ARTICLE = """---
id: parcel-late
title: A late parcel
question: Where is my parcel?
intent: track_order
category: SHIPPING
---
Parcels take two to four days. After that we look for yours.
"""

pytestmark = pytest.mark.timeout(START_LIMIT_S + 120)


class Running:
    """A `helpdesk run` process and what it prints."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self.log: list[str] = []
        assert process.stdout is not None
        assert process.stderr is not None
        streams = ((process.stdout, self.lines), (process.stderr, self.log))
        self._readers = [threading.Thread(target=self._read, args=pair, daemon=True) for pair in streams]
        for reader in self._readers:
            reader.start()

    def join(self) -> None:
        """Wait until both streams have ended."""
        for reader in self._readers:
            reader.join(timeout=10)

    def line(self, beginning: str) -> str:
        """Wait for a line and return it."""
        limit = time.monotonic() + START_LIMIT_S
        while time.monotonic() < limit:
            for line in self.lines:
                if line.startswith(beginning):
                    return line
            assert self.process.poll() is None, "".join(self.log)
            time.sleep(0.05)
        raise AssertionError(f"no line {beginning!r} in time: {self.lines} {self.log[-20:]}")

    def _read(self, stream: IO[str], lines: list[str]) -> None:
        lines.extend(iter(stream.readline, ""))


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def running(tmp_path: Path, state_dir: Path) -> Iterator[Running]:
    articles = tmp_path / "articles"
    articles.mkdir()
    (articles / "parcel-late.md").write_text(ARTICLE)
    ports = {f"HELPDESK_{service}__PORT": "0" for service in ("TICKET_API", "PREDICTION_API", "AGENT_CONSOLE")}
    ports |= {f"HELPDESK_METRICS__{service}_PORT": str(free_port()) for service in ("RELAY", "WORKER")}
    with subprocess.Popen(
        [*HELPDESK, "run"],
        cwd=PROJECT_DIR,
        env=environment(state_dir, HELPDESK_KNOWLEDGE__PATH=str(articles), **ports),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        running = Running(process)
        try:
            yield running
        finally:
            if process.poll() is None:
                process.kill()
            running.join()


def test_what_it_prints_works_and_ctrl_c_drains(running: Running, state_dir: Path) -> None:
    curl = running.line("curl ")
    saved = json.loads((state_dir / "keys.json").read_text())
    assert stat.S_IMODE((state_dir / "keys.json").stat().st_mode) == 0o600
    shown = "".join(running.lines)
    assert all(saved[name] in shown for name in ("portal", "agent", "operator", "ml"))
    assert saved["processor"] not in shown
    assert len(re.findall(r"http://127\.0\.0\.1:\d+", shown)) >= 2

    assert "lets you in once" in httpx.get(running.line("http://").strip(), trust_env=False).text

    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    accepted = json.loads(subprocess.run(shlex.split(curl), capture_output=True, check=True).stdout)
    assert accepted["status"] == "received"

    [relay, worker] = (line.split()[2] for line in running.lines if re.search(r"(relay|worker) .*/metrics", line))
    wait_for_lines(relay, ('helpdesk_messages_published_total{destination="in.normal"} 1.0',))
    wait_for_lines(worker, ("helpdesk_decisions_total{", 'helpdesk_deliveries_total{result="acknowledged"} 1.0'))

    pids = children(running.process.pid)
    assert len(pids) == 5  # two APIs, desk, relay, worker: what loads the knowledge base has ended
    os.killpg(running.process.pid, signal.SIGINT)
    assert running.process.wait(timeout=STOP_LIMIT_S + 10) == 0
    assert [pid for pid in pids if is_alive(pid)] == []
    assert "Traceback" not in "".join(running.log)


def test_a_port_in_use_is_one_line_before_anything_starts(state_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = subprocess.run(
            [*HELPDESK, "run"],
            cwd=PROJECT_DIR,
            env=environment(
                state_dir,
                HELPDESK_TICKET_API__PORT=port,
                HELPDESK_PREDICTION_API__PORT="0",
                HELPDESK_AGENT_CONSOLE__PORT="0",
            ),
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert port in line
    assert "HELPDESK_TICKET_API__PORT" in line
    assert not state_dir.exists()
