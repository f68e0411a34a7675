"""The watchdog over the real store and the embedded queue: what nobody moves any more is moved."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from helpdesk.desk import enqueue
from helpdesk.envelopes import submission_id
from helpdesk.ports.broker import LANES
from helpdesk.ports.store import Transaction
from helpdesk.tickets import GENERAL, Status, Ticket
from relay.watchdog import SweepReport
from tests.shop import CLAIM_LEASE_S, Shop


def test_the_watchdog_gives_an_overdue_ticket_to_a_person_although_no_worker_runs(shop: Shop) -> None:
    ticket_id = shop.submit("please cancel my order", deadline_at=datetime.now(UTC) - timedelta(seconds=1))
    report = shop.watchdog().run_once()
    assert report.handed_over == 1
    ticket = shop.ticket(ticket_id)
    assert (ticket.status, ticket.queue) == (Status.QUEUED, GENERAL)
    assert "in time" in ticket.queue_reason
    shop.start_worker()
    shop.wait_for_empty_lanes()
    assert shop.ticket(ticket_id).status is Status.QUEUED


def test_the_watchdog_publishes_a_ticket_again_whose_message_was_lost(shop: Shop) -> None:
    ticket_id = shop.submit("please cancel my order")
    assert shop.broker.withdraw(LANES[1], submission_id(ticket_id, 1))
    watchdog = shop.watchdog(after_s=31)
    assert watchdog.run_once().republished == 1
    assert watchdog.run_once().republished == 0
    shop.relay.run_once()
    shop.start_worker()
    assert shop.decided(ticket_id)[0].status is Status.ANSWERED


def test_the_watchdog_returns_a_claim_that_ran_out(shop: Shop) -> None:
    ticket_id = shop.submit("unsure what this is")
    shop.start_worker()
    shop.decided(ticket_id)
    shop.relay.run_once()
    shop.desk.claim(ticket_id, "ada")
    assert shop.watchdog(after_s=CLAIM_LEASE_S + 1).run_once().claims_returned == 1
    ticket = shop.ticket(ticket_id)
    assert (ticket.status, ticket.claimed_by) == (Status.QUEUED, None)


def test_the_watchdog_offers_a_ticket_again_whose_message_a_broker_client_took_and_forgot(shop: Shop) -> None:
    ticket_id = shop.submit("unsure what this is")
    shop.start_worker()
    shop.decided(ticket_id)
    shop.relay.run_once()
    first = shop.ticket(ticket_id).entry_id
    assert first is not None
    assert shop.broker.withdraw("human.ORDER", first)
    assert shop.watchdog(after_s=7200).run_once().reoffered == 1
    shop.relay.run_once()
    assert shop.ticket(ticket_id).entry_id != first
    assert shop.broker.depths()["human.ORDER"] == 1


def test_its_rounds_and_the_tickets_that_they_move_are_counted(shop: Shop) -> None:
    def counted(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(name, labels) or 0.0

    rounds = counted("helpdesk_sweeps_total", result="done")
    handed_over = counted("helpdesk_swept_tickets_total", duty="handed_over")
    ticket_id = shop.submit("please cancel my order", deadline_at=datetime.now(UTC) - timedelta(seconds=1))
    stop = threading.Event()
    running = threading.Thread(target=shop.watchdog().run, args=(stop,), kwargs={"every_s": 0.01})
    running.start()
    shop.decided(ticket_id)
    shop.wait_until(lambda: counted("helpdesk_sweeps_total", result="done") >= rounds + 2)
    stop.set()
    running.join(5)
    assert counted("helpdesk_swept_tickets_total", duty="handed_over") == handed_over + 1


def test_one_ticket_that_cannot_be_moved_keeps_no_other_waiting(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    bad, good = (shop.submit("please cancel my order", deadline_at=past) for _ in range(2))

    def enqueue_but_one(tx: Transaction, ticket: Ticket, *args: Any, **details: Any) -> Ticket:
        if ticket.ticket_id == bad:
            raise KeyError("nobody foresaw this")
        return enqueue(tx, ticket, *args, **details)

    monkeypatch.setattr("relay.watchdog.enqueue", enqueue_but_one)
    assert shop.watchdog().run_once().handed_over == 1
    assert shop.ticket(good).status is Status.QUEUED


def test_whatever_goes_wrong_in_a_sweep_the_next_one_comes(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    watchdog, stop = shop.watchdog(), threading.Event()
    sweeps: list[int] = []

    def fail_then_stop() -> SweepReport:
        sweeps.append(1)
        if len(sweeps) == 2:
            stop.set()
        raise KeyError("nobody foresaw this")

    monkeypatch.setattr(watchdog, "run_once", fail_then_stop)
    watchdog.run(stop, every_s=0.01)
    assert len(sweeps) == 2


def test_a_sweep_that_was_full_is_followed_by_the_next_at_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.watchdog.BATCH", 2)
    past = datetime.now(UTC) - timedelta(seconds=1)
    overdue = [shop.submit("please cancel my order", deadline_at=past) for _ in range(5)]
    watchdog, stop = shop.watchdog(), threading.Event()
    waits: list[float] = []

    def wait(timeout: float) -> bool:
        waits.append(timeout)
        return len(waits) > 4

    monkeypatch.setattr(stop, "wait", wait)
    watchdog.run(stop, every_s=60)
    assert waits == [60, 0, 0, 60, 60]
    assert {shop.ticket(ticket_id).status for ticket_id in overdue} == {Status.QUEUED}
