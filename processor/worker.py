"""The worker's loop: takes batches from the lanes, watches the time limit, pauses while the store is away, drains."""

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from helpdesk.errors import BrokerMisconfigured, HelpdeskError, StoreUnavailable
from helpdesk.ports.broker import LANES, Broker, Delivery
from helpdesk.ports.store import Store
from helpdesk.settings import ProcessorSettings
from processor.considering import Consideration
from processor.handling import Handler
from processor.watched import Watched

log = logging.getLogger(__name__)

BATCH_THREADS = 2
RECEIVE_WAIT_S = 0.5
DRAIN_LIMIT_S = 15.0


class Stuck(RuntimeError):
    """Every thread of the worker hangs; the process must be replaced."""


class Worker:
    """Consumes the lanes until told to stop. Any number of workers may run side by side."""

    def __init__(self, store: Store, broker: Broker, consideration: Consideration, settings: ProcessorSettings) -> None:
        self._store = store
        self._broker = broker
        self._settings = settings
        self._writers = ThreadPoolExecutor(settings.writers, thread_name_prefix="writer")
        self._batches = ThreadPoolExecutor(BATCH_THREADS, thread_name_prefix="batch")
        self._handler = Handler(
            store, consideration, self._writers, max_starts=settings.max_starts, max_writing=2 * settings.writers
        )
        self._watched: list[Watched] = []
        self._running: dict[Future[None], float] = {}

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set, then finish what was begun.

        Raises:
            BrokerMisconfigured: the topology does not fit; trying again does not help.
            Stuck: every thread has hung for more than twice the time limit. The threads live on: end the process.
        """
        consumer = self._broker.consumer(LANES, prefetch=self._settings.prefetch)
        try:
            while not stop.is_set():
                if self._handler.store_is_away.is_set():
                    consumer.pause()
                    self._wait_for_store(stop)
                    consumer.resume()
                    continue
                self._watch()
                room = self._handler.room(self._settings.batch_size)
                if len(self._running) >= BATCH_THREADS or room <= 0:
                    stop.wait(0.002)
                    continue
                deliveries = consumer.receive(room, wait_s=RECEIVE_WAIT_S)
                if deliveries:
                    self._submit(deliveries)
            self._drain()
        finally:
            consumer.close()
            self._batches.shutdown(wait=False, cancel_futures=True)
            self._writers.shutdown(wait=False, cancel_futures=True)

    def _submit(self, deliveries: Sequence[Delivery]) -> None:
        watched = [Watched(delivery) for delivery in deliveries]
        self._watched.extend(watched)
        self._running[self._batches.submit(self._handler.handle, watched)] = time.monotonic()

    def _watch(self) -> None:
        """Forget what is settled; give up on what hangs: it counts as a failed attempt."""
        for future in [future for future in self._running if future.done()]:
            del self._running[future]
            if (error := future.exception()) is not None:
                raise error
        now, limit_s = time.monotonic(), self._settings.handling_limit_s
        for delivery in self._watched:
            if now - delivery.started > limit_s and not delivery.is_settled:
                log.error("handling hangs", extra={"message_id": delivery.envelope.message_id})
                delivery.retry(1.0)
        self._watched = [delivery for delivery in self._watched if not delivery.is_settled]
        hanging = sum(now - started > 2 * limit_s for started in self._running.values())
        if hanging >= BATCH_THREADS:
            raise Stuck(f"All {BATCH_THREADS} threads have hung for more than {2 * limit_s:.0f} s.")

    def _wait_for_store(self, stop: threading.Event) -> None:
        while not stop.wait(1.0):
            try:
                self._store.check()
            except StoreUnavailable:
                continue
            self._handler.store_is_away.clear()
            return

    def _drain(self) -> None:
        """Let what was begun end within the limit; what does not goes back to the broker when the consumer closes."""
        deadline = time.monotonic() + DRAIN_LIMIT_S
        while time.monotonic() < deadline and any(not delivery.is_settled for delivery in self._watched):
            time.sleep(0.02)


def wait_for_topology(broker: Broker, stop: threading.Event) -> None:
    """Declare the topology, waiting for the broker as long as it is away, or until a person has mended it."""
    delay_s = 0.5
    while not stop.is_set():
        try:
            broker.declare()
        except HelpdeskError as error:
            level = logging.ERROR if isinstance(error, BrokerMisconfigured) else logging.WARNING
            log.log(level, "waits for the broker", extra={"error": str(error), "wait_s": delay_s})
            stop.wait(delay_s)
            delay_s = min(delay_s * 2, 10.0)
        else:
            return
