"""A circuit breaker: after failures in a row, fail at once for a while, then let one call through to see."""

import threading
import time
from collections.abc import Callable


class CircuitBreaker:
    """Counts failures in a row; safe for use by several threads.

    Args:
        failures: how many in a row open the circuit.
        pause_s: how long it stays open before one call may try.
    """

    def __init__(self, *, failures: int, pause_s: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._limit = failures
        self._pause_s = pause_s
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._failures = 0
        self._closed_again_at = 0.0

    def allows(self) -> bool:
        """Whether a call may go out now. While the circuit is open, one call per pause may."""
        with self._lock:
            if self._failures < self._limit:
                return True
            now = self._monotonic()
            if now < self._closed_again_at:
                return False
            self._closed_again_at = now + self._pause_s
            return True

    def succeeded(self) -> None:
        """A call went well: the circuit closes."""
        with self._lock:
            self._failures = 0

    def failed(self) -> None:
        """A call failed."""
        with self._lock:
            self._failures += 1
            self._closed_again_at = self._monotonic() + self._pause_s
