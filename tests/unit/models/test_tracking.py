"""MLflow servers that are away, mute, broken or hostile: each ends in one line, in time, and never costs a training."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from helpdesk.errors import TrackingUnavailable
from helpdesk.settings import ModelSettings, Settings
from models.artifact import FAMILY
from models.tracking import TrackingServer
from tests.command_line import CommandLine
from tests.model_versions import add_version
from tests.servers import free_port
from tests.unit.test_cli_train import write

RUN_ID = "0123456789abcdef" * 2


@pytest.fixture
def helpdesk(tmp_path: Path) -> CommandLine:
    """Return the command line of a machine without a model, and without a server."""
    variables = {
        "HELPDESK_MODEL__ARTIFACTS_DIR": str(tmp_path / "artifacts"),
        "HELPDESK_MODEL__ENCODER_DIR": str(ModelSettings().encoder_dir),
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    }
    return CommandLine(tmp_path, variables)


@pytest.fixture
def mute_url() -> Iterator[str]:
    """The address of a server that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


class _Answers(BaseHTTPRequestHandler):
    status, content, endless = 200, b"", b""

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(self.content if "mlflow-artifacts" not in self.path else b"")
        try:
            while self.endless and "mlflow-artifacts" in self.path:
                self.wfile.write(self.endless)
        except OSError:
            pass  # the client has had enough

    do_POST = do_GET  # noqa: N815 - the name that it overrides

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that it overrides
        pass


@contextmanager
def answering(status: int, content: bytes, endless: bytes = b"") -> Iterator[str]:
    """Yield the address of a server that always says the same, and where files are asked for, never ends."""
    handler = type("Answers", (_Answers,), {"status": status, "content": content, "endless": endless})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_a_mute_server_costs_the_time_that_is_set(helpdesk: CommandLine, mute_url: str, tmp_path: Path) -> None:
    add_version(tmp_path / "artifacts", "new")
    for arguments in (("models", "log", "new"), ("models", "pull", "new")):
        line = helpdesk.error(*arguments, MLFLOW_TRACKING_URI=mute_url, HELPDESK_TRACKING__TIMEOUT_S="1")
        assert f"{mute_url} was not done after 1 s (HELPDESK_TRACKING__TIMEOUT_S)" in line


@pytest.mark.parametrize(
    ("status", "content", "told"),
    [
        (500, b"", "failed: "),
        (200, b"<html>Sign in</html>", "valid JSON"),
        (200, b"[1]", "failed: "),
        (403, b"", "refuses these credentials"),
        (500, b"\x1b[31m" + b"x" * 5_000, "failed: "),
    ],
)
def test_a_server_that_answers_nonsense_ends_in_one_line(
    helpdesk: CommandLine, tmp_path: Path, status: int, content: bytes, told: str
) -> None:
    add_version(tmp_path / "artifacts", "new")
    with answering(status, content) as url:
        for arguments in (("models", "log", "new"), ("models", "pull", "new")):
            line = helpdesk.error(*arguments, MLFLOW_TRACKING_URI=url)
            assert told in line
            assert "\x1b" not in line
            assert len(line) < 500


def test_a_server_that_is_down_ends_in_one_line(helpdesk: CommandLine, tmp_path: Path) -> None:
    add_version(tmp_path / "artifacts", "new")
    url = f"http://127.0.0.1:{free_port()}"
    for arguments in (("models", "log", "new"), ("models", "pull", "new")):
        assert f"{url} cannot be reached; check the address" in helpdesk.error(*arguments, MLFLOW_TRACKING_URI=url)


def test_a_file_without_an_end_is_cut_off(helpdesk: CommandLine, tmp_path: Path) -> None:
    info = {"run_id": RUN_ID, "experiment_id": "1", "status": "FINISHED", "artifact_uri": "mlflow-artifacts:/1/files"}
    tags = [{"key": "helpdesk.version", "value": "new"}, {"key": "helpdesk.checksum", "value": "0" * 64}]
    run = json.dumps({"run": {"info": info, "data": {"tags": tags}}}).encode()
    with answering(200, run, endless=b"x" * 65_536) as url:
        assert "manifest.json" in (line := helpdesk.error("models", "pull", RUN_ID, MLFLOW_TRACKING_URI=url))
    assert "too large" in line
    assert not (tmp_path / "artifacts" / FAMILY).exists()


def test_files_at_another_host_are_not_asked_for(helpdesk: CommandLine) -> None:
    for place in ("mlflow-artifacts://evil.example/1", "file:///etc", "/etc", "s3://bucket/1"):
        info = {"run_id": RUN_ID, "experiment_id": "1", "status": "FINISHED", "artifact_uri": place}
        tags = [{"key": "helpdesk.version", "value": "new"}, {"key": "helpdesk.checksum", "value": "0" * 64}]
        with answering(200, json.dumps({"run": {"info": info, "data": {"tags": tags}}}).encode()) as url:
            assert f"names {place};" in helpdesk.error("models", "pull", RUN_ID, MLFLOW_TRACKING_URI=url)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "No MLflow server is named"),
        ("sqlite:///runs.db", "names no server"),
        ("http://[", "is no URL"),
        ("https://ada:topsecret@mlflow.example", "holds a user or a password"),
    ],
)
def test_an_address_that_cannot_be_used_is_said_before_a_training_and_shown_nowhere(
    helpdesk: CommandLine, tmp_path: Path, url: str, told: str
) -> None:
    result = helpdesk.run("train", "--mlflow", "--data", str(write(tmp_path / "mine.csv")), MLFLOW_TRACKING_URI=url)
    assert result.exit_code == 1
    assert told in result.stderr.splitlines()[-1]
    assert "topsecret" not in result.output
    assert list((tmp_path / "artifacts" / FAMILY).glob("*/manifest.json")) == []


def test_without_the_package_one_line_says_what_to_install(
    helpdesk: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    data = str(write(tmp_path / "mine.csv"))
    result = helpdesk.run("train", "--mlflow", "--data", data, MLFLOW_TRACKING_URI="http://127.0.0.1:1")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].endswith("pip install -c constraints.txt -e '.[mlflow]' installs it.")
    with pytest.raises(TrackingUnavailable, match="not installed"):
        TrackingServer(Settings(MLFLOW_TRACKING_URI="http://127.0.0.1:1"))


def test_nothing_imports_the_client_unless_it_is_asked_for() -> None:
    code = "import sys, cli.__main__, cli.models, models.tracking; print('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
