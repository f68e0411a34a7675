"""Kills at random and at fail-points under load: what was accepted ends exactly once."""

import random
import signal
import threading
import time

import pytest

from tests.chaos.checker import show
from tests.chaos.conftest import StartSystem
from tests.chaos.system import System

SEED = 20261121
FAILPOINTS = {
    "worker-0": (
        "worker.before_work",
        "worker.after_work_before_commit",
        "worker.after_commit_before_ack",
    ),
    "relay": ("relay.after_publish_before_delete",),
    "ticket-api": ("intake.after_commit_before_reply",),
}


def storm(system: System, *, kills: int, every_s: float, stop: threading.Event) -> None:
    """Kill a process at random every so often, then set each fail-point once."""
    chance = random.Random(SEED)
    for _ in range(kills):
        if stop.wait(every_s * chance.uniform(0.5, 1.5)):
            return
        system.kill(chance.choice(system.names))
    for name, failpoints in FAILPOINTS.items():
        for failpoint in failpoints:
            if stop.wait(every_s):
                return
            system.restart_with_failpoint(name, failpoint)


def run_storm(system: System, *, total: int, per_s: float, kills: int, every_s: float, title: str) -> None:
    stop = threading.Event()
    killer = threading.Thread(target=storm, args=(system,), kwargs={"kills": kills, "every_s": every_s, "stop": stop})
    killer.start()
    accepted = system.post_all(total, per_s=per_s)
    killer.join(60)
    stop.set()
    killer.join()
    system.wait_until_decided(limit_s=90)
    counts = system.counts(accepted, attempted=total)
    show(f"{title}, seed {SEED}, {system.restarts} restarts", counts)
    assert counts.sound, counts
    assert system.restarts >= kills // 2


@pytest.mark.timeout(240)
def test_a_storm_of_kills_loses_and_doubles_nothing(stack: str, start_system: StartSystem) -> None:
    system = start_system(stack)
    run_storm(system, total=400, per_s=25, kills=10, every_s=0.8, title=f"kill -9 and fail-points on {stack}")


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "name",
    ["worker-0", *(pytest.param(name, marks=pytest.mark.chaos) for name in ("ticket-api", "relay", "prediction"))],
)
def test_a_frozen_process_that_wakes_up_later_does_no_harm(stack: str, name: str, start_system: StartSystem) -> None:
    system = start_system(stack)

    def freeze_and_wake() -> None:
        time.sleep(1)
        system.kill(name, signal.SIGSTOP)
        time.sleep(5)
        system.kill(name, signal.SIGCONT)

    freezer = threading.Thread(target=freeze_and_wake)
    freezer.start()
    accepted = system.post_all(60, per_s=15)
    freezer.join()
    system.wait_until_decided(limit_s=40)
    counts = system.counts(accepted, attempted=60)
    show(f"SIGSTOP of {name} for 5 s on {stack}", counts)
    assert counts.sound, counts
