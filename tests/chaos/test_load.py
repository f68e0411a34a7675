"""Full lanes, backlogs, two relays, orderly stops, scarce file descriptors: each ticket still ends exactly once."""

import resource
import socket
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack

import httpx
import pytest

from helpdesk.clock import utc_now
from helpdesk.envelopes import submission_id
from helpdesk.tickets import Priority
from tests.chaos.conftest import StartSystem, long_on_servers
from tests.chaos.system import System
from tests.chaos.trial import settle, survive, under_load

WORKERS = ("worker-0", "worker-1")

pytestmark = [pytest.mark.long, pytest.mark.timeout(150)]


@long_on_servers
def test_a_full_lane_leaves_the_rest_in_the_outbox(stack: str, start_system: StartSystem) -> None:
    system = start_system(stack, held_down=WORKERS, extra={"HELPDESK_BROKER__MAX_LANE_LENGTH": "3"})
    accepted = system.preload(40)
    system.wait_until(lambda: "messages stay in the outbox" in system.log("relay"), limit_s=30, what="a full lane")
    assert system.outbox_depth() >= 30
    let_up(system, WORKERS)
    counts = settle(system, "a lane of three messages", accepted)
    assert counts.sound, counts


@long_on_servers
def test_high_tickets_overtake_a_backlog_of_normal_ones(stack: str, start_system: StartSystem) -> None:
    system = start_system(stack, held_down=WORKERS)
    normal = system.preload(1_000)
    wait_for_the_relay(system)
    high = system.preload(10, priority=Priority.HIGH)
    wait_for_the_relay(system)
    let_up(system, WORKERS)
    counts = settle(system, "1,000 normal tickets, then 10 high ones", {**normal, **high}, limit_s=100)
    assert counts.sound, counts
    places = places_of(system, high, normal)
    assert max(places[ticket_id] for ticket_id in high.values()) < 100, "high tickets waited behind normal ones"


@pytest.mark.chaos
def test_a_backlog_of_high_tickets_does_not_starve_the_normal_ones(stack: str, start_system: StartSystem) -> None:
    system = start_system(stack, held_down=WORKERS)
    high = system.preload(600, priority=Priority.HIGH)
    normal = system.preload(10)
    wait_for_the_relay(system)
    let_up(system, WORKERS)
    counts = settle(system, "600 high tickets and 10 normal ones", {**high, **normal}, limit_s=100)
    assert counts.sound, counts
    places = places_of(system, high, normal)
    assert max(places[ticket_id] for ticket_id in normal.values()) < 500, "normal tickets waited for all high ones"


@long_on_servers
def test_two_relays_and_two_watchdogs_repeat_messages_and_nothing_else(stack: str, start_system: StartSystem) -> None:
    impatient = {"HELPDESK_PROCESSOR__STUCK_AFTER_S": "0.5", "HELPDESK_PROCESSOR__SWEEP_EVERY_S": "0.1"}
    system = start_system(stack, relays=2, extra=impatient)

    def delay_decisions() -> None:
        for worker in WORKERS:
            system.hold_down(worker)
        time.sleep(1.5)
        let_up(system, WORKERS)

    survive(system, "two relays, and watchdogs that publish again after 0.5 s", delay_decisions)
    assert any("swept" in system.log(name) for name in ("relay", "relay-1")), "nothing was published again"


@long_on_servers
def test_told_to_stop_under_load_every_process_finishes_what_it_began(stack: str, start_system: StartSystem) -> None:
    patient = {"HELPDESK_BROKER__LEASE_S": "20", "HELPDESK_BROKER__HEARTBEAT_S": "20"}  # nobody loses a message by this
    system = start_system(stack, extra=patient)
    ends: list[tuple[int, float]] = []

    def stop_one_after_the_other() -> None:
        for name in ("worker-0", "relay", "worker-1", "ticket-api"):
            ends.append(system.terminate(name, limit_s=25))
            time.sleep(0.3)

    accepted = under_load(system, stop_one_after_the_other, total=150, per_s=30)
    counts = settle(system, "SIGTERM of every process in turn", accepted)
    assert counts.sound, counts
    assert [status for status, _ in ends] == [0, 0, 0, 0]
    assert max(seconds for _, seconds in ends) < 20
    with system.store.transaction() as tx:
        begun = tx.start_messages([submission_id(ticket_id, 1) for ticket_id in accepted.values()], at=utc_now())
    assert {entry.starts for entry in begun.values()} == {1}, "a message that was begun was given back"


@long_on_servers
def test_an_api_without_file_descriptors_refuses_and_recovers(stack: str, start_system: StartSystem) -> None:
    system = start_system(stack)

    def exhaust() -> None:
        system.limit(resource.RLIMIT_NOFILE, 64, ["ticket-api"])
        with ExitStack() as connections:
            for _ in range(100):
                connections.enter_context(socket.create_connection(("127.0.0.1", system.api_port)))
            with pytest.raises(httpx.TransportError), system.client() as client:
                client.get("/health", timeout=1)
            time.sleep(1)
        system.limit(resource.RLIMIT_NOFILE, -1, ["ticket-api"])

    survive(system, "ticket API with 64 file descriptors and 100 idle connections", exhaust)
    assert system.restarts == 0


def let_up(system: System, names: Iterable[str]) -> None:
    for name in names:
        system.let_up(name)


def wait_for_the_relay(system: System) -> None:
    system.wait_until(lambda: system.outbox_depth() == 0, limit_s=60, what="an empty outbox")


def places_of(system: System, *accepted: Mapping[str, str]) -> dict[str, int]:
    """Return each ticket's place in the order of decisions."""
    with system.store.reading() as tx:
        tickets = tx.tickets([ticket_id for some in accepted for ticket_id in some.values()])
    order = sorted(tickets, key=lambda ticket_id: tickets[ticket_id].updated_at)
    return {ticket_id: place for place, ticket_id in enumerate(order)}
