"""The worker over the real store and the embedded queue: each ticket gets one outcome, whatever happens on the way."""

import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from helpdesk.adapters.predictor_http import HttpPredictor
from helpdesk.decisions import Outcome
from helpdesk.envelopes import submission_id
from helpdesk.errors import WriterUnavailable
from helpdesk.ports.broker import DEAD, LANES, Envelope
from helpdesk.predictions import ModelInfo, Prediction
from helpdesk.tickets import GENERAL, INTERVENTION, Priority, Status
from tests.factories import make_submission
from tests.fakes import codes, make_prediction
from tests.live_prediction_api import running
from tests.shop import Shop
from ticket_api.reading import read_ticket


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


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_a_decision_is_counted_once_by_outcome_and_reason(shop: Shop) -> None:
    labels = {"outcome": "answer", "reason": "confident_and_grounded"}
    names = ("helpdesk_handling_duration_seconds_count", "helpdesk_decision_delay_seconds_count")
    decisions, *timed = sample("helpdesk_decisions_total", **labels), *map(sample, names)
    acknowledged = sample("helpdesk_deliveries_total", result="acknowledged")
    submission = make_submission(text="please cancel my order", created_at=datetime.now(UTC))
    with shop.store.transaction() as tx:
        tx.add_submissions([submission])
    shop.relay.run_once()
    shop.start_worker()
    shop.decided(submission.ticket.ticket_id)
    shop.broker.publisher().publish([submission.envelope], timeout_s=5)
    shop.wait_for_empty_lanes()
    shop.stop_worker()
    assert sample("helpdesk_decisions_total", **labels) == decisions + 1
    assert [sample(name) for name in names] == [count + 1 for count in timed]
    assert sample("helpdesk_deliveries_total", result="acknowledged") == acknowledged + 2


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
    shop.wait_for_empty_lanes()
    shop.stop_worker()
    with shop.store.reading() as tx:
        assert len(tx.answers(submission.ticket.ticket_id)) == 1
        assert len(tx.decisions(submission.ticket.ticket_id)) == 1


def test_a_ticket_that_a_person_took_meanwhile_gets_a_draft_and_no_answer(remote_shop: Shop) -> None:
    ticket_id = remote_shop.considered("please cancel my order")
    claimed = remote_shop.desk.claim(ticket_id, "ada")
    with remote_shop.store.reading() as tx:
        etag = read_ticket(tx, ticket_id).etag
    remote_shop.writer.hold.set()

    def has_draft() -> bool:
        with remote_shop.store.reading() as tx:
            return bool(tx.answers(ticket_id))

    remote_shop.wait_until(has_draft)
    ticket = remote_shop.ticket(ticket_id)
    assert (ticket.status, ticket.claimed_by) == (Status.CLAIMED, "ada")
    with remote_shop.store.reading() as tx:
        assert [answer.sent for answer in tx.answers(ticket_id)] == [False]
        assert read_ticket(tx, ticket_id).etag != etag
    assert ticket == replace(claimed, version=claimed.version + 1, updated_at=ticket.updated_at)


def test_a_decision_that_comes_after_the_watchdog_and_a_person_changes_nothing(remote_shop: Shop) -> None:
    ticket_id = remote_shop.considered("please cancel my order")
    assert remote_shop.watchdog(after_s=180).run_once().handed_over == 1
    remote_shop.desk.claim(ticket_id, "ada")
    remote_shop.writer.hold.set()
    remote_shop.wait_for_empty_lanes()
    remote_shop.stop_worker()
    with remote_shop.store.reading() as tx:
        assert codes(tx.decisions(ticket_id)[0].reasons) == ["deadline_passed"]
        assert len(tx.decisions(ticket_id)) == 1
        assert not tx.answers(ticket_id)


def test_a_predictor_that_stays_away_leaves_the_ticket_to_a_person(shop: Shop) -> None:
    shop.predictor.away = True
    ticket_id = shop.submit("please cancel my order", deadline_at=datetime.now(UTC) + timedelta(seconds=1.5))
    shop.start_worker()
    [ticket] = shop.decided(ticket_id)
    assert (ticket.status, ticket.queue) == (Status.QUEUED, GENERAL)
    with shop.store.reading() as tx:
        assert codes(tx.decisions(ticket_id)[0].reasons) == ["predictor_unavailable"]


def test_a_predictor_that_comes_back_in_time_is_waited_for(shop: Shop) -> None:
    shop.predictor.away = True
    ticket_id = shop.submit("please cancel my order")
    shop.start_worker()
    shop.wait_until(lambda: bool(shop.predictor.calls))
    shop.predictor.away = False
    [ticket] = shop.decided(ticket_id)
    assert ticket.status is Status.ANSWERED


def test_a_writer_that_fails_leaves_the_ticket_to_its_category(remote_shop: Shop) -> None:
    remote_shop.writer.error = WriterUnavailable("overloaded")
    ticket_id = remote_shop.submit("please cancel my order", deadline_at=datetime.now(UTC) + timedelta(seconds=1.5))
    remote_shop.start_worker()
    [ticket] = remote_shop.decided(ticket_id)
    assert (ticket.status, ticket.queue) == (Status.QUEUED, "ORDER")


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


class Fragile:
    """A model that breaks on poison."""

    @property
    def info(self) -> ModelInfo:
        return ModelInfo(
            model_version="fragile", labels=["a"], categories={"a": "A"}, trained_at="", metrics={}, checksum=""
        )

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        if any("poison" in text for text in texts):
            raise RuntimeError("poison")
        return [make_prediction(text) for text in texts]


def test_one_text_that_breaks_the_model_of_the_prediction_service_climbs_the_ladder_alone(
    shop: Shop, tmp_path: Path
) -> None:
    poison = shop.submit("poison", deadline_at=datetime.now(UTC) + timedelta(seconds=1.5))
    neighbours = [shop.submit(f"please cancel order {number}") for number in range(5)]
    with (
        running(tmp_path / "prediction", load_model=Fragile) as api,
        closing(HttpPredictor(api.url, api_key=api.keys["own"], timeout_s=5)) as predictor,
    ):
        shop.prediction_service = predictor
        shop.start_worker()
        assert {ticket.status for ticket in shop.decided(*neighbours)} == {Status.ANSWERED}
        [broken] = shop.decided(poison)
        shop.stop_worker()
    assert (broken.status, broken.queue) == (Status.FAILED, GENERAL)
    assert "model failed on this ticket" in broken.queue_reason
    with shop.store.transaction() as tx:
        messages = [submission_id(ticket_id, 1) for ticket_id in neighbours]
        begun = tx.start_messages(messages, at=datetime.now(UTC))
    assert [entry.starts for entry in begun.values()] == [1] * 5


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
    message_id = submission_id(ticket_id, 1)
    for _ in range(5):
        with shop.store.transaction() as tx:
            tx.start_messages([message_id], at=datetime.now(UTC))
    shop.start_worker()
    [ticket] = shop.decided(ticket_id)
    assert (ticket.status, ticket.queue) == (Status.FAILED, GENERAL)
    with shop.store.reading() as tx:
        assert tx.dead_letter(message_id).ticket_id == ticket_id
    shop.wait_until(lambda: shop.broker.depths()[DEAD] == 1)


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


def test_no_more_is_begun_than_a_remote_writer_gets_done_in_time(tmp_path: Path) -> None:
    shop = Shop(tmp_path, remote_writer=True, writers=1, batch_size=8)
    try:
        shop.writer.hold.clear()
        tickets = [shop.submit(f"please cancel order {number}") for number in range(12)]
        shop.start_worker()
        assert shop.writer.entered.wait(10)
        time.sleep(0.5)
        begun = sum(len(texts) for texts in shop.predictor.calls)
        assert begun <= 2 * 2, "two batches of two were begun for the one writer; the rest is left for other workers"
        shop.writer.hold.set()
        assert {ticket.status for ticket in shop.decided(*tickets)} == {Status.ANSWERED}
    finally:
        shop.close()


def test_what_was_sent_back_while_it_waited_for_the_writer_is_not_written_twice(tmp_path: Path) -> None:
    shop = Shop(tmp_path, remote_writer=True, writers=1, batch_size=8, handling_limit_s=0.3)
    try:
        shop.writer.hold.clear()
        first, second = (shop.submit(f"please cancel order {number}") for number in range(2))
        shop.start_worker()
        assert shop.writer.entered.wait(10)
        time.sleep(1.0)
        shop.writer.hold.set()
        shop.decided(first, second)
        shop.wait_for_empty_lanes()
        assert len(shop.writer.tasks) == 2
    finally:
        shop.close()


def test_a_high_ticket_is_decided_before_the_normal_ones_that_came_earlier(shop: Shop) -> None:
    normal = [shop.submit(f"please cancel order {number}") for number in range(20)]
    high = shop.submit("please cancel my order", priority=Priority.HIGH)
    shop.start_worker()
    shop.decided(high, *normal)
    assert "my order" in " ".join(shop.predictor.calls[0])
