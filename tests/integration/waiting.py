"""Waits for what happens elsewhere in a while."""

import time
from collections.abc import Callable

LIMIT_S = 60.0


def until(condition: Callable[[], bool]) -> None:
    """Return once the condition holds."""
    limit = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.05)
