"""Deliveries under a time limit."""

import threading
import time

from helpdesk import metrics
from helpdesk.ports.broker import Delivery, Envelope


class Watched:
    """A delivery under the time limit: settled by its handler or, once that takes too long, by the watch."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._lock = threading.Lock()
        self._settled = False
        self.started = time.monotonic()

    @property
    def envelope(self) -> Envelope:
        return self._delivery.envelope

    @property
    def is_settled(self) -> bool:
        return self._settled

    def ack(self) -> bool:
        return self._first("acknowledged") and self._delivery.ack()

    def retry(self, delay_s: float) -> bool:
        return self._first("retried") and self._delivery.retry(delay_s)

    def dead_letter(self, reason: str) -> bool:
        return self._first("dead_lettered") and self._delivery.dead_letter(reason)

    def _first(self, result: str) -> bool:
        with self._lock:
            first, self._settled = not self._settled, True
        if first:
            metrics.deliveries.labels(result).inc()
        return first
