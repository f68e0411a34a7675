"""Schemathesis against the live prediction API: whatever its OpenAPI document says, no surprise and no 500."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live_prediction_api import LivePredictionApi, running

EXAMPLES_PER_OPERATION = 30
SEED = 20_261_121


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivePredictionApi]:
    with running(tmp_path_factory.mktemp("state")) as api:
        yield api


def test_no_request_surprises_the_service(api: LivePredictionApi, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("schemathesis")
    command = [str(program), "run", f"{api.url}/openapi.json", "--header", f"Authorization: Bearer {api.keys['ml']}"]
    command += ["--checks", "all", "--max-examples", str(EXAMPLES_PER_OPERATION), "--seed", str(SEED), "--no-color"]
    report = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "COLUMNS": "120"}, check=False
    )
    print(report.stdout)  # noqa: T201 - the totals, shown when it fails or when asked for with -s
    assert report.returncode == 0, report.stdout + report.stderr
