"""A private MLflow server for tests, in an environment that `make test-long` makes for it, and MLflow's own client."""

import os
import secrets
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from helpdesk.settings import PROJECT_DIR
from tests.servers import Server, ServerMissing, free_port

USER = "helpdesk"


class MlflowServer(Server):
    """An MLflow server with a database, a folder of files, and a password that no two of them share."""

    name = "MLflow"
    _stop_signal = signal.SIGKILL  # it keeps nothing that a test would miss, and takes seconds to end otherwise
    _program = PROJECT_DIR / ".cache" / "mlflow" / "bin" / "mlflow"

    def __init__(self) -> None:
        if not self._program.exists():
            raise ServerMissing(f"no {self._program.relative_to(PROJECT_DIR)}: `make test-long` installs it")
        directory = Path(tempfile.mkdtemp(prefix="helpdesk-mlflow-"))
        self.port, self._password = free_port(), secrets.token_urlsafe(16)
        self.url = f"http://127.0.0.1:{self.port}"
        self.files = directory / "files"
        self._group_file = directory / "group.pid"
        (directory / "users.ini").write_text(
            f"[mlflow]\ndatabase_uri = sqlite:///{directory / 'users.db'}\nadmin_username = {USER}\n"
            f"admin_password = {self._password}\ndefault_permission = READ\n"
            "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
            "auth_cache_ttl_seconds = 600\n"  # else each request takes a password's slow hash
        )
        arguments = {
            "--app-name": "basic-auth",
            "--backend-store-uri": f"sqlite:///{directory / 'runs.db'}",
            "--artifacts-destination": str(self.files),
            "--host": "127.0.0.1",
            "--port": str(self.port),
            "--workers": "1",
        }
        environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(directory),
            "LANG": "C.UTF-8",
            "MLFLOW_AUTH_CONFIG_PATH": str(directory / "users.ini"),
            "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_urlsafe(16),
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        # The server has a child. A negative number names both where the watcher of a killed test run reads it.
        script = f'echo "-$$" > {self._group_file}; exec "$@"'
        command = [str(self._program), "server", *(word for argument in arguments.items() for word in argument)]
        super().__init__(directory, command=["sh", "-c", script, "sh", *command], environment=environment)

    @property
    def variables(self) -> Mapping[str, str]:
        """What a client needs in its environment."""
        return {
            "MLFLOW_TRACKING_URI": self.url,
            "MLFLOW_TRACKING_USERNAME": USER,
            "MLFLOW_TRACKING_PASSWORD": self._password,
        }

    @contextmanager
    def client(self) -> Iterator[Any]:
        """Yield MLflow's own client, as any colleague would use it."""
        from mlflow import MlflowClient

        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.variables.items():
                patch.setenv(name, value)
            yield MlflowClient(tracking_uri=self.url)

    def _pids_to_end(self) -> list[Path]:
        return [self._group_file]

    def _end(self, with_signal: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self.pid, with_signal)
        super()._end(with_signal)

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health", timeout=2, trust_env=False).is_success
        except httpx.HTTPError:
            return False
