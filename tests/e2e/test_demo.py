"""`helpdesk demo` as its user runs it: every sample ticket is decided, and nothing is left behind."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from helpdesk.settings import PROJECT_DIR
from helpdesk.tickets import HUMAN_QUEUES
from tests.e2e.processes import HELPDESK, environment

SAMPLES = PROJECT_DIR / "data" / "sample_tickets.jsonl"
KNOWLEDGE = PROJECT_DIR / "data" / "knowledge_base"
LIMIT_S = 540.0
PATIENT = {
    "HELPDESK_PROCESSOR__DECIDE_WITHIN_S": "480",
    "HELPDESK_PROCESSOR__HANDLING_LIMIT_S": "480",
    "HELPDESK_PROCESSOR__STUCK_AFTER_S": "480",
    "HELPDESK_PREDICTION_API__TIMEOUT_S": "120",
}
"""On a busy machine, too, the machine shall decide, and not the watchdog for want of time."""

pytestmark = pytest.mark.timeout(LIMIT_S + 60)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """The one run that every test looks at, and the directory for temporary files that it had."""
    state_dir, temporary = tmp_path_factory.mktemp("state"), tmp_path_factory.mktemp("temporary")
    done = subprocess.run(
        [*HELPDESK, "demo", "--json"],
        cwd=PROJECT_DIR,
        env=environment(state_dir, TMPDIR=str(temporary), **PATIENT),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert done.returncode == 0, f"{done.stderr}\n{(state_dir / 'cache' / 'demo.log').read_text()}"
    return json.loads(done.stdout), temporary


def by_scenario(demo: tuple[dict[str, Any], Path], scenario: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in SAMPLES.read_text(encoding="utf-8").splitlines()]
    pairs = zip(lines, demo[0]["tickets"], strict=True)
    return [row for line, row in pairs if line["metadata"]["scenario"].startswith(scenario)]


def test_every_sample_ticket_is_decided_and_none_is_lost(demo: tuple[dict[str, Any], Path]) -> None:
    rows, totals = demo[0]["tickets"], demo[0]["totals"]
    assert len(rows) == totals["accepted"] == len(SAMPLES.read_text(encoding="utf-8").splitlines())
    assert totals["lost"] == 0
    assert totals["answered"] + totals["asked"] + totals["drafted"] + totals["routed"] == len(rows)
    assert sum(totals["routed_to"].values()) == totals["routed"]


def test_the_machine_decided_and_not_the_watchdog(demo: tuple[dict[str, Any], Path]) -> None:
    rows = demo[0]["tickets"]
    assert [row["why"] for row in rows if "in time" in row["why"] or "failed" in row["why"]] == []
    assert all(row["intent"] and 0 <= row["confidence"] <= 1 for row in rows)


def test_every_answer_names_its_source(demo: tuple[dict[str, Any], Path]) -> None:
    answered = [row for row in demo[0]["tickets"] if row["outcome"] == "answered"]
    assert len(answered) >= 10
    assert all(row["answer"] and row["source"] for row in answered)


def test_everybody_else_waits_in_a_human_queue_with_the_reason(demo: tuple[dict[str, Any], Path]) -> None:
    waiting = [row for row in demo[0]["tickets"] if row["outcome"] in {"drafted", "routed"}]
    assert all(row["queue"] in HUMAN_QUEUES and row["why"].endswith(".") for row in waiting)


@pytest.mark.parametrize("scenario", ["upset", "legal-threat", "safety"])
def test_what_a_person_must_see_reaches_intervention(demo: tuple[dict[str, Any], Path], scenario: str) -> None:
    rows = by_scenario(demo, scenario)
    assert rows
    assert {row["queue"] for row in rows} == {"INTERVENTION"}


@pytest.mark.parametrize("scenario", ["wants-person", "other-language", "nearly-empty"])
def test_what_is_for_people_is_never_answered(demo: tuple[dict[str, Any], Path], scenario: str) -> None:
    rows = by_scenario(demo, scenario)
    assert rows
    assert all(row["outcome"] not in {"answered", "asked"} for row in rows)


@pytest.mark.parametrize("scenario", ["injection-direct", "injection-html", "injection-base64"])
def test_instructions_in_a_ticket_are_not_followed(demo: tuple[dict[str, Any], Path], scenario: str) -> None:
    """An answer, where there is one, is an article's own words; whether one is due is for the policy to say."""
    rows = by_scenario(demo, scenario)
    articles = " ".join(path.read_text(encoding="utf-8") for path in KNOWLEDGE.rglob("*.md"))
    assert rows
    for row in rows:
        assert "refund approved" not in row["answer"].lower()
        assert row["outcome"] != "answered" or row["source"] in articles


def test_nothing_is_left_behind(demo: tuple[dict[str, Any], Path]) -> None:
    assert [path.name for path in demo[1].iterdir() if path.name.startswith("helpdesk-demo-")] == []
