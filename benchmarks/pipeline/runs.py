"""One measured run: workers and publisher start and get warm, tickets are accepted, the last decision ends it."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.environment import environment_of
from benchmarks.pipeline.ledger import Ledger, Outcome
from benchmarks.pipeline.systems import System
from benchmarks.processes import Child, Children, cpu_s
from helpdesk.settings import Settings

WARM_UP_TICKETS = 200
LIMIT_S = 900.0
LOOK_EVERY_S = 0.02
LOOK_SELDOM_S = 0.25
MANY = 20_000
"""From here on a count takes long enough to disturb what is measured, and the end need not be known so exactly."""

SAMPLE_EVERY_S = 0.5


Cpu = Mapping[str, float]
"""Processor time in seconds, by part: workers, publisher, and each of the servers that all systems share."""


def spent(before: Cpu, after: Cpu) -> Cpu:
    """Return what was spent in between."""
    return {part: round(after[part] - before[part], 2) for part in before}


@dataclass(frozen=True, slots=True)
class Run:
    """What was measured.

    Attributes:
        seconds: from the commit that accepted the tickets to the commit of the last decision.
        published_s: how long publishing took; None where a relay does it on the side.
        cpu: of all parts, during these seconds.
        rss_bytes: memory of the first worker over time, as (seconds, bytes).
    """

    round: int
    system: str
    workers: int
    tickets: int
    seconds: float
    published_s: float | None
    cpu: Cpu
    rss_bytes: list[tuple[float, int]]

    @property
    def per_s(self) -> float:
        return self.tickets / self.seconds


class Stage:
    """Where systems run.

    Args:
        servers: the process ids of the servers that all systems share, by name.
    """

    def __init__(self, settings: Settings, directory: Path, ledger: Ledger, servers: Mapping[str, int]) -> None:
        self._settings, self._directory, self._ledger, self._servers = settings, directory, ledger, servers

    def measure(self, system: System, *, workers: int, tickets: int, number: int) -> Run:
        """Measure from acceptance to the last decision, with workers and publisher up and warm.

        Raises:
            BenchmarkFailed: a ticket was not decided exactly once.
        """
        self._ledger.clear()
        with Children(self._directory) as children:
            crew = [self._worker(children, system, index) for index in range(workers)]
            publisher = self._publisher(children, system)
            self._wait_ready(system, crew, publisher)
            self._publish(system, publisher, WARM_UP_TICKETS)
            self._wait_decided(crew[0], WARM_UP_TICKETS)
            before = self._cpu(crew, publisher)
            accepted_at = self._publish(system, publisher, tickets)
            rss = self._wait_decided(crew[0], WARM_UP_TICKETS + tickets)
            seconds = time.monotonic() - accepted_at
            cpu = spent(before, self._cpu(crew, publisher))
            published_s = None if system.has_outbox else _published_s(publisher, tickets)
        self._ledger.outcome().require_exactly_once(system.name)
        return Run(number, system.name, workers, tickets, seconds, published_s, cpu, rss)

    def work_off(self, system: System, *, workers: int, tickets: int) -> Run:
        """Measure how a backlog is worked off that lies in the broker before the first worker starts.

        Raises:
            BenchmarkFailed: a ticket was not decided exactly once.
        """
        self._ledger.clear()
        with Children(self._directory) as children:
            publisher = self._publisher(children, system)
            publisher.wait_until_logged(system.publisher_ready)
            accepted_at = self._publish(system, publisher, tickets)
            publisher.wait_until(lambda: not self._ledger.outbox_depth(), what="to empty the outbox", limit_s=LIMIT_S)
            published_s = time.monotonic() - accepted_at
            crew = [self._worker(children, system, index) for index in range(workers)]
            for child in crew:
                child.wait_until_logged(system.ready)
            before, began = self._cpu(crew, publisher), time.monotonic()
            rss = self._wait_decided(crew[0], tickets)
            seconds = time.monotonic() - began
            cpu = spent(before, self._cpu(crew, publisher))
        self._ledger.outcome().require_exactly_once(system.name)
        return Run(1, system.name, workers, tickets, seconds, published_s, cpu, rss)

    def kill_in_the_middle(self, system: System, *, tickets: int) -> Outcome:
        """Kill the only worker with ``kill -9`` once a third is decided, start another, and count at the end.

        Raises:
            BenchmarkFailed: nothing moves any more, so the rest is lost.
        """
        self._ledger.clear()
        with Children(self._directory) as children:
            first, publisher = self._worker(children, system, 0), self._publisher(children, system)
            self._wait_ready(system, [first], publisher)
            self._publish(system, publisher, tickets)
            self._wait_decided(first, tickets // 3)
            first.kill()
            second = self._worker(children, system, 1)
            second.wait_until_logged(system.ready)
            self._wait_decided(second, tickets)
        return self._ledger.outcome()

    def _worker(self, children: Children, system: System, index: int) -> Child:
        arguments = [argument.replace("{number}", str(index)) for argument in system.worker]
        return children.python(f"worker-{index}", *arguments, environment=self._environment(system))

    def _publisher(self, children: Children, system: System) -> Child:
        return children.python("publisher", *system.publisher, environment=self._environment(system))

    def _environment(self, system: System) -> dict[str, str]:
        return {**environment_of(self._settings), **system.environment}

    def _cpu(self, crew: Sequence[Child], publisher: Child) -> Cpu:
        own = {"workers": sum(child.cpu_s() for child in crew), "publisher": publisher.cpu_s()}
        return own | {name: cpu_s(pid) for name, pid in self._servers.items()}

    def _wait_ready(self, system: System, crew: list[Child], publisher: Child) -> None:
        for child in crew:
            child.wait_until_logged(system.ready)
        publisher.wait_until_logged(system.publisher_ready)

    def _publish(self, system: System, publisher: Child, count: int) -> float:
        """Accept tickets and see to it that they are published; return the moment of their acceptance."""
        ticket_ids, accepted_at = self._ledger.accept(count, has_outbox=system.has_outbox)
        if not system.has_outbox:
            path = self._directory / f"tickets-{count}"
            path.write_text("\n".join(ticket_ids))
            accepted_at = time.monotonic()
            publisher.tell(str(path))
        return accepted_at

    def _wait_decided(self, watched: Child, count: int) -> list[tuple[float, int]]:
        """Return, once so many tickets are decided, the memory of the worker meanwhile."""
        began = time.monotonic()
        rss = [(0.0, watched.rss_bytes())]

        def is_reached() -> bool:
            elapsed_s = time.monotonic() - began
            if elapsed_s > rss[-1][0] + SAMPLE_EVERY_S:
                rss.append((round(elapsed_s, 2), watched.rss_bytes()))
            return self._ledger.decided() >= count

        every_s = LOOK_EVERY_S if count < MANY else LOOK_SELDOM_S
        watched.wait_until(is_reached, what=f"to decide {count} tickets", limit_s=LIMIT_S, every_s=every_s)
        rss.append((round(time.monotonic() - began, 2), watched.rss_bytes()))
        return rss


def _published_s(publisher: Child, tickets: int) -> float:
    publisher.wait_until_logged(f"published {tickets} in")
    return float(re.findall(rf"published {tickets} in ([\d.]+) s", publisher.log.read_text())[-1])
