"""``python -m benchmarks.intake``: durable tickets per second, round after round, beside FastAPI doing nothing."""

import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from rich.console import Console

from benchmarks.environment import forget_settings
from benchmarks.intake.load import Load, post_tickets, require_wrk, write_bodies
from benchmarks.intake.tables import Sample, tables
from benchmarks.intake.targets import Target, Targets
from benchmarks.machine import machine
from benchmarks.processes import PROJECT_DIR, BenchmarkFailed, Children, stop_in_order_when_told
from benchmarks.report import Report
from benchmarks.terminal import Steps, new_console
from benchmarks.tickets import ticket_bodies
from tests.servers import PostgreSqlServer, RabbitMqServer, ServerMissing

PACKAGES = ("fastapi", "starlette", "uvicorn", "uvloop", "httptools", "pydantic", "SQLAlchemy", "psycopg", "pika")
BODIES = 1_000
WARM_UP_S = 1


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often each row is measured.")] = 5,
    seconds: Annotated[int, typer.Option(min=1, help="How long each measurement lasts.")] = 5,
    connections: Annotated[list[int], typer.Option(help="Simultaneous connections; repeatable.")] = [1, 32, 128],  # noqa: B006
    quick: Annotated[bool, typer.Option("--quick", help="Three rounds of one second, and nothing is saved.")] = False,
    embedded: Annotated[bool, typer.Option("--embedded", help="Leave PostgreSQL and RabbitMQ out.")] = False,
    idempotency: Annotated[bool, typer.Option("--idempotency", help="Send an Idempotency-Key with each.")] = False,
    out: Annotated[Path, typer.Option(help="Where the report goes.")] = PROJECT_DIR / "benchmarks" / "results",
) -> None:
    """Measure intake. Nothing of the user's is touched: servers and databases are private and vanish afterwards."""
    if quick:
        rounds, seconds = 3, 1
    forget_settings()
    stop_in_order_when_told()
    console = new_console()
    started_at = datetime.now(UTC)
    try:
        require_wrk()
        with ExitStack() as stack:
            directory = Path(tempfile.mkdtemp(prefix="helpdesk-intake-"))
            stack.callback(shutil.rmtree, directory, ignore_errors=True)
            facts = machine(PACKAGES, directory=directory)
            console.print("Starting the services …")
            targets = _start(directory, stack, embedded=embedded, facts=facts)
            bodies = write_bodies(ticket_bodies(BODIES), directory / "bodies.jsonl")
            samples = _measure(targets, connections, rounds, seconds, bodies, idempotency, console)
    except (BenchmarkFailed, ServerMissing) as error:
        sys.exit(str(error))
    report = Report(
        benchmark="Intake",
        started_at=started_at,
        settings={
            "rounds": rounds,
            "seconds per measurement": seconds,
            "connections": ", ".join(str(count) for count in connections),
            "Idempotency-Key sent": idempotency,
        },
        machine=facts,
        tables=tables(samples),
        samples=[asdict(sample) for sample in samples],
    )
    report.print(console)
    if not quick:
        for path in report.save(out, "intake"):
            console.print(f"Written: {path}")


def _start(directory: Path, stack: ExitStack, *, embedded: bool, facts: dict[str, str]) -> list[Target]:
    """Start every service that is measured, the baseline first."""
    if not embedded:
        postgresql = stack.enter_context(closing(PostgreSqlServer())).start()
        rabbitmq = stack.enter_context(closing(RabbitMqServer())).start()
        facts["RabbitMQ"] = rabbitmq.ctl("version").strip()
    targets = Targets(directory, stack.enter_context(Children(directory)), stack)
    started = [
        *targets.do_nothing(),
        targets.without_store("ticket API, nothing stored"),
        targets.ticket_api("ticket API on SQLite, no relay"),
        targets.ticket_api("ticket API on SQLite", is_relayed=True),
    ]
    if not embedded:
        with psycopg.connect(postgresql.url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE without_relay")
            facts["PostgreSQL"] = str(connection.info.parameter_status("server_version"))
        without_relay = postgresql.url.rpartition("/")[0] + "/without_relay"
        started += [
            targets.ticket_api("ticket API on PostgreSQL, no relay", database_url=without_relay),
            targets.ticket_api(
                "ticket API on PostgreSQL + RabbitMQ",
                database_url=postgresql.url,
                rabbitmq_url=rabbitmq.url,
                is_relayed=True,
            ),
        ]
    return started


def _measure(
    targets: Sequence[Target],
    levels: Sequence[int],
    rounds: int,
    seconds: int,
    bodies: Path,
    idempotency: bool,
    console: Console,
) -> list[Sample]:
    samples = []
    with Steps(console, 1 + len(targets) * len(levels) * rounds) as steps:
        steps.next("warming up")
        for target in targets:
            _load(target, 8, WARM_UP_S, bodies, idempotency)
            target.wait_until_relayed()
        for number in range(1, rounds + 1):
            for level in levels:
                for target in targets:
                    steps.next(f"round {number}, {level} connection(s): {target.name}")
                    sample = _sample(number, target, level, seconds, bodies, idempotency)
                    steps.say(f"{sample.accepted_per_s:,.0f} tickets/s, p99 {sample.p99_ms:.1f} ms")
                    samples.append(sample)
    return samples


def _sample(number: int, target: Target, level: int, seconds: int, bodies: Path, idempotency: bool) -> Sample:
    stored_before, cpu_before_s = target.stored(), target.service.cpu_s()
    load = _load(target, level, seconds, bodies, idempotency)
    cpu_s = target.service.cpu_s() - cpu_before_s
    outbox_left = target.outbox_depth() if target.is_relayed else 0
    relayed_after_s = target.wait_until_relayed()
    stored = target.stored() - stored_before if target.store is not None else None
    if stored is not None and not load.accepted <= stored <= load.accepted + level:
        raise BenchmarkFailed(f"{target.name}: {load.accepted} tickets accepted, {stored} stored")
    return Sample(
        round=number,
        target=target.name,
        connections=level,
        accepted=load.accepted,
        accepted_per_s=load.per_s,
        p50_ms=load.p50_ms,
        p99_ms=load.p99_ms,
        max_ms=load.max_ms,
        cpu_s=cpu_s,
        stored=stored,
        outbox_left=outbox_left,
        relayed_after_s=relayed_after_s,
    )


def _load(target: Target, level: int, seconds: int, bodies: Path, idempotency: bool) -> Load:
    return post_tickets(
        target.url, connections=level, seconds=seconds, bodies=bodies, api_key=target.api_key, idempotency=idempotency
    )


if __name__ == "__main__":
    typer.run(main)
