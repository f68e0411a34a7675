"""The DAG that crawls every night, in a real Airflow: it is read without an error, and its tasks run the commands."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from helpdesk.settings import PROJECT_DIR
from tests.conftest import NOT_TESTED
from tests.help_site import HelpSite, serving

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(600)]

PYTHON = PROJECT_DIR / ".cache" / "airflow" / "bin" / "python"
DAGS = PROJECT_DIR / "deploy" / "airflow"
READ = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
print("RESULT", json.dumps({
    "errors": bag.import_errors,
    "dags": {name: {
        "schedule": dag.schedule,
        "tasks": {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks},
        "catchup": dag.catchup, "runs": dag.max_active_runs, "retries": [task.retries for task in dag.tasks],
    } for name, dag in bag.dags.items()},
}))
"""
RUN = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
run = DagBag(sys.argv[1]).dags["helpdesk_kb_crawl"].test()
print("RESULT", json.dumps(str(run.state)))
"""


@pytest.fixture
def airflow(tmp_path: Path) -> dict[str, str]:
    """Return the environment of an Airflow of this test's own."""
    if not PYTHON.exists():
        missing = PYTHON.relative_to(PROJECT_DIR)
        why = f"{NOT_TESTED}, because Airflow is missing: no {missing}: `make test-long` installs it"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "false",
    }


@pytest.fixture
def site() -> Iterator[HelpSite]:
    with serving() as site:
        yield site


def result_of(script: str, environment: Mapping[str, str]) -> Any:
    done = subprocess.run(
        [PYTHON, "-c", script, DAGS], env=environment, cwd=environment["HOME"], capture_output=True, text=True
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    assert lines, done.stdout[-4000:] + done.stderr[-4000:]
    return json.loads(lines[-1].removeprefix("RESULT "))


def test_airflow_reads_the_dag_with_its_schedule_and_its_tasks(airflow: dict[str, str]) -> None:
    assert result_of(READ, airflow) == {
        "errors": {},
        "dags": {
            "helpdesk_kb_crawl": {
                "schedule": "15 3 * * *",
                "tasks": {"crawl": ["load"], "load": []},
                "catchup": False,
                "runs": 1,
                "retries": [2, 2],
            }
        },
    }


def test_a_run_crawls_and_loads(airflow: dict[str, str], site: HelpSite, tmp_path: Path) -> None:
    articles = tmp_path / "articles"
    articles.mkdir()
    (articles / "own.md").write_text("---\ntitle: Our own\n---\nWritten by hand, and it stays.\n")
    program = tmp_path / "helpdesk"
    # The site is on this machine, which the DAG's command does not allow; so the program it is given does.
    program.write_text(
        '#!/bin/sh\ncase "$2" in crawl) set -- "$@" --allow-loopback --pause 0;; esac\n'
        f'cd {PROJECT_DIR} && PYTHONPATH={PROJECT_DIR} exec {sys.executable} -m cli "$@"\n'
    )
    program.chmod(0o755)
    environment = airflow | {
        "HELPDESK_STATE_DIR": str(tmp_path / "state"),
        "AIRFLOW_VAR_HELPDESK_KB_URLS": f"{site.url}/help/delivery.html {site.url}/help/orders.html",
        "AIRFLOW_VAR_HELPDESK_KB_ARTICLES": str(articles),
        "AIRFLOW_VAR_HELPDESK_PROGRAM": str(program),
    }
    subprocess.run([PYTHON.parent / "airflow", "db", "migrate"], env=environment, check=True, capture_output=True)
    assert result_of(RUN, environment) == "success"
    assert len(list((articles / "crawled").glob("*.md"))) == 5
    shown = subprocess.run([program, "kb", "versions", "--json"], env=environment, check=True, capture_output=True)
    [version] = json.loads(shown.stdout)["versions"]
    assert (version["articles"], version["action"]) == (6, "load")
    assert version["reason"].startswith("crawl of 20")
