"""A circuit breaker: after failures in a row no call goes out but one probe per period, until one succeeds."""

import threading
import time
from collections.abc import Callable


class CircuitBreaker:
    """Counts failures in a row; an open circuit lets one probe pass per period, and closes on its success.

    Safe for use by several threads.

    Args:
        failures: how many in a row open the circuit.
        pause_s: the period, from the opening or the last probe's start to the next probe.
    """

    def __init__(self, *, failures: int, pause_s: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._limit = failures
        self._pause_s = pause_s
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._failures = 0
        self._next_probe_at = 0.0

    def allows(self) -> bool:
        """Whether a call may go out now. While the circuit is open, only a probe may."""
        with self._lock:
            if self._failures < self._limit:
                return True
            now = self._monotonic()
            if now < self._next_probe_at:
                return False
            self._next_probe_at = now + self._pause_s
            return True

    def succeeded(self) -> None:
        """A call went well: the circuit closes."""
        with self._lock:
            self._failures = 0

    def failed(self) -> None:
        """A call failed. Those that were under way when the circuit opened do not put the next probe off."""
        with self._lock:
            self._failures += 1
            if self._failures == self._limit:
                self._next_probe_at = self._monotonic() + self._pause_s
