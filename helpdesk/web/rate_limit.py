"""Rate limits: so many requests per minute, API key and process."""

import time

from helpdesk.errors import TooManyRequests

WINDOW_S = 60.0


class RateLimiter:
    """Counts the requests of each key in windows of a minute, all of which begin together.

    It belongs to one event loop. The counts are forgotten with their window, so that they stay few.
    """

    def __init__(self, requests_per_minute: int) -> None:
        self._limit = requests_per_minute
        self._began = -WINDOW_S
        self._counts: dict[str, int] = {}

    def hit(self, key_id: str) -> None:
        """Count one request.

        Raises:
            TooManyRequests: the key has used up its window; carries the seconds that are left of it.
        """
        now = time.monotonic()
        if now - self._began >= WINDOW_S:
            self._began = now
            self._counts.clear()
        count = self._counts.get(key_id, 0) + 1
        self._counts[key_id] = count
        if count > self._limit:
            raise TooManyRequests(
                f"This key may send {self._limit} requests per minute; wait, or ask for more.",
                retry_after_s=self._began + WINDOW_S - now,
            )
