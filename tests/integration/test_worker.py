"""The worker over the real store and the embedded queue: each ticket gets one outcome, whatever happens on the way."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from helpdesk.adapters.broker_embedded import EmbeddedBroker
from helpdesk.adapters.store_sql import SqlStore
from helpdesk.decisions import Outcome
from helpdesk.desk import Desk
from helpdesk.envelopes import submission_id
from helpdesk.errors import WriterUnavailable
from helpdesk.ports.broker import DEAD, LANES, Envelope
from helpdesk.settings import BrokerSettings, ProcessorSettings, Settings
from helpdesk.tickets import AWAITS_MACHINE, GENERAL, INTERVENTION, Priority, Status, Ticket
from processor.considering import Consideration
from processor.policy import load_policy
from processor.worker import Worker
from relay.outbox import Relay
from relay.watchdog import Watchdog
from tests.factories import make_submission
from tests.fakes import FakeKnowledge, FakePredictor, FakeWriter, codes


class Shop:
    """Store, queue, relay and one worker in this process, with scripted machines."""

    def __init__(self, directory: Path, *, remote_writer: bool = False, **processor: object) -> None:
        self.settings = Settings(
            state_dir=directory,
            broker=BrokerSettings(lease_s=2.0),
            processor=ProcessorSettings.model_validate({"batch_size": 8, "prefetch": 16, **processor}),
        )
        self.store = SqlStore.open(self.settings)
        self.store.migrate()
        self.broker = EmbeddedBroker(directory / "helpdesk.db", self.settings.broker)
        self.broker.declare()
        self.desk = Desk(self.store, self.broker, claim_lease_s=60)
        self.predictor, self.knowledge = FakePredictor(), FakeKnowledge()
        self.writer = FakeWriter(is_remote=remote_writer)
        self.relay = Relay(self.store, self.broker, confirm_timeout_s=5)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.worker_error: BaseException | None = None

    def submit(self, text: str, **ticket: Any) -> str:
        ticket.setdefault("deadline_at", datetime.now(UTC) + timedelta(minutes=2))
        submission = make_submission(text=text, **ticket)
        with self.store.transaction() as tx:
            tx.add_submissions([submission])
        self.relay.run_once()
        return submission.ticket.ticket_id

    def start_worker(self) -> None:
        policy = load_policy(self.settings.processor.policy_file)
        consideration = Consideration(self.predictor, self.knowledge, self.writer, policy, passages=3)
        worker = Worker(self.store, self.broker, consideration, self.settings.processor)

        def run() -> None:
            try:
                worker.run(self._stop)
            except BaseException as error:
                self.worker_error = error

        self._thread = threading.Thread(target=run)
        self._thread.start()

    def stop_worker(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(20)
            assert not self._thread.is_alive()

    def wait_until(self, condition: Callable[[], bool], *, limit_s: float = 15) -> None:
        deadline = time.monotonic() + limit_s
        while not condition():
            assert time.monotonic() < deadline, "the condition did not come true in time"
            assert self.worker_error is None, self.worker_error
            time.sleep(0.02)

    def ticket(self, ticket_id: str) -> Ticket:
        with self.store.reading() as tx:
            return tx.ticket(ticket_id)

    def decided(self, *ticket_ids: str) -> list[Ticket]:
        self.wait_until(lambda: all(self.ticket(ticket_id).status not in AWAITS_MACHINE for ticket_id in ticket_ids))
        return [self.ticket(ticket_id) for ticket_id in ticket_ids]

    def close(self) -> None:
        self.stop_worker()
        self.relay.close()
        self.broker.close()
        self.store.close()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    yield shop
    shop.close()


def test_a_sure_ticket_is_answered_with_its_citation(shop: Shop) -> None:
    ticket_id = shop.submit("please cancel my order")
    shop.start_worker()
    [ticket] = shop.decided(ticket_id)
    assert ticket.status is Status.ANSWERED
    with shop.store.reading() as tx:
        [answer] = tx.answers(ticket_id)
        [decision] = tx.decisions(ticket_id)
        history = [event.status for event in tx.events(ticket_id)]
    assert answer.sent
    assert answer.citations[0].article_id == "cancel-before-dispatch"
    assert decision.outcome is Outcome.ANSWER
    assert decision.versions.keys() >= {"model", "policy", "knowledge", "writer", "prompt"}
    assert history == [Status.RECEIVED, Status.PROCESSING, Status.ANSWERED]


@pytest.mark.parametrize(
    ("text", "queue", "code"),
    [
        ("unsure what this is", "ORDER", "confidence_below_threshold"),
        ("something far-off", GENERAL, "out_of_scope"),
        ("I am so upset", INTERVENTION, "upset"),
        ("nothing-found for this", "ORDER", "evidence_too_thin"),
    ],
)
def test_a_ticket_for_people_waits_in_its_queue_with_the_reason(shop: Shop, text: str, queue: str, code: str) -> None:
    ticket_id = shop.submit(text)
    shop.start_worker()
    [ticket] = shop.decided(ticket_id)
    assert (ticket.status, ticket.queue) == (Status.QUEUED, queue)
    with shop.store.reading() as tx:
        assert codes(tx.decisions(ticket_id)[0].reasons) == [code]
    shop.relay.run_once()
    assert shop.broker.depths()[f"human.{queue}"] == 1


def test_an_answer_that_fails_the_checks_goes_to_a_person_with_the_draft(shop: Shop) -> None:
    shop.writer.text = "Your order has been cancelled, see https://evil.example/refund"
    ticket_id = shop.submit("please cancel my order")
    shop.start_worker()
    [ticket] = shop.decided(ticket_id)
    assert (ticket.status, ticket.queue) == (Status.QUEUED, "ORDER")
    with shop.store.reading() as tx:
        [draft] = tx.answers(ticket_id)
    assert not draft.sent


def test_the_same_message_twice_is_answered_once(shop: Shop) -> None:
    submission = make_submission(text="please cancel my order")
    with shop.store.transaction() as tx:
        tx.add_submissions([submission])
    publisher = shop.broker.publisher()
    assert publisher.publish([submission.envelope] * 3, timeout_s=5) == [None] * 3
    shop.start_worker()
    shop.decided(submission.ticket.ticket_id)
    publisher.publish([submission.envelope], timeout_s=5)
    shop.wait_until(lambda: not any(shop.broker.depths().get(lane, 0) for lane in LANES))
    shop.stop_worker()
    with shop.store.reading() as tx:
        assert len(tx.answers(submission.ticket.ticket_id)) == 1
        assert len(tx.decisions(submission.ticket.ticket_id)) == 1


def test_a_ticket_that_a_person_took_meanwhile_gets_a_draft_and_no_answer(tmp_path: Path) -> None:
    shop = Shop(tmp_path, remote_writer=True)
    try:
        shop.writer.hold.clear()
        ticket_id = shop.submit("please cancel my order")
        shop.start_worker()
        assert shop.writer.entered.wait(10)
        shop.desk.claim(ticket_id, "ada")
        shop.writer.hold.set()

        def has_draft() -> bool:
            with shop.store.reading() as tx:
                return bool(tx.answers(ticket_id))

        shop.wait_until(has_draft)
        ticket = shop.ticket(ticket_id)
        assert (ticket.status, ticket.claimed_by) == (Status.CLAIMED, "ada")
        with shop.store.reading() as tx:
            assert [answer.sent for answer in tx.answers(ticket_id)] == [False]
    finally:
        shop.writer.hold.set()
        shop.close()


def test_a_decision_that_comes_after_the_watchdog_and_a_person_changes_nothing(tmp_path: Path) -> None:
    shop = Shop(tmp_path, remote_writer=True)
    try:
        shop.writer.hold.clear()
        ticket_id = shop.submit("please cancel my order")
        shop.start_worker()
        assert shop.writer.entered.wait(10)
        overdue = Watchdog(
            shop.store,
            shop.broker,
            shop.desk,
            stuck_after_s=3600,
            reoffer_after_s=36_000,
            clock=lambda: datetime.now(UTC) + timedelta(minutes=3),
        )
        assert overdue.run_once().handed_over == 1
        shop.desk.claim(ticket_id, "ada")
        shop.writer.hold.set()
        shop.wait_until(lambda: not any(shop.broker.depths().get(lane, 0) for lane in LANES))
        shop.stop_worker()
        with shop.store.reading() as tx:
            assert codes(tx.decisions(ticket_id)[0].reasons) == ["deadline_passed"]
            assert len(tx.decisions(ticket_id)) == 1
            assert not tx.answers(ticket_id)
    finally:
        shop.writer.hold.set()
        shop.close()


def test_a_customer_who_writes_again_meanwhile_gets_an_answer_to_the_newer_message_only(tmp_path: Path) -> None:
    shop = Shop(tmp_path, remote_writer=True)
    try:
        shop.writer.hold.clear()
        ticket_id = shop.submit("please cancel my order")
        shop.start_worker()
        assert shop.writer.entered.wait(10)
        shop.desk.add_customer_message(ticket_id, "and quickly", owner=None, decide_within_s=60)
        shop.writer.hold.set()
        shop.relay.run_once()
        shop.decided(ticket_id)
        with shop.store.reading() as tx:
            assert [answer.turn for answer in tx.answers(ticket_id)] == [2]
    finally:
        shop.writer.hold.set()
        shop.close()


def test_a_predictor_that_stays_away_leaves_the_ticket_to_a_person(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    try:
        shop.predictor.away = True
        ticket_id = shop.submit("please cancel my order", deadline_at=datetime.now(UTC) + timedelta(seconds=1.5))
        shop.start_worker()
        [ticket] = shop.decided(ticket_id)
        assert (ticket.status, ticket.queue) == (Status.QUEUED, GENERAL)
        with shop.store.reading() as tx:
            assert codes(tx.decisions(ticket_id)[0].reasons) == ["predictor_unavailable"]
    finally:
        shop.close()


def test_a_predictor_that_comes_back_in_time_is_waited_for(shop: Shop) -> None:
    shop.predictor.away = True
    ticket_id = shop.submit("please cancel my order")
    shop.start_worker()
    shop.wait_until(lambda: bool(shop.predictor.calls))
    shop.predictor.away = False
    [ticket] = shop.decided(ticket_id)
    assert ticket.status is Status.ANSWERED


def test_a_writer_that_fails_leaves_the_ticket_to_its_category(tmp_path: Path) -> None:
    shop = Shop(tmp_path, remote_writer=True)
    try:
        shop.writer.error = WriterUnavailable("overloaded")
        ticket_id = shop.submit("please cancel my order", deadline_at=datetime.now(UTC) + timedelta(seconds=1.5))
        shop.start_worker()
        [ticket] = shop.decided(ticket_id)
        assert (ticket.status, ticket.queue) == (Status.QUEUED, "ORDER")
    finally:
        shop.close()


def test_one_ticket_that_raises_does_not_take_its_neighbours_along(shop: Shop) -> None:
    def refuse_poison(texts: Sequence[str]) -> None:
        if any("poison" in text for text in texts):
            raise RuntimeError("poison")

    shop.predictor.before = refuse_poison
    poison = shop.submit("poison")
    neighbours = [shop.submit(f"please cancel order {number}") for number in range(5)]
    shop.start_worker()
    assert {ticket.status for ticket in shop.decided(*neighbours)} == {Status.ANSWERED}
    assert shop.ticket(poison).status is Status.PROCESSING


def test_what_cannot_be_decoded_is_dead_lettered_at_once(shop: Shop) -> None:
    bad = Envelope(message_id="bad", destination=LANES[0], body=b'{"kind":"ticket.submitted.v9"}')
    shop.broker.publisher().publish([bad], timeout_s=5)
    ticket_id = shop.submit("please cancel my order")
    shop.start_worker()
    shop.decided(ticket_id)
    shop.wait_until(lambda: shop.broker.depths()[DEAD] == 1)
    with shop.store.reading() as tx:
        assert "kind" in tx.dead_letter("bad").reason or "tag" in tx.dead_letter("bad").reason


def test_a_message_that_ended_five_workers_is_given_to_a_person(shop: Shop) -> None:
    ticket_id = shop.submit("please cancel my order")
    message_id = shop_message_id(shop, ticket_id)
    for _ in range(5):
        with shop.store.transaction() as tx:
            tx.start_messages([message_id], at=datetime.now(UTC))
    shop.start_worker()
    [ticket] = shop.decided(ticket_id)
    assert (ticket.status, ticket.queue) == (Status.FAILED, GENERAL)
    with shop.store.reading() as tx:
        assert tx.dead_letter(message_id).ticket_id == ticket_id
    shop.wait_until(lambda: shop.broker.depths()[DEAD] == 1)


def shop_message_id(shop: Shop, ticket_id: str) -> str:
    return submission_id(ticket_id, shop.ticket(ticket_id).turn)


def test_handling_that_hangs_counts_as_a_failed_attempt_and_does_not_hold_up_others(tmp_path: Path) -> None:
    shop = Shop(tmp_path, handling_limit_s=0.5, batch_size=1)
    release = threading.Event()
    hung: list[str] = []

    def hang_once(texts: Sequence[str]) -> None:
        if "hang" in texts[0] and not hung:
            hung.append(texts[0])
            release.wait(10)

    try:
        shop.predictor.before = hang_once
        hanging, other = shop.submit("hang"), shop.submit("please cancel my order")
        shop.start_worker()
        assert [ticket.status for ticket in shop.decided(other)] == [Status.ANSWERED]
        assert [ticket.status for ticket in shop.decided(hanging)] == [Status.ANSWERED]
        release.set()
        shop.stop_worker()
        with shop.store.reading() as tx:
            assert len(tx.answers(hanging)) == 1
    finally:
        release.set()
        shop.close()


def test_a_high_ticket_is_decided_before_the_normal_ones_that_came_earlier(shop: Shop) -> None:
    normal = [shop.submit(f"please cancel order {number}") for number in range(20)]
    high = shop.submit("please cancel my order", priority=Priority.HIGH)
    shop.start_worker()
    shop.decided(high, *normal)
    assert "my order" in " ".join(shop.predictor.calls[0])


def test_the_watchdog_gives_an_overdue_ticket_to_a_person_although_no_worker_runs(shop: Shop) -> None:
    ticket_id = shop.submit("please cancel my order", deadline_at=datetime.now(UTC) - timedelta(seconds=1))
    report = Watchdog(shop.store, shop.broker, shop.desk, stuck_after_s=30, reoffer_after_s=3600).run_once()
    assert report.handed_over == 1
    ticket = shop.ticket(ticket_id)
    assert (ticket.status, ticket.queue) == (Status.QUEUED, GENERAL)
    assert "in time" in ticket.queue_reason
    shop.start_worker()
    shop.wait_until(lambda: not any(shop.broker.depths().get(lane, 0) for lane in LANES))
    assert shop.ticket(ticket_id).status is Status.QUEUED


def test_the_watchdog_publishes_a_ticket_again_whose_message_was_lost(shop: Shop) -> None:
    ticket_id = shop.submit("please cancel my order")
    assert shop.broker.withdraw(LANES[1], shop_message_id(shop, ticket_id))
    watchdog = Watchdog(
        shop.store,
        shop.broker,
        shop.desk,
        stuck_after_s=30,
        reoffer_after_s=3600,
        clock=lambda: datetime.now(UTC) + timedelta(seconds=31),
    )
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
    later = Watchdog(
        shop.store,
        shop.broker,
        Desk(shop.store, shop.broker, claim_lease_s=60, clock=lambda: datetime.now(UTC) + timedelta(seconds=61)),
        stuck_after_s=30,
        reoffer_after_s=3600,
        clock=lambda: datetime.now(UTC) + timedelta(seconds=61),
    )
    assert later.run_once().claims_returned == 1
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
    watchdog = Watchdog(
        shop.store,
        shop.broker,
        shop.desk,
        stuck_after_s=30,
        reoffer_after_s=3600,
        clock=lambda: datetime.now(UTC) + timedelta(hours=2),
    )
    assert watchdog.run_once().reoffered == 1
    shop.relay.run_once()
    assert shop.ticket(ticket_id).entry_id != first
    assert shop.broker.depths()["human.ORDER"] == 1
