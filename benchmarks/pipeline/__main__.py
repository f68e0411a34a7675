"""``python -m benchmarks.pipeline``: tickets decided per second, beside the same job on other frameworks."""

import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.environment import forget_settings
from benchmarks.machine import machine
from benchmarks.pipeline.ledger import Ledger, Outcome
from benchmarks.pipeline.runs import Run, Stage
from benchmarks.pipeline.servers import start_servers
from benchmarks.pipeline.systems import SYSTEMS, System
from benchmarks.pipeline.tables import backlog, guarantees, processor_time, rates
from benchmarks.processes import PROJECT_DIR, BenchmarkFailed, stop_in_order_when_told
from benchmarks.report import Report
from benchmarks.terminal import Steps, new_console
from helpdesk.wiring import open_store
from tests.servers import ServerMissing

PACKAGES = ("celery", "kombu", "dramatiq", "faststream", "aio-pika", "pika", "SQLAlchemy", "psycopg", "httpx", "uvloop")
KILLED_TICKETS = 300


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often each row is measured.")] = 3,
    tickets: Annotated[int, typer.Option(min=100, help="Tickets in each measurement.")] = 3_000,
    workers: Annotated[list[int], typer.Option(help="Worker processes; repeatable.")] = [1, 2],  # noqa: B006
    system: Annotated[list[str] | None, typer.Option(help="Only systems whose name begins so; repeatable.")] = None,
    backlog_tickets: Annotated[int, typer.Option("--backlog", help="Tickets in the backlog (0: none).")] = 100_000,
    quick: Annotated[bool, typer.Option("--quick", help="One round, one worker, small; nothing is saved.")] = False,
    out: Annotated[Path, typer.Option(help="Where the report goes.")] = PROJECT_DIR / "benchmarks" / "results",
) -> None:
    """Measure the pipeline. Nothing of the user's is touched: all servers are private and vanish afterwards."""
    if quick:
        rounds, tickets, workers, backlog_tickets = 1, 400, [1], 2_000
    chosen = [one for one in SYSTEMS if system is None or one.name.lower().startswith(tuple(map(str.lower, system)))]
    if not chosen:
        sys.exit(f"no such system; there are: {', '.join(one.name for one in SYSTEMS)}")
    forget_settings()
    stop_in_order_when_told()
    console = new_console()
    started_at = datetime.now(UTC)
    try:
        with ExitStack() as stack:
            directory = Path(tempfile.mkdtemp(prefix="helpdesk-pipeline-"))
            stack.callback(shutil.rmtree, directory, ignore_errors=True)
            facts = machine(PACKAGES, directory=directory)
            console.print("Starting the servers …")
            settings, servers = start_servers(directory, stack, facts)
            store = stack.enter_context(closing(open_store(settings)))
            database_url = settings.database_url.get_secret_value() if settings.database_url else ""
            ledger = stack.enter_context(closing(Ledger(store, database_url)))
            stage = Stage(settings, directory, ledger, servers)
            runs, outcomes, backlogs = _measure(stage, chosen, workers, rounds, tickets, backlog_tickets, console)
    except (BenchmarkFailed, ServerMissing) as error:
        sys.exit(str(error))
    report = Report(
        benchmark="Pipeline",
        started_at=started_at,
        settings={"rounds": rounds, "tickets per run": tickets, "backlog": backlog_tickets},
        machine=facts,
        tables=[
            rates(runs, chosen),
            processor_time(runs, chosen),
            guarantees(chosen, outcomes),
            *([backlog(backlogs)] if backlogs else []),
        ],
        samples=[asdict(run) for run in [*runs, *backlogs]],
    )
    report.print(console)
    if not quick:
        for path in report.save(out, "pipeline"):
            console.print(f"Written: {path}")


def _measure(
    stage: Stage,
    systems: Sequence[System],
    crews: Sequence[int],
    rounds: int,
    tickets: int,
    backlog_tickets: int,
    console: Console,
) -> tuple[list[Run], dict[str, Outcome], list[Run]]:
    helpdesk = SYSTEMS[0]
    with_backlog = backlog_tickets > 0 and helpdesk in systems
    runs, outcomes, backlogs = [], {}, []
    total = len(systems) * (rounds * len(crews) + 1) + (len(crews) if with_backlog else 0)
    with Steps(console, total) as steps:
        for number in range(1, rounds + 1):
            for crew in crews:
                for system in systems:
                    steps.next(f"round {number}, {crew} worker(s): {system.name}")
                    run = stage.measure(system, workers=crew, tickets=tickets, number=number)
                    steps.say(
                        f"{run.per_s:,.1f} tickets/s, {sum(run.cpu.values()) / tickets * 1_000:.1f} ms CPU/ticket"
                    )
                    runs.append(run)
        for system in systems:
            steps.next(f"kill -9: {system.name}")
            outcomes[system.name] = stage.kill_in_the_middle(system, tickets=KILLED_TICKETS)
        for crew in crews if with_backlog else []:
            steps.next(f"backlog of {backlog_tickets:,}, {crew} worker(s)")
            backlogs.append(stage.work_off(helpdesk, workers=crew, tickets=backlog_tickets))
    return runs, outcomes, backlogs


if __name__ == "__main__":
    typer.run(main)
