"""The suite is proven by breaking each promise on purpose: it must notice."""

import threading
import time
from collections.abc import Sequence

import pytest

from tests.chaos.checker import Counts, show
from tests.chaos.conftest import StartSystem
from tests.chaos.system import System


def run(system: System, disturb: threading.Thread, *, total: int = 150) -> Counts:
    disturb.start()
    accepted = system.post_all(total, per_s=30)
    disturb.join()
    system.wait_until_decided(limit_s=90, quiet_s=12)
    return system.counts(accepted, attempted=total)


WORKERS = ("worker-0", "worker-1")


def crash(system: System, names: Sequence[str], failpoint: str) -> threading.Thread:
    """Return a thread that ends these processes at the fail-point, three times under load."""

    def disturb() -> None:
        for _ in range(3):
            time.sleep(1)
            for name in names:
                system.restart_with_failpoint(name, failpoint)

    return threading.Thread(target=disturb)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("mutation", ["", "ack_first"])
def test_acknowledging_before_the_commit_is_noticed(mutation: str, start_system: StartSystem) -> None:
    system = start_system("embedded", mutation=mutation)
    counts = run(system, crash(system, WORKERS, "worker.after_work_before_commit"))
    show(f"workers end before the commit, mutation {mutation or 'none'}", counts)
    assert counts.sound is (mutation == ""), counts
    if mutation:
        assert counts.silent > 0


@pytest.mark.timeout(120)
@pytest.mark.parametrize("mutation", ["", "no_inbox"])
def test_taking_every_delivery_for_new_work_is_noticed(mutation: str, start_system: StartSystem) -> None:
    system = start_system("embedded", mutation=mutation)
    counts = run(system, crash(system, WORKERS, "worker.after_commit_before_ack"))
    show(f"workers end before the ack, mutation {mutation or 'none'}", counts)
    assert counts.sound is (mutation == ""), counts


@pytest.mark.timeout(120)
@pytest.mark.parametrize("mutation", ["", "no_confirms"])
def test_forgetting_messages_before_the_confirm_is_noticed(mutation: str, start_system: StartSystem) -> None:
    system = start_system("embedded", mutation=mutation)
    counts = run(system, crash(system, ["relay"], "relay.after_publish_before_delete"))
    show(f"the relay ends between publish and delete, mutation {mutation or 'none'}", counts)
    assert counts.sound is (mutation == ""), counts
    if mutation:
        assert counts.silent > 0
