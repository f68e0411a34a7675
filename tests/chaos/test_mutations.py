"""The suite is proven by breaking each promise on purpose: it must notice."""

import time
from collections.abc import Sequence

import pytest

from tests.chaos.checker import Counts
from tests.chaos.conftest import StartSystem
from tests.chaos.system import System
from tests.chaos.trial import settle, under_load

pytestmark = pytest.mark.long
WORKERS = ("worker-0", "worker-1")


def with_and_without(mutation: str) -> pytest.MarkDecorator:
    """Run a test without the mutation, which must pass, and with it, which must be noticed."""
    on_servers = [pytest.param("servers", broken, marks=pytest.mark.chaos) for broken in ("", mutation)]
    return pytest.mark.parametrize(("stack", "mutation"), [("embedded", ""), ("embedded", mutation), *on_servers])


def run(system: System, names: Sequence[str], failpoint: str, mutation: str) -> Counts:
    """End these processes at the fail-point three times under load."""

    def crash() -> None:
        for _ in range(3):
            for name in names:
                system.restart_with_failpoint(name, failpoint)
            time.sleep(1)

    accepted = under_load(system, crash, total=120, per_s=30)
    title = f"{', '.join(names)} ended at {failpoint}, mutation: {mutation or 'none'}"
    return settle(system, title, accepted, quiet_s=8 if mutation else 30)


@with_and_without("ack_first")
def test_acknowledging_before_the_commit_is_noticed(stack: str, mutation: str, start_system: StartSystem) -> None:
    system = start_system(stack, mutation=mutation)
    counts = run(system, WORKERS, "worker.after_work_before_commit", mutation)
    assert counts.sound is (mutation == ""), counts
    if mutation:
        assert counts.silent > 0


@with_and_without("no_inbox")
def test_taking_every_delivery_for_new_work_is_noticed(stack: str, mutation: str, start_system: StartSystem) -> None:
    system = start_system(stack, mutation=mutation)
    counts = run(system, WORKERS, "worker.after_commit_before_ack", mutation)
    assert counts.sound is (mutation == ""), counts


@with_and_without("no_confirms")
def test_forgetting_messages_before_the_confirm_is_noticed(
    stack: str, mutation: str, start_system: StartSystem
) -> None:
    system = start_system(stack, mutation=mutation)
    counts = run(system, ["relay"], "relay.after_publish_before_delete", mutation)
    assert counts.sound is (mutation == ""), counts
    if mutation:
        assert counts.silent > 0
