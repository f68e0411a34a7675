"""Rate limits, by process and minute: requests of an API key, and failed authentications of a client's address."""

import time
from ipaddress import IPv6Address, ip_address, ip_network

from helpdesk.errors import TooManyRequests

WINDOW_S = 60.0

MAX_ADDRESSES = 10_000
"""How many addresses are told apart in a window; later ones share one count, so that memory stays bounded."""

_OTHERS = ""


class _Window:
    """Counts by name in windows of a minute, all of which begin together; counts are forgotten with their window.

    It belongs to one event loop.
    """

    def __init__(self) -> None:
        self._began = -WINDOW_S
        self.counts: dict[str, int] = {}

    def left_s(self) -> float:
        """Return the seconds until the present window ends; a new one begins where the last is over."""
        now = time.monotonic()
        if now - self._began >= WINDOW_S:
            self._began = now
            self.counts.clear()
        return self._began + WINDOW_S - now


class RateLimiter:
    """Limits the requests of each API key."""

    def __init__(self, requests_per_minute: int) -> None:
        self._limit = requests_per_minute
        self._window = _Window()

    def hit(self, key_id: str) -> None:
        """Count one request.

        Raises:
            TooManyRequests: the key has used up its window; carries the seconds that are left of it.
        """
        left_s = self._window.left_s()
        counts = self._window.counts
        counts[key_id] = count = counts.get(key_id, 0) + 1
        if count > self._limit:
            raise TooManyRequests(
                f"This key may send {self._limit} requests per minute; wait, or ask for more.", retry_after_s=left_s
            )


_WITHOUT_KEY = (
    "{limit} requests from this address came without a valid API key within a minute; wait, and check the key."
)


class FailureLimiter:
    """Limits the failed authentications of each client's address; of IPv6 the first 64 bits count, one household's.

    Args:
        problem: what is said to who is refused; ``{limit}`` stands for the limit.
    """

    def __init__(
        self, failures_per_minute: int, *, max_addresses: int = MAX_ADDRESSES, problem: str = _WITHOUT_KEY
    ) -> None:
        self._limit, self._max_addresses = failures_per_minute, max_addresses
        self._problem = problem
        self._window = _Window()

    def require_unspent(self, address: str) -> None:
        """Let an address pass that has failures left.

        Raises:
            TooManyRequests: it has none; carries the seconds until it has.
        """
        left_s = self._window.left_s()
        if self._window.counts.get(self._name(address), 0) >= self._limit:
            raise TooManyRequests(self._problem.format(limit=self._limit), retry_after_s=left_s)

    def fail(self, address: str) -> None:
        """Count one failed authentication."""
        self._window.left_s()
        counts, name = self._window.counts, self._name(address)
        counts[name] = counts.get(name, 0) + 1

    def forgive(self, address: str) -> None:
        """Take one failure back that turned out to be none."""
        counts, name = self._window.counts, self._name(address)
        counts[name] = max(0, counts.get(name, 0) - 1)

    def _name(self, address: str) -> str:
        network = network_of(address)
        full = len(self._window.counts) >= self._max_addresses
        return _OTHERS if full and network not in self._window.counts else network


def network_of(address: str) -> str:
    """Return the network that an address counts for; what is no address stands for itself."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    return str(parsed.ipv4_mapped or ip_network((parsed, 64), strict=False))
