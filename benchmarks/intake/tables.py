"""The intake benchmark's tables."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.figures import median_ratio, number, spread
from benchmarks.report import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One measurement.

    Attributes:
        accepted: tickets whose 202 the client has read.
        stored: rows that the measurement added; None where the target stores nothing.
        cpu_s: processor time that the service took, its threads together.
        outbox_left: messages that still waited for the relay when the load ended.
        relayed_after_s: how long it took the relay from then on to empty the outbox.
    """

    round: int
    target: str
    connections: int
    accepted: int
    accepted_per_s: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    cpu_s: float
    stored: int | None = None
    outbox_left: int = 0
    relayed_after_s: float = 0.0


def tables(samples: Sequence[Sample]) -> list[Table]:
    """Return rate, latency and durability; the first sample's target is what the others are compared with."""
    names = list(dict.fromkeys(sample.target for sample in samples))
    levels = sorted({sample.connections for sample in samples})
    grid = {
        (name, level): [sample for sample in samples if (sample.target, sample.connections) == (name, level)]
        for name in names
        for level in levels
    }
    rounds = max(len(cell) for cell in grid.values())
    return [
        _rates(names, levels, grid, rounds),
        _latencies(names, levels, grid),
        _cpu(names, levels, grid),
        _durability(names, samples),
    ]


_Grid = dict[tuple[str, int], list[Sample]]


def _rates(names: Sequence[str], levels: Sequence[int], grid: _Grid, rounds: int) -> Table:
    columns = ["accepted per second"]
    for level in levels:
        columns += [_connections(level), "× nothing"]
    rows = []
    for name in names:
        row = [name]
        for level in levels:
            rates = [sample.accepted_per_s for sample in grid[name, level]]
            baseline = [sample.accepted_per_s for sample in grid[names[0], level]]
            found = spread(rates)
            row.append(f"{number(found.median)} ({number(found.low)}–{number(found.high)})")
            row.append(f"{median_ratio(rates, baseline):.2f}")
        rows.append(row)
    notes = (
        f"Median of {rounds} (least–greatest); “× nothing” is the median of the rounds' own ratios to the first row.",
        "Rounds are interleaved: each round measures every row at every number of connections, one after the other.",
        "The load is closed: each connection sends its next ticket once it has the answer to the last one.",
        "One uvicorn process each, and the load generator, databases and relay share the machine with it.",
    )
    return Table("Durable tickets accepted per second", columns, rows, notes)


def _latencies(names: Sequence[str], levels: Sequence[int], grid: _Grid) -> Table:
    columns = ["milliseconds, p50 / p99", *(_connections(level) for level in levels)]
    rows = []
    for name in names:
        row = [name]
        for level in levels:
            p50 = spread([sample.p50_ms for sample in grid[name, level]]).median
            p99 = spread([sample.p99_ms for sample in grid[name, level]]).median
            row.append(f"{number(p50)} / {number(p99)}")
        rows.append(row)
    return Table("Latency", columns, rows)


def _cpu(names: Sequence[str], levels: Sequence[int], grid: _Grid) -> Table:
    columns = ["microseconds", *(_connections(level) for level in levels)]
    rows = [[name, *(_cpu_us(grid[name, level]) for level in levels)] for name in names]
    notes = ("The service's process only. Where other programs take part this is the steadier measure of the two.",)
    return Table("Processor time per ticket", columns, rows, notes)


def _cpu_us(samples: Sequence[Sample]) -> str:
    accepted = sum(sample.accepted for sample in samples)
    return number(sum(sample.cpu_s for sample in samples) / accepted * 1e6) if accepted else "none accepted"


def _durability(names: Sequence[str], samples: Sequence[Sample]) -> Table:
    columns = ["over all rounds", "202s read", "rows found", "lost", "unheard", "left for the relay", "relayed after"]
    rows = []
    for name in names:
        own = [sample for sample in samples if sample.target == name and sample.stored is not None]
        if not own:
            continue
        accepted = sum(sample.accepted for sample in own)
        stored = sum(sample.stored or 0 for sample in own)
        lost = sum(max(0, sample.accepted - (sample.stored or 0)) for sample in own)
        left = max(sample.outbox_left for sample in own)
        after_s = max(sample.relayed_after_s for sample in own)
        cells = [accepted, stored, lost, stored - accepted + lost, left]
        rows.append([name, *(f"{cell:,}" for cell in cells), f"{number(after_s)} s"])
    notes = (
        "Counted in the database after each measurement: every ticket whose 202 was read is there (lost: 0).",
        "Unheard: stored, but wrk hung up at the end of its time before the answer came; at most one per connection.",
        "Left for the relay: the most that waited in the outbox when a measurement ended, and how long it then took.",
    )
    return Table("Accepted means stored", columns, rows, notes)


def _connections(level: int) -> str:
    return "1 connection" if level == 1 else f"{level} connections"
