"""A long backlog and a long soak: nothing is lost or doubled, and memory stays flat."""

import os
import random
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from tests.chaos.conftest import StartSystem
from tests.chaos.system import System
from tests.chaos.trial import settle
from tests.fault_proxy import Fault, FaultProxy
from tests.servers import RabbitMqServer

SEED = 20261121
BACKLOG = int(os.environ.get("CHAOS_BACKLOG", "50000"))
SOAK_MINUTES = float(os.environ.get("CHAOS_SOAK_MINUTES", "10"))
SHARE_OF_CAPACITY = 0.8
MIB = 2**20

pytestmark = pytest.mark.chaos


@pytest.mark.timeout(1800)
def test_a_long_backlog_drains_through_a_restart_of_everything(stack: str, start_system: StartSystem) -> None:
    system = start_system(stack)
    accepted = system.preload(BACKLOG)
    with memory_stays_flat(system, ["relay", "worker-0", "worker-1"]):
        wait_for_backlog(system, BACKLOG // 2)
        for name in system.names:
            system.kill(name)
        wait_for_backlog(system, 0)
    counts = settle(system, f"backlog of {BACKLOG:,}, everything killed half-way", accepted)
    assert counts.sound, counts


def wait_for_backlog(system: System, size: int) -> None:
    system.wait_until(lambda: system.open_tickets() <= size, limit_s=900, what=f"a backlog of {size}", every_s=1.0)


@pytest.mark.timeout(SOAK_MINUTES * 60 + 600)
def test_a_soak_under_random_faults(stack: str, start_system: StartSystem, request: pytest.FixtureRequest) -> None:
    with faults_of(stack, request) as (url, faults):
        system = start_system(stack, **url)
        accepted, capacity_per_s = measure_capacity(system)
        per_s = SHARE_OF_CAPACITY * capacity_per_s
        stop, chance = threading.Event(), random.Random(SEED)

        def disturb() -> None:
            while not stop.wait(chance.uniform(3, 12)):
                name, fault = chance.choice([*faults, ("kill", kill), ("freeze", freeze)])
                print(f"{time.strftime('%H:%M:%S')} {name}", flush=True)  # noqa: T201 - what a failure follows from
                fault()

        def kill() -> None:
            system.kill(chance.choice(system.names))

        def freeze() -> None:
            name = chance.choice(system.names)
            system.kill(name, signal.SIGSTOP)
            stop.wait(5)
            system.kill(name, signal.SIGCONT)

        disturber = threading.Thread(target=disturb)
        disturber.start()
        with memory_stays_flat(system, ["ticket-api", "relay", "worker-0", "worker-1"]):
            accepted |= system.post_all(int(per_s * SOAK_MINUTES * 60), per_s=per_s, threads=8)
        stop.set()
        disturber.join()
        title = f"soak of {SOAK_MINUTES:g} min at {per_s:.0f}/s, seed {SEED}, {system.restarts} restarts"
        counts = settle(system, title, accepted, limit_s=300)
        assert counts.sound, counts
        system.close()


@contextmanager
def faults_of(
    stack: str, request: pytest.FixtureRequest
) -> Iterator[tuple[dict[str, str], Sequence[tuple[str, Callable[[], None]]]]]:
    """Yield the broker's URL, and the faults that only a server and the way to it have."""
    if stack == "embedded":
        yield {}, []
        return
    server: RabbitMqServer = request.getfixturevalue("rabbitmq_server")
    with FaultProxy.before(server.url) as proxy:

        def restart() -> None:
            server.kill()
            server.ensure_running()

        def lose(fault: Fault) -> None:
            proxy.set(fault)
            time.sleep(3)
            proxy.heal()

        yield (
            {"rabbitmq_url": proxy.through(server.url)},
            [
                ("broker killed", restart),
                ("acks and messages lost", lambda: lose(Fault.MUTE)),
                ("confirms and deliveries lost", lambda: lose(Fault.DEAF)),
            ],
        )


def measure_capacity(system: System) -> tuple[dict[str, str], float]:
    """Post tickets as quickly as possible; return them, and how many a second were taken in and decided."""
    begin = time.monotonic()
    accepted = system.post_all(300, per_s=10_000, threads=8)
    system.wait_until_decided(limit_s=120)
    return accepted, len(accepted) / (time.monotonic() - begin)


@contextmanager
def memory_stays_flat(system: System, names: Sequence[str]) -> Iterator[None]:
    """Prove that no process holds much more in the last quarter of the block than in its first half."""
    samples: dict[str, list[int]] = defaultdict(list)
    stop = threading.Event()

    def sample() -> None:
        while not stop.wait(0.5):
            for name in names:
                samples[name].append(system.resident_bytes(name))

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield
    finally:
        stop.set()
        sampler.join()
    for name, held in samples.items():
        early, late = max(held[: len(held) // 2]), max(held[-(len(held) // 4) :])
        print(f"{name}: {early / MIB:.0f} MiB early, {late / MIB:.0f} MiB late")  # noqa: T201 - a measurement
        assert late < 1.1 * early + 16 * MIB, f"{name} grew from {early} to {late} bytes"
