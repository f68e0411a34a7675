"""What a site's robots.txt lets us read, and how slowly."""

from dataclasses import dataclass

import httpx
from protego import Protego

AGENT = "HelpdeskCrawler"
MAX_BYTES = 500 * 1024
"""What is read of a robots.txt; the rest does not count (RFC 9309, 2.5)."""


@dataclass(frozen=True, slots=True)
class Robots:
    """The rules of one site for this crawler.

    Attributes:
        rules: None where the site has none; then every page may be read.
    """

    rules: Protego | None = None

    @classmethod
    def of(cls, content: bytes) -> "Robots":
        """Read a robots.txt; what cannot be understood in it is passed over."""
        return cls(Protego.parse(content[:MAX_BYTES].decode("utf-8-sig", "replace")))

    def allows(self, url: httpx.URL) -> bool:
        """Say whether a page may be read."""
        return self.rules is None or bool(self.rules.can_fetch(str(url), AGENT))

    @property
    def delay_s(self) -> float:
        """How long to wait between two requests, in seconds."""
        if self.rules is None:
            return 0.0
        rate = self.rules.request_rate(AGENT)
        return max(float(self.rules.crawl_delay(AGENT) or 0), rate.seconds / rate.requests if rate else 0.0)
