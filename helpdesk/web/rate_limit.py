"""Rate limits: so many requests per minute, API key and process."""

import time

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter

from helpdesk.errors import TooManyRequests


class RateLimiter:
    """Counts the requests of each key in windows of a minute."""

    def __init__(self, requests_per_minute: int) -> None:
        self._limit = RateLimitItemPerMinute(requests_per_minute)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    async def hit(self, key_id: str) -> None:
        """Count one request.

        Raises:
            TooManyRequests: the key has used up its window; carries the seconds that are left of it.
        """
        if await self._limiter.hit(self._limit, key_id):
            return
        window = await self._limiter.get_window_stats(self._limit, key_id)
        raise TooManyRequests(
            f"This key may send {self._limit.amount} requests per minute; wait, or ask for more.",
            retry_after_s=max(0.0, window.reset_time - time.time()),
        )
