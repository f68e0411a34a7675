"""Kills at random and at fail-points under load: what was accepted ends exactly once."""

import random
import signal
import threading

import pytest

from tests.chaos.conftest import StartSystem, long_on_servers
from tests.chaos.system import System
from tests.chaos.trial import for_a_while, settle, survive

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


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("total", "kills"), [(240, 10), pytest.param(2_000, 60, marks=pytest.mark.chaos)])
def test_a_storm_of_kills_loses_and_doubles_nothing(
    stack: str, total: int, kills: int, start_system: StartSystem
) -> None:
    system = start_system(stack)
    stop = threading.Event()
    killer = threading.Thread(target=storm, args=(system,), kwargs={"kills": kills, "every_s": 0.8, "stop": stop})
    killer.start()
    accepted = system.post_all(total, per_s=25)
    killer.join(60)
    stop.set()
    killer.join()
    title = f"{kills} times kill -9 and every fail-point, seed {SEED}, {system.restarts} restarts"
    counts = settle(system, title, accepted, limit_s=90)
    assert counts.acknowledged == total
    assert counts.sound, counts
    assert system.restarts >= kills // 2
    if stack == "embedded":
        assert system.integrity() == "ok"


@pytest.mark.parametrize(
    "name",
    ["worker-0", *(pytest.param(name, marks=pytest.mark.chaos) for name in ("ticket-api", "relay", "prediction"))],
)
def test_a_frozen_process_that_wakes_up_later_does_no_harm(stack: str, name: str, start_system: StartSystem) -> None:
    system = start_system(stack)
    freeze = for_a_while(lambda: system.kill(name, signal.SIGSTOP), lambda: system.kill(name, signal.SIGCONT))
    survive(system, f"SIGSTOP of {name} for 5 s", freeze)


SKEWED = [("worker-0", 3600), ("relay", -3600), ("relay", 3600), ("worker-0", -3600), ("ticket-api", -3600)]


@long_on_servers
@pytest.mark.parametrize(
    ("name", "ahead_s"), [SKEWED[0], *(pytest.param(*skewed, marks=pytest.mark.chaos) for skewed in SKEWED[1:])]
)
def test_a_process_whose_clock_is_an_hour_off_does_no_harm(
    stack: str, name: str, ahead_s: int, start_system: StartSystem
) -> None:
    system = start_system(stack, watchdog=True, skew_s={name: ahead_s})
    survive(system, f"clock of {name} {ahead_s:+d} s, and killed", lambda: system.kill(name))
    with system.client() as client:
        assert client.get("/ready").json()["outbox_oldest_age_s"] >= 0
