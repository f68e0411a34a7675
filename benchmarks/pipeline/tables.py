"""The pipeline benchmark's tables."""

from collections.abc import Mapping, Sequence

from benchmarks.figures import median_ratio, number, spread
from benchmarks.pipeline.ledger import Outcome
from benchmarks.pipeline.runs import Run
from benchmarks.pipeline.systems import System
from benchmarks.report import Table

MIB = 2**20


def rates(runs: Sequence[Run], systems: Sequence[System]) -> Table:
    """Return tickets per second by number of workers; the ratio says how many times faster the first row is."""
    crews = sorted({run.workers for run in runs})
    columns = ["tickets decided and recorded per second"]
    for crew in crews:
        columns += [_workers(crew), f"{systems[0].name} is × faster"]
    columns.append("published in")
    rows = []
    for system in systems:
        row = [system.name]
        for crew in crews:
            speeds = _speeds(runs, system, crew)
            found = spread(speeds)
            row.append(f"{number(found.median)} ({number(found.low)}–{number(found.high)})")
            row.append(f"{median_ratio(_speeds(runs, systems[0], crew), speeds):.1f}")
        own = [run for run in runs if run.system == system.name]
        published = [run.published_s for run in own if run.published_s is not None]
        row.append(f"{number(spread(published).median)} s" if published else "by the relay")
        rows.append(row)
    notes = (
        f"{runs[0].tickets:,} tickets a run; median of {_rounds(runs)} (least–greatest), the rounds interleaved.",
        "The clock runs from the commit that accepts the tickets until the last decision is in the database.",
        "A worker is one process of the framework. All share one RabbitMQ, one PostgreSQL, one prediction service.",
        *(f"{system.name}: {system.setup}." for system in systems),
    )
    return Table("From accepted to decided and recorded", columns, rows, notes)


def processor_time(runs: Sequence[Run], systems: Sequence[System]) -> Table:
    """Return the processor time per ticket by part."""
    parts = list(runs[0].cpu)
    rows = []
    for system in systems:
        own = [run for run in runs if run.system == system.name]
        costs = [spread([run.cpu[part] / run.tickets * 1_000 for run in own]).median for part in parts]
        total = spread([sum(run.cpu.values()) / run.tickets * 1_000 for run in own]).median
        rows.append([system.name, *map(number, [*costs, total])])
    notes = (
        "Medians over all runs. Where other programs take part, this is steadier than the rate.",
        "The publisher of Helpdesk is its relay, which also publishes the message for the human queue.",
    )
    return Table("Processor time per ticket", ["milliseconds", *parts, "together"], rows, notes)


def guarantees(systems: Sequence[System], outcomes: Mapping[str, Outcome]) -> Table:
    """Return what each system promises, and what a ``kill -9`` of its worker did in this run."""
    columns = ["system", "publish", "between commit and publish", "ack", "redelivery", "deadly message", "kill -9"]
    rows = []
    for system in systems:
        promise = system.guarantees
        outcome = outcomes.get(system.name)
        killed = f"lost {outcome.lost}, twice {outcome.twice} of {outcome.accepted}" if outcome else "not measured"
        rows.append(
            [
                system.name,
                promise.publish,
                promise.between_commit_and_publish,
                promise.ack,
                promise.redelivery,
                promise.deadly_message,
                killed,
            ]
        )
    notes = (
        "Durable queues and persistent messages in every row.",
        "kill -9: measured here: the only worker is killed once a third is decided, another takes over.",
        "Between commit and publish: what a crash of the process does that has stored a ticket and not published it.",
    )
    return Table("Delivery guarantees", columns, rows, notes)


def backlog(runs: Sequence[Run]) -> Table:
    """Return how a backlog was worked off, and the worker's memory meanwhile."""
    columns = [
        "backlog",
        "workers",
        "published in",
        "tickets/s",
        "RSS MiB: start",
        "at 1/4",
        "at 1/2",
        "end",
        "greatest",
    ]
    rows = []
    for run in runs:
        memory = [size / MIB for _, size in run.rss_bytes]
        points = [memory[0], memory[len(memory) // 4], memory[len(memory) // 2], memory[-1], max(memory)]
        published = f"{number(run.published_s)} s" if run.published_s is not None else ""
        rows.append([f"{run.tickets:,} tickets", str(run.workers), published, number(run.per_s), *map(number, points)])
    notes = (
        "The backlog lies in the broker before the first worker starts; memory is that of the first worker.",
        "The start is a worker that has just begun to consume and has not yet opened every connection.",
    )
    return Table("A backlog worked off by Helpdesk", columns, rows, notes)


def _speeds(runs: Sequence[Run], system: System, workers: int) -> list[float]:
    return [run.per_s for run in runs if (run.system, run.workers) == (system.name, workers)]


def _rounds(runs: Sequence[Run]) -> int:
    return max(run.round for run in runs)


def _workers(count: int) -> str:
    return "1 worker" if count == 1 else f"{count} workers"
