"""The benchmarks' pure parts: statistics, tables, reports, settings as an environment, what wrk says."""

import json
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from pydantic import SecretStr
from rich.console import Console

from benchmarks.environment import environment_of, forget_settings
from benchmarks.figures import median_ratio, number, spread
from benchmarks.intake.load import parse, write_bodies
from benchmarks.intake.tables import Sample, tables
from benchmarks.pipeline.ledger import Outcome
from benchmarks.pipeline.runs import Run, spent
from benchmarks.pipeline.systems import SYSTEMS
from benchmarks.pipeline.tables import backlog, guarantees, processor_time, rates
from benchmarks.processes import BenchmarkFailed
from benchmarks.report import Report, Table
from benchmarks.tickets import ticket_bodies
from helpdesk.settings import PredictionApiSettings, ProcessorSettings, Settings, load_settings
from ticket_api.requests import SubmitTicket

WRK = {
    "requests": 3_000,
    "duration_us": 2_000_000,
    "p50_us": 900,
    "p99_us": 4_000,
    "max_us": 9_000,
    "refused": 0,
    "broken": 0,
    "timed_out": 0,
}


def test_the_spread_is_the_median_between_the_least_and_the_greatest() -> None:
    found = spread([3.0, 1.0, 8.0, 4.0])
    assert (found.median, found.low, found.high, found.count) == (3.5, 1.0, 8.0, 4)
    assert found.width == 2.0


def test_nothing_measured_has_no_spread() -> None:
    with pytest.raises(ValueError, match="nothing"):
        spread([])


def test_a_slow_round_does_not_bend_the_ratio() -> None:
    # The third round ran on a busy machine: both sides were four times slower.
    assert median_ratio([50, 60, 13], [100, 100, 25]) == pytest.approx(0.52)


def test_a_ratio_needs_as_many_values_on_both_sides_and_no_zero_below() -> None:
    with pytest.raises(ValueError, match="argument 2"):
        median_ratio([1, 2], [1])
    with pytest.raises(ValueError, match="baseline"):
        median_ratio([1], [0])


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.1234, "0.12"), (5.678, "5.68"), (12.34, "12.3"), (1234.5, "1,234")]
)
def test_figures_show_the_digits_that_count(value: float, text: str) -> None:
    assert number(value) == text


def test_a_table_refuses_a_row_of_another_length() -> None:
    with pytest.raises(ValueError, match="1 cells for 2 columns"):
        Table("Rates", ["row", "rate"], [["a"]])


def report() -> Report:
    return Report(
        benchmark="Intake",
        started_at=datetime(2026, 5, 4, 3, 2, tzinfo=UTC),
        settings={"rounds": 3},
        machine={"CPU": "a [fast] one"},
        tables=[Table("Rates", ["row", "per s"], [["a | b", "1,000"]], notes=["Closed loop."])],
        samples=[{"round": 1, "per_s": 1000.0}],
    )


def test_a_report_is_readable_markdown() -> None:
    assert report().markdown() == (
        "# Intake\n\nRun on 2026-05-04 03:02 UTC.\n\n## Rates\n\n| row | per s |\n|---|---:|\n| a \\| b | 1,000 |\n\n"
        "- Closed loop.\n\n## Run\n\n- rounds: 3\n\n## Machine\n\n- CPU: a [fast] one\n"
    )


def test_a_report_as_json_holds_every_single_measurement() -> None:
    document = json.loads(report().json())
    assert document["samples"] == [{"round": 1, "per_s": 1000.0}]
    assert document["tables"][0]["rows"] == [["a | b", "1,000"]]
    assert document["started_at"] == "2026-05-04T03:02:00+00:00"


def test_a_printed_report_shows_tables_notes_and_the_machine_unchanged() -> None:
    console = Console(file=StringIO(), width=100)
    report().print(console)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    for part in ("Rates", "a | b", "1,000", "Closed loop.", "CPU: a [fast] one"):
        assert part in printed


def test_a_saved_report_is_found_by_its_date(tmp_path: Path) -> None:
    written = report().save(tmp_path / "results", "intake")
    assert [path.name for path in written] == ["2026-05-04-intake.md", "2026-05-04-intake.json"]
    assert written[0].read_text() == report().markdown()


def test_wrk_s_line_becomes_a_rate() -> None:
    load = parse("Running 2s test\n\n" + json.dumps(WRK) + "\n")
    assert (load.per_s, load.p50_ms, load.p99_ms, load.max_ms) == (1_500, 0.9, 4.0, 9.0)


@pytest.mark.parametrize("trouble", ["refused", "broken", "timed_out"])
def test_a_load_that_was_not_accepted_throughout_is_no_measurement(trouble: str) -> None:
    with pytest.raises(BenchmarkFailed, match="not every ticket"):
        parse(json.dumps({**WRK, trouble: 1}))


def sample(target: str, connections: int, per_s: float, *, round: int = 1, **fields: int) -> Sample:  # noqa: A002
    return Sample(
        round=round,
        target=target,
        connections=connections,
        accepted=int(per_s),
        accepted_per_s=per_s,
        p50_ms=1.0,
        p99_ms=2.0,
        max_ms=3.0,
        cpu_s=0.5,
        **fields,
    )


def test_intake_compares_every_target_with_the_first_at_the_same_connections() -> None:
    samples = [
        sample("nothing", 1, 1_000),
        sample("stored", 1, 250, stored=251, outbox_left=7),
        sample("nothing", 32, 2_000),
        sample("stored", 32, 1_500, stored=1_500),
        sample("nothing", 1, 500, round=2),
        sample("stored", 1, 200, round=2, stored=200),
        sample("nothing", 32, 2_000, round=2),
        sample("stored", 32, 1_300, round=2, stored=1_300),
    ]
    rate, latency, cpu, durability = tables(samples)
    assert rate.rows[1] == ["stored", "225 (200–250)", "0.33", "1,400 (1,300–1,500)", "0.70"]
    assert rate.notes[0].startswith("Median of 2 ")
    assert latency.rows[0] == ["nothing", "1.00 / 2.00", "1.00 / 2.00"]
    assert cpu.rows[1] == ["stored", "2,222", "357"]
    assert durability.rows == [["stored", "3,250", "3,251", "0", "1", "7", "0 s"]]


def test_a_lost_ticket_would_show() -> None:
    durability = tables([sample("stored", 1, 100, stored=98)])[-1]
    assert durability.rows[0][3] == "2"


def run(system: str, workers: int, seconds: float, *, published_s: float | None = 1.0, number: int = 1) -> Run:
    return Run(
        number,
        system,
        workers,
        1_000,
        seconds,
        published_s,
        {"workers": 2.0, "RabbitMQ": 0.5},
        [(0.0, 2**20), (1.0, 3 * 2**20)],
    )


def test_the_pipeline_says_how_many_times_faster_the_first_row_is() -> None:
    first, second = SYSTEMS[0], SYSTEMS[-1]
    runs = [
        run(first.name, 1, 1.0, published_s=None),
        run(second.name, 1, 4.0),
        run(first.name, 2, 0.5, published_s=None),
        run(second.name, 2, 5.0),
    ]
    table = rates(runs, [first, second])
    assert table.rows[0][:5] == [first.name, "1,000 (1,000–1,000)", "1.0", "2,000 (2,000–2,000)", "1.0"]
    assert table.rows[1][1:] == ["250 (250–250)", "4.0", "200 (200–200)", "10.0", "1.00 s"]


def test_processor_time_is_shown_by_part_and_together() -> None:
    table = processor_time([run(SYSTEMS[0].name, 1, 1.0)], [SYSTEMS[0]])
    assert table.columns == ["milliseconds", "workers", "RabbitMQ", "together"]
    assert table.rows == [[SYSTEMS[0].name, "2.00", "0.50", "2.50"]]


def test_processor_time_is_subtracted_part_by_part() -> None:
    assert spent({"workers": 1.0, "RabbitMQ": 2.5}, {"workers": 4.25, "RabbitMQ": 2.5}) == {
        "workers": 3.25,
        "RabbitMQ": 0.0,
    }


def test_every_system_states_its_guarantees_and_what_a_kill_did() -> None:
    outcomes = {SYSTEMS[0].name: Outcome(accepted=300, decided=300, lost=0, twice=0)}
    rows = guarantees(SYSTEMS, outcomes).rows
    assert [row[0] for row in rows] == [system.name for system in SYSTEMS]
    assert rows[0][-1] == "lost 0, twice 0 of 300"
    assert rows[1][-1] == "not measured"


@pytest.mark.parametrize(
    "outcome", [Outcome(3, 2, 0, 0), Outcome(3, 3, 1, 0), Outcome(3, 3, 0, 1)], ids=["undecided", "lost", "twice"]
)
def test_a_run_counts_only_when_every_ticket_was_decided_once(outcome: Outcome) -> None:
    with pytest.raises(BenchmarkFailed, match="Helpdesk"):
        outcome.require_exactly_once("Helpdesk")


def test_the_backlog_s_memory_is_shown_from_start_to_end() -> None:
    (row,) = backlog([run("Helpdesk", 1, 2.0)]).rows
    assert row == ["1,000 tickets", "1", "1.00 s", "500", "1.00", "1.00", "3.00", "3.00", "3.00"]


def test_every_ticket_that_a_benchmark_sends_is_one_that_the_api_takes() -> None:
    bodies = ticket_bodies(700)
    assert len({SubmitTicket(**body).user for body in bodies}) == 700
    assert len({body["description"] for body in bodies}) > 400


def test_bodies_stand_one_to_a_line(tmp_path: Path) -> None:
    path = write_bodies([{"user": "a", "description": "two\nlines"}, {"user": "b", "description": "ü"}], tmp_path / "b")
    assert [json.loads(line)["user"] for line in path.read_text().splitlines()] == ["a", "b"]


def test_settings_travel_to_a_child_process_unchanged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = Settings(
        state_dir=tmp_path,
        database_url=SecretStr("postgresql://a:b@c/d"),
        rabbitmq_url=None,
        prediction_api=PredictionApiSettings(port=4, api_key=SecretStr("secret")),
        processor=ProcessorSettings(batch_size=1),
    )
    for name, value in environment_of(settings).items():
        monkeypatch.setenv(name, value)
    loaded = load_settings()
    assert (loaded.state_dir, loaded.database_url, loaded.rabbitmq_url) == (tmp_path, settings.database_url, None)
    assert (loaded.prediction_api, loaded.processor) == (settings.prediction_api, settings.processor)


def test_a_benchmark_forgets_the_user_s_own_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://production/")
    monkeypatch.setenv("HELPDESK_STORE__POOL_SIZE", "1")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key")
    forget_settings()
    loaded = load_settings()
    assert (loaded.database_url, loaded.store.pool_size, loaded.anthropic_api_key) == (None, 8, None)
