"""The pruner: deletes the memory of handled messages, answered requests and answers once it is of no more use.

A repetition that comes later still does no harm: a message names its ticket's turn, which was decided long ago, and a
request under a forgotten key is a new one.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta

from helpdesk import metrics
from helpdesk.clock import Clock, utc_now
from helpdesk.errors import StoreUnavailable
from helpdesk.ports.store import Store, Transaction
from helpdesk.settings import RetentionSettings

log = logging.getLogger(__name__)

BATCH = 500
"""Rows per transaction; on SQLite intake waits for as long as one takes."""

PAUSE_S = 0.05
"""Between two batches, so that others come to write."""


@dataclass(frozen=True, slots=True)
class PruneReport:
    """How many rows one run deleted."""

    inbox: int = 0
    idempotency: int = 0
    answer_cache: int = 0


class Pruner:
    """Deletes old rows. Several may run side by side."""

    def __init__(self, store: Store, retention: RetentionSettings, *, clock: Clock = utc_now) -> None:
        self._store = store
        self._keep_inbox = timedelta(days=retention.inbox_days)
        self._keep_idempotency = timedelta(days=retention.idempotency_days)
        self._keep_cached = timedelta(days=retention.cached_answers_days)
        self._cached_answers = retention.cached_answers
        self._every_s = retention.prune_every_s
        self._clock = clock

    def run(self, stop: threading.Event) -> None:
        """Prune until ``stop`` is set."""
        while not stop.wait(self._every_s):
            try:
                report = self.run_once(stop)
            except StoreUnavailable as error:
                log.warning("pruning waits", extra={"error": str(error)})
                continue
            except Exception:  # the next run must come, whatever it is
                log.exception("pruning failed")
                continue
            for table, deleted in asdict(report).items():
                metrics.pruned_rows.labels(table).inc(deleted)
            if report != PruneReport():
                log.info("pruned", extra=asdict(report))

    def run_once(self, stop: threading.Event) -> PruneReport:
        """Delete all that is old enough, unless ``stop`` is set before the end."""
        now = self._clock()
        return PruneReport(
            inbox=self._prune(lambda tx, limit: tx.prune_inbox(now - self._keep_inbox, limit=limit), stop),
            idempotency=self._prune(
                lambda tx, limit: tx.prune_idempotency_records(now - self._keep_idempotency, limit=limit), stop
            ),
            answer_cache=self._prune(
                lambda tx, limit: tx.prune_cached_answers(
                    now - self._keep_cached, keep=self._cached_answers, limit=limit
                ),
                stop,
            ),
        )

    def _prune(self, delete: Callable[[Transaction, int], int], stop: threading.Event) -> int:
        total = 0
        while not stop.is_set():
            with self._store.transaction() as tx:
                deleted = delete(tx, BATCH)
            total += deleted
            if deleted < BATCH:
                break
            stop.wait(PAUSE_S)
        return total
