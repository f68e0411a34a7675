"""Keeps the index at the version that the store recorded last, whoever was interrupted, wherever a change was made."""

import logging
import threading
from typing import Self

from helpdesk.errors import HelpdeskError
from helpdesk.knowledge.base import KnowledgeBase
from helpdesk.knowledge.opinions import OpinionReader

log = logging.getLogger(__name__)

EVERY_S = 15.0
MOST_IN_A_ROW = 3
STOP_LIMIT_S = 2.0


class Follower:
    """A thread that compares index and store again and again, and settles a difference that lasts.

    One look may fall between the recording of a version and its swap, so only the second one counts. Where the index
    leaves the same version again and again, it has another master, and this thread says so and gives up.

    Args:
        opinions: is kept up to date as well.
    """

    def __init__(self, base: KnowledgeBase, *, opinions: OpinionReader | None = None, every_s: float = EVERY_S) -> None:
        self._base, self._opinions, self._every_s = base, opinions, every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="knowledge-follower", daemon=True)
        self._behind = ""
        self._settled, self._times = "", 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(STOP_LIMIT_S)

    def look(self) -> None:
        """Look once, and settle what differed at the look before already; read what is held of articles by now."""
        if self._opinions is not None:
            self._opinions.look()
        wanted = self._base.behind()
        if wanted and wanted == self._behind:
            self._settle(wanted)
        self._behind = wanted

    def _settle(self, version: str) -> None:
        self._times = self._times + 1 if version == self._settled else 1
        self._settled = version
        if self._times <= MOST_IN_A_ROW:
            self._base.settle()
        elif self._times == MOST_IN_A_ROW + 1:
            log.error(
                "the knowledge index is not this store's alone",
                extra={"version": version, "remedy": "give every store a Chroma server or directory of its own"},
            )

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            try:
                self.look()
            except HelpdeskError as error:
                log.warning("the knowledge base cannot be compared with the store", extra={"error": str(error)})
            except Exception as error:
                # While the process ends, its parts are closed under a look that still waits.
                if not self._stop.is_set():
                    log.error("following the knowledge base failed", exc_info=error)
