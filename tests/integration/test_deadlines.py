"""Deadlines over the real store, desk, worker and relay: wound at every step, and watched."""

import multiprocessing
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from helpdesk.adapters.store_sql import SqlStore
from helpdesk.ports.store import Transaction
from helpdesk.settings import SlaSettings
from helpdesk.sla import SlaPolicy, load_sla_policy
from helpdesk.tickets import AWAITS_MACHINE, Action, Author, Priority, SlaState, Status, TicketEvent
from relay.deadlines import DeadlineWatch
from tests.shop import Shop

HOUR = timedelta(hours=1)
POLICY = """
version: 1
calendars: {always: {time_zone: UTC, hours: always}}
rules:
  - {queues: [REFUND], calendar: always, first_reply: 8h, resolution: 16h}
  - {calendar: always, first_reply: 4h, resolution: 12h, raise_priority: true}
"""

MakeWatch = Callable[..., DeadlineWatch]


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SlaPolicy:
    path = tmp_path / "sla.yaml"
    path.write_text(POLICY, encoding="utf-8")
    monkeypatch.setenv("HELPDESK_SLA__POLICY_FILE", str(path))
    return load_sla_policy(path)


@pytest.fixture
def shop(policy: SlaPolicy, tmp_path: Path) -> Any:
    with closing(Shop(tmp_path)) as shop:
        yield shop


@pytest.fixture
def watch(shop: Shop, policy: SlaPolicy) -> MakeWatch:
    def make(*, after: timedelta = timedelta()) -> DeadlineWatch:
        return DeadlineWatch(shop.store, policy, clock=lambda: datetime.now(UTC) + after)

    return make


def submit(shop: Shop, text: str = "unsure what this is", **ticket: Any) -> str:
    return shop.submit(text, created_at=datetime.now(UTC), **ticket)


def routed(shop: Shop) -> str:
    ticket_id = submit(shop)
    shop.start_worker()
    shop.decided(ticket_id)
    shop.relay.run_once()
    return ticket_id


def alerts(shop: Shop, ticket_id: str) -> list[tuple[object, object]]:
    with shop.store.reading() as tx:
        steps = tx.events(ticket_id)
    return [(step.details["event"], step.details["target"]) for step in steps if "event" in step.details]


def test_what_the_machine_answers_has_its_first_reply_from_the_machine(shop: Shop) -> None:
    ticket_id = submit(shop, "please cancel my order")
    shop.start_worker()
    [ticket] = shop.decided(ticket_id)
    assert (ticket.first_replied_by, ticket.first_replied_at) == (Author.MACHINE, ticket.updated_at)
    assert (ticket.due_at, ticket.sla) == (None, SlaState.OK)


def test_what_a_person_answers_has_its_first_reply_from_a_person_and_ends_resolved(shop: Shop) -> None:
    ticket_id = routed(shop)
    shop.desk.claim(ticket_id, "ada")
    returned = shop.desk.reply(ticket_id, "ada", "It is on its way.", resolve=True)
    ticket = shop.ticket(ticket_id)
    assert (ticket.status, ticket.first_replied_by) == (Status.RESOLVED, Author.AGENT)
    assert ticket.first_replied_at == ticket.resolved_at == ticket.paused_at
    assert returned == ticket


def test_a_transfer_brings_the_deadlines_of_the_other_queue(shop: Shop) -> None:
    ticket_id = routed(shop)
    before = shop.ticket(ticket_id)
    assert before.due_at == before.created_at + 4 * HOUR
    shop.desk.claim(ticket_id, "ada")
    shop.desk.transfer(ticket_id, "ada", queue="REFUND")
    ticket = shop.ticket(ticket_id)
    assert (ticket.first_reply_due_at, ticket.resolution_due_at) == (
        ticket.created_at + 8 * HOUR,
        ticket.created_at + 16 * HOUR,
    )


def test_a_further_message_starts_the_clock_that_stood(shop: Shop) -> None:
    ticket_id = submit(shop, "please cancel my order")
    shop.start_worker()
    [answered] = shop.decided(ticket_id)
    shop.write_again(ticket_id, "unsure, that did not help")
    [ticket] = shop.decided(ticket_id)
    assert ticket.resolution_due_at is not None
    assert answered.resolution_due_at is not None
    stood = ticket.resolution_due_at - answered.resolution_due_at
    assert stood.total_seconds() == pytest.approx(ticket.paused_s)
    assert ticket.paused_s > 0
    assert ticket.first_replied_by is Author.MACHINE


def test_it_is_written_once_that_a_deadline_comes_near_and_once_that_it_was_missed(
    shop: Shop, watch: MakeWatch
) -> None:
    ticket_id = routed(shop)
    for after in (2, 3.1, 3.1, 3.5, 4.1, 4.1, 8, 9.1, 12.1, 50):
        watch(after=after * HOUR).run_once()
    assert alerts(shop, ticket_id) == [
        ("ticket.sla_soon", "first_reply"),
        ("ticket.sla_breached", "first_reply"),
        ("ticket.sla_soon", "resolution"),
        ("ticket.sla_breached", "resolution"),
    ]
    ticket = shop.ticket(ticket_id)
    assert (ticket.sla, ticket.priority, ticket.alert_at) == (SlaState.BREACHED, Priority.HIGH, None)


def test_watches_side_by_side_write_nothing_twice_and_count_each_alert_once(shop: Shop, watch: MakeWatch) -> None:
    def counted() -> float:
        labels = {"state": "breached", "queue": "none", "target": "first_reply"}
        return REGISTRY.get_sample_value("helpdesk_sla_alerts_total", labels) or 0.0

    before = counted()
    ticket_ids = [submit(shop) for _ in range(40)]
    with ThreadPoolExecutor(4) as threads:
        running = [threads.submit(watch(after=5 * HOUR).run_once) for _ in range(8)]
    assert [future.exception() for future in running] == [None] * 8
    for ticket_id in ticket_ids:
        assert alerts(shop, ticket_id) == [("ticket.sla_breached", "first_reply")]
    assert counted() == before + 40


def test_a_crash_between_ticket_and_history_loses_no_alert(
    shop: Shop, watch: MakeWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket_id = submit(shop)

    def crash(self: Transaction, added: list[TicketEvent]) -> None:
        raise KeyError("the power is gone")

    with monkeypatch.context() as crashing:
        crashing.setattr("helpdesk.adapters.store_sql.history.History.add_events", crash)
        with pytest.raises(KeyError):
            watch(after=3.5 * HOUR).run_once()
    assert shop.ticket(ticket_id).sla is SlaState.OK
    watch(after=3.5 * HOUR).run_once()
    assert alerts(shop, ticket_id) == [("ticket.sla_soon", "first_reply")]


def test_an_alert_leaves_the_ticket_with_whoever_has_it(shop: Shop, watch: MakeWatch) -> None:
    ticket_id = routed(shop)
    claimed = shop.desk.claim(ticket_id, "ada")
    watch(after=5 * HOUR).run_once()
    ticket = shop.ticket(ticket_id)
    assert (ticket.status, ticket.claimed_by, ticket.updated_at) == (Status.CLAIMED, "ada", claimed.updated_at)
    assert shop.desk.reply(ticket_id, "ada", "Here you are.").status is Status.REPLIED


def test_claiming_next_takes_what_is_due_first(shop: Shop) -> None:
    later, sooner = submit(shop), submit(shop)
    with shop.store.transaction() as tx:
        ticket = tx.ticket(later)
        tx.save([ticket.after(Action.START, at=ticket.updated_at)])
    shop.start_worker()
    shop.decided(later, sooner)
    shop.relay.run_once()
    due = sorted([shop.ticket(later), shop.ticket(sooner)], key=lambda ticket: ticket.due_at or ticket.created_at)
    assert [shop.desk.claim_next("ORDER", "ada").ticket_id for _ in due] == [ticket.ticket_id for ticket in due]


def test_the_watch_runs_until_it_is_told_to_stop_whatever_goes_wrong(
    shop: Shop, watch: MakeWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    watching, stop, looks = watch(), threading.Event(), [0]

    def fail_twice() -> int:
        looks[0] += 1
        if looks[0] == 3:
            stop.set()
        raise KeyError("nobody foresaw this")

    monkeypatch.setattr(watching, "run_once", fail_twice)
    watching.run(stop, every_s=0.01)
    assert looks == [3]


def live_until_killed(directory: Path, submitted: Connection) -> None:
    """Accept tickets and have a worker that is in the midst of them; the worker never gets an answer."""
    shop = Shop(directory)
    reached = threading.Event()

    def hang(texts: Sequence[str]) -> None:
        reached.set()
        time.sleep(600)

    shop.predictor.before = hang
    deadline = datetime.now(UTC) + timedelta(seconds=2)
    ticket_ids = [submit(shop, deadline_at=deadline) for _ in range(3)]
    shop.start_worker()
    reached.wait()
    submitted.send([*ticket_ids, submit(shop, deadline_at=deadline)])
    time.sleep(600)


def test_after_a_crash_of_everything_what_the_machine_owes_goes_to_people_with_the_reason(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    everything = context.Process(target=live_until_killed, args=(tmp_path, sending))
    everything.start()
    assert receiving.poll(60)
    ticket_ids = receiving.recv()
    everything.kill()
    everything.join()
    with closing(Shop(tmp_path)) as after:  # no worker comes back, only the relay with its watchdog
        assert {after.ticket(ticket_id).status for ticket_id in ticket_ids} <= AWAITS_MACHINE
        assert after.watchdog(after_s=3).run_once().handed_over == 4
        for ticket_id in ticket_ids:
            ticket = after.ticket(ticket_id)
            assert ticket.status is Status.QUEUED
            assert "No decision was made in time" in ticket.queue_reason
            assert ticket.due_at is not None


def test_a_ticket_from_before_there_were_deadlines_gets_them_at_the_first_look(
    policy: SlaPolicy, watch: MakeWatch, shop: Shop
) -> None:
    ticket_id = submit(shop)
    untimed = SqlStore(f"sqlite:///{shop.settings.state_dir}/helpdesk.db", shop.settings.store)
    with closing(untimed), untimed.transaction() as tx:
        ticket = tx.ticket(ticket_id)
        unknown = {"due_at": None, "first_reply_due_at": None, "resolution_due_at": None}
        tx.save([ticket.after(Action.START, at=ticket.updated_at, alert_at=ticket.created_at, **unknown)])
    watch().run_once()
    ticket = shop.ticket(ticket_id)
    assert (ticket.due_at, ticket.alert_at) == (ticket.created_at + 4 * HOUR, ticket.created_at + 3 * HOUR)
    assert alerts(shop, ticket_id) == []


def test_the_policy_that_ships_is_used_unless_another_is_named() -> None:
    assert SlaSettings().policy_file.name == "policy.yaml"
