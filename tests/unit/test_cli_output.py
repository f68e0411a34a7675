"""What the command line prints: help, log lines, ages, the demo's rows and totals; and what it does not load."""

import io
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from cli.console import age
from cli.demo_results import Row, plain, row, totals
from cli.demo_table import print_table, print_totals
from cli.log_lines import LogLine, LogPrinter
from helpdesk.settings import PROJECT_DIR
from tests.command_line import CommandLine

HEAVY = ("tensorflow", "torch", "chromadb", "sqlalchemy", "fastapi", "sentence_transformers", "httpx", "pydantic")


def make_console(width: int = 100) -> Console:
    return Console(width=width, file=io.StringIO(), highlight=False)


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def make_decided(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "ticket_id": "a",
        "status": "answered",
        "subject": "",
        "queue": None,
        "queue_reason": "",
        "intent": "track_order",
        "confidence": 0.91,
        "sentiment": -0.7,
        "metadata": {"expected_intent": "track_order"},
        "created_at": "2026-03-02T12:00:00+00:00",
        "updated_at": "2026-03-02T12:00:01+00:00",
        "conversation": [{"text": "<p>Where is\nmy &amp; her parcel?</p>", "author": "customer"}],
        "decisions": [{"at": "2026-03-02T12:00:00.250000+00:00", "reasons": [{"code": "c", "text": "Sure."}]}],
        "answers": [{"author": "machine", "text": "Tomorrow.\n\nBye.", "citations": [{"title": "Shipping times"}]}],
    }
    return values | changes


def routed(**changes: Any) -> dict[str, Any]:
    return make_decided(status="queued", queue="REFUND", answers=[], **changes)


def test_help_loads_nothing_heavy() -> None:
    script = f"import sys, cli.__main__; print([name for name in {HEAVY!r} if name in sys.modules])"
    command = [sys.executable, "-c", script]
    loaded = subprocess.run(command, cwd=PROJECT_DIR, capture_output=True, text=True, timeout=60, check=True)
    assert loaded.stdout.strip() == "[]"


def test_every_command_has_help_and_takes_json(tmp_path: Path) -> None:
    helpdesk = CommandLine(tmp_path)
    shown = helpdesk.text("--help")
    for command in ("demo", "run", "submit", "show", "tickets", "queues", "claim", "reply", "resolve", "dead", "keys"):
        assert f" {command} " in shown
    assert helpdesk.run().exit_code == 2
    assert helpdesk.run("no-such-command").exit_code == 2


# Log lines


def test_a_record_in_json_is_taken_apart() -> None:
    line = LogLine.read(
        '{"asctime": "2026-03-02 12:00:01,5", "levelname": "WARNING", "name": "relay", "message": "relay waits", '
        '"correlation_id": "", "service": "relay", "wait_s": 2}'
    )
    assert (line.event, line.level, line.time, line.fields) == ("relay waits", "WARNING", "12:00:01", {"wait_s": 2})


@pytest.mark.parametrize("raw", ["plain text", "{not json", '{"json": "but no record"}', "[1]"])
def test_anything_else_is_shown_as_it_is(raw: str) -> None:
    assert LogLine.read(raw) == LogLine(raw, event=raw)


def test_lines_below_the_level_are_left_out_and_markup_in_them_stays_text() -> None:
    console = make_console()
    show = LogPrinter(console, level="WARNING", raw=False)
    show("relay", LogLine("", event="quiet", level="INFO"))
    show("relay", LogLine("", event="[bold]loud[/nothing]", level="ERROR", fields={"n": 1}))
    assert "quiet" not in printed(console)
    assert "[bold]loud[/nothing] n=1" in printed(console)


def test_raw_lines_stay_what_the_service_wrote() -> None:
    console = make_console()
    LogPrinter(console, level="INFO", raw=True)("relay", LogLine('{"message": "x"}', event="x", level="INFO"))
    assert printed(console) == '{"message": "x"}\n'


@pytest.mark.parametrize(
    ("moment", "told"),
    [("12:00:00", "30 s"), ("11:55:00", "6 min"), ("09:00:30", "3 h"), ("12:01:00", "0 s")],
)
def test_ages_are_told_in_the_largest_unit(moment: str, told: str) -> None:
    assert age(f"2026-03-02T{moment}+00:00", now=datetime(2026, 3, 2, 12, 0, 30, tzinfo=UTC)) == told


# The demo's table


def test_a_row_says_what_became_of_a_ticket() -> None:
    assert row(make_decided()) == Row(
        ticket_id="a",
        text="Where is my & her parcel?",
        intent="track_order",
        expected_intent="track_order",
        confidence=0.91,
        sentiment=-0.7,
        outcome="answered",
        queue=None,
        why="Sure.",
        answer="Tomorrow.",
        source="Shipping times",
        decided_after_ms=250.0,
    )


def test_a_ticket_that_was_asked_back_shows_its_question_without_the_greeting() -> None:
    question = {"author": "machine", "text": "Hello,\n\nWhich order?\n\nYour team", "citations": []}
    found = row(make_decided(status="asked", answers=[question]))
    assert (found.outcome, found.answer, found.source) == ("asked", "Which order?", "")


def test_a_routed_ticket_names_its_queue_and_the_reason() -> None:
    found = row(routed(decisions=[], queue_reason="No decision in time."))
    assert (found.outcome, found.queue, found.why) == ("routed", "REFUND", "No decision in time.")
    assert found.decided_after_ms == 1000.0


def test_totals_count_every_accepted_ticket_once() -> None:
    tickets = [make_decided(), make_decided(status="review", queue="REVIEW"), routed(intent="get_refund"), routed()]
    result = totals([row(ticket) for ticket in tickets], tickets, accepted=5)
    assert (result.answered, result.drafted, result.routed, result.lost) == (1, 1, 2, 1)
    assert result.routed_to == {"REFUND": 2}
    assert (result.labelled, result.intents_as_labelled) == (4, 3)
    assert result.tickets_per_s == 16.0


def test_totals_of_nothing_are_zero() -> None:
    assert totals([], [], accepted=3).lost == 3


@pytest.mark.parametrize("width", [80, 100, 160])
def test_no_line_of_the_table_is_wider_than_the_terminal(width: int) -> None:
    console = make_console(width)
    wide = "注文した寝袋をキャンセルしたいのですが、まだ間に合いますか。" * 3
    tickets = [
        make_decided(subject=wide),
        routed(subject="مرحبًا " * 30),
        make_decided(subject="😡📦" * 60, sentiment=None),
    ]
    print_table(console, [row(ticket) for ticket in tickets])
    print_totals(console, totals([row(ticket) for ticket in tickets], tickets, accepted=3), seconds=1)
    lines = printed(console).splitlines()
    assert max(cell_len(line) for line in lines) <= width
    starts = {line.rstrip().endswith("250") for line in lines[2:8:2]}
    assert starts == {True}


def test_markup_and_styles_are_no_part_of_a_ticket_in_the_table() -> None:
    assert plain("<html><style>p {color: red}</style><p>Hi,&nbsp;1 < 2</p>") == "Hi, 1 < 2"
