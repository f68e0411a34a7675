"""The pruner over the real store: what is old is forgotten, batch by batch, and a late repetition doubles nothing."""

import threading
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import pytest
from prometheus_client import REGISTRY

from helpdesk.envelopes import submission_id
from helpdesk.errors import StoreUnavailable
from helpdesk.ports.store import CachedAnswer, Store
from helpdesk.settings import RetentionSettings
from helpdesk.tickets import Status
from relay import pruner
from relay.pruner import Pruner, PruneReport
from tests.factories import make_submission
from tests.shop import Shop

RETENTION = RetentionSettings(inbox_days=7, idempotency_days=3)


def prune(store: Store, *, after_days: float) -> PruneReport:
    """Prune as if so many days had passed."""
    later = datetime.now(UTC) + timedelta(days=after_days)
    return Pruner(store, RETENTION, clock=lambda: later).run_once(threading.Event())


def finish(store: Store, number: int) -> None:
    with store.transaction() as tx:
        tx.finish_messages([f"message-{one}" for one in range(number)], at=datetime.now(UTC))


def test_each_kind_is_kept_as_long_as_its_setting_says(shop: Shop) -> None:
    now = datetime.now(UTC)
    finish(shop.store, 5)
    with shop.store.transaction() as tx:
        tx.add_submissions([make_submission(idempotency_key=f"key-{one}", created_at=now) for one in range(3)])
        tx.add_cached_answers([CachedAnswer(key="a", writer="m", prompt_version="1", blocks="[]", created_at=now)])
    assert prune(shop.store, after_days=2.9) == PruneReport()
    assert prune(shop.store, after_days=3.1) == PruneReport(idempotency=3)
    assert prune(shop.store, after_days=6.9) == PruneReport()
    assert prune(shop.store, after_days=7.1) == PruneReport(inbox=5, answer_cache=1)
    with shop.store.reading() as tx:
        assert len(tx.idempotency_records([("shop", f"key-{one}") for one in range(3)])) == 0
        assert sum(tx.counts_by_status().values()) == 3


def test_more_than_a_batch_goes_in_several_transactions(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruner, "BATCH", 2)
    monkeypatch.setattr(pruner, "PAUSE_S", 0.0)
    finish(shop.store, 5)
    assert prune(shop.store, after_days=8) == PruneReport(inbox=5)


def test_a_pruner_that_is_told_to_stop_begins_no_further_batch(shop: Shop) -> None:
    finish(shop.store, 1)
    stop = threading.Event()
    stop.set()
    later = datetime.now(UTC) + timedelta(days=8)
    assert Pruner(shop.store, RETENTION, clock=lambda: later).run_once(stop) == PruneReport()


def test_it_prunes_every_so_often_counts_the_rows_and_outlives_a_store_that_is_away(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def pruned() -> float:
        return REGISTRY.get_sample_value("helpdesk_pruned_rows_total", {"table": "inbox"}) or 0.0

    before, later, stop = pruned(), datetime.now(UTC) + timedelta(days=8), threading.Event()
    often = RetentionSettings(prune_every_s=0.01)
    running = threading.Thread(target=Pruner(shop.store, often, clock=lambda: later).run, args=(stop,))
    with monkeypatch.context() as away:
        away.setattr(shop.store, "transaction", unavailable)
        running.start()
        shop.wait_until(lambda: "pruning waits" in caplog.messages)
    finish(shop.store, 4)
    shop.wait_until(lambda: pruned() == before + 4)
    stop.set()
    running.join(5)
    assert not running.is_alive()


def unavailable() -> NoReturn:
    raise StoreUnavailable("the database is away")


@pytest.mark.parametrize(
    ("text", "status"), [("please cancel my order", Status.ANSWERED), ("unsure what this is", Status.QUEUED)]
)
def test_a_message_that_comes_again_after_it_was_forgotten_doubles_nothing(
    shop: Shop, text: str, status: Status
) -> None:
    submission = make_submission(text=text, deadline_at=datetime.now(UTC) + timedelta(minutes=2))
    ticket_id = submission.ticket.ticket_id
    with shop.store.transaction() as tx:
        tx.add_submissions([submission])
    shop.relay.run_once()
    shop.start_worker()
    shop.decided(ticket_id)
    shop.wait_for_empty_lanes()
    assert prune(shop.store, after_days=8).inbox == 1
    before = shop.ticket(ticket_id)
    shop.relay.run_once()
    depths = shop.broker.depths()

    shop.broker.publisher().publish([submission.envelope] * 2, timeout_s=5)
    shop.wait_for_empty_lanes()
    shop.stop_worker()
    shop.relay.run_once()

    assert before.status is status
    assert shop.ticket(ticket_id) == before
    assert shop.broker.depths() == depths
    with shop.store.transaction() as tx:
        assert len(tx.decisions(ticket_id)) == 1
        assert len(tx.answers(ticket_id)) == (status is Status.ANSWERED)
        assert [step.status for step in tx.events(ticket_id)] == [Status.RECEIVED, Status.PROCESSING, status]
        message_id = submission_id(ticket_id, 1)
        assert tx.start_messages([message_id], at=datetime.now(UTC))[message_id].finished
