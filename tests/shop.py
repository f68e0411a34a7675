"""A shop for tests of worker, watchdog and pruner: the real store and embedded queue, with scripted machines."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from helpdesk.adapters.broker_embedded import EmbeddedBroker
from helpdesk.adapters.store_sql import SqlStore
from helpdesk.desk import Desk
from helpdesk.knowledge.opinions import OpinionReader
from helpdesk.policy.book import PolicyBook
from helpdesk.policy.live import LivePolicy
from helpdesk.ports.broker import LANES
from helpdesk.ports.knowledge import Knowledge
from helpdesk.ports.predictor import Predictor
from helpdesk.settings import BrokerSettings, ProcessorSettings, Settings
from helpdesk.tickets import AWAITS_MACHINE, Ticket
from helpdesk.voice import Voice
from processor.answer_cache import AnswerCache
from processor.budget import Budget
from processor.considering import Consideration
from processor.worker import Worker
from relay.outbox import Relay
from relay.watchdog import Watchdog
from tests.factories import make_submission
from tests.fakes import FakeKnowledge, FakePredictor, FakeWriter

CLAIM_LEASE_S = 60.0


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
        self.desk = Desk(self.store, self.broker, claim_lease_s=CLAIM_LEASE_S)
        self.policies = PolicyBook.of(self.settings, self.store)
        self.predictor = FakePredictor()
        self.knowledge: Knowledge = FakeKnowledge()
        self.opinions = OpinionReader(self.store)
        self.prediction_service: Predictor = self.predictor
        self.writer = FakeWriter(is_remote=remote_writer)
        self.cache: AnswerCache | None = None
        self.voice: Voice | None = None
        self.hourly_budget_usd = self.ticket_budget_usd = 0.0
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

    def write_again(self, ticket_id: str, text: str) -> None:
        self.desk.add_customer_message(ticket_id, text, owner=None, decide_within_s=60)
        self.relay.run_once()

    def start_worker(self) -> None:
        policy = LivePolicy(self.store, self.policies.take_file(), look_every_s=0.05)
        budget = Budget(self.store, per_hour_usd=self.hourly_budget_usd, per_ticket_usd=self.ticket_budget_usd)
        self.consideration = Consideration(
            self.prediction_service,
            self.knowledge,
            self.writer,
            policy,
            passages=3,
            voice=self.voice,
            budget=budget,
            cache=self.cache,
            opinions=self.opinions.current,
        )
        worker = Worker(self.store, self.broker, self.consideration, self.settings.processor)

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

    def worker_ends_with(self) -> type[BaseException] | None:
        """Wait for the worker to end by itself; return the kind of error that ended it."""
        assert self._thread is not None
        self._thread.join(20)
        assert not self._thread.is_alive()
        return None if self.worker_error is None else type(self.worker_error)

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

    def considered(self, text: str) -> str:
        """Submit a ticket, and return while the writer holds its answer back until ``writer.hold`` is set."""
        self.writer.hold.clear()
        ticket_id = self.submit(text)
        self.start_worker()
        assert self.writer.entered.wait(10)
        return ticket_id

    def wait_for_empty_lanes(self) -> None:
        self.wait_until(lambda: not any(self.broker.depths().get(lane, 0) for lane in LANES))

    def watchdog(self, *, after_s: float = 0.0) -> Watchdog:
        """Return a watchdog, and a desk behind it, whose clock is ahead."""

        def later() -> datetime:
            return datetime.now(UTC) + timedelta(seconds=after_s)

        desk = Desk(self.store, self.broker, claim_lease_s=CLAIM_LEASE_S, clock=later)
        return Watchdog(self.store, self.broker, desk, stuck_after_s=30, reoffer_after_s=3600, clock=later)

    def close(self) -> None:
        self.writer.hold.set()
        self.stop_worker()
        self.relay.close()
        self.broker.close()
        self.store.close()
