"""Handles a batch of deliveries from opening to acknowledgement, and decides what a failure means."""

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import Executor
from datetime import timedelta

from helpdesk.clock import Clock, utc_now
from helpdesk.decisions import Outcome, Reason
from helpdesk.errors import StoreUnavailable, Unavailable
from helpdesk.failpoints import failpoint
from helpdesk.logs import correlation_id
from helpdesk.policy.decide import Decision
from helpdesk.ports.broker import Delivery
from helpdesk.ports.store import Store
from helpdesk.tickets import GENERAL
from processor.considering import Consideration
from processor.observing import count_decisions
from processor.opening import Suspects, give_up, open_deliveries
from processor.recording import record
from processor.retry import next_delay_s
from processor.watched import Watched
from processor.work import Work

log = logging.getLogger(__name__)


MAX_REASON = 500
"""Characters of an unforeseen error that a person reads, and that travel with the ticket."""

SUSPICIOUS = 2
"""After this many crashes even the writing is waited for, before the next suspect is begun."""


class Handler:
    """Handles deliveries; safe for use by several threads, each with its own batch."""

    def __init__(
        self,
        store: Store,
        consideration: Consideration,
        writers: Executor,
        *,
        max_starts: int,
        max_writing: int,
        clock: Clock = utc_now,
    ) -> None:
        self._store = store
        self._consideration = consideration
        self._writers = writers
        self._max_starts = max_starts
        self._max_writing = max_writing
        self._writing = 0
        self._counting = threading.Lock()
        self._clock = clock
        self._one_suspect = threading.Lock()
        self.store_is_away = threading.Event()

    def room(self, wanted: int) -> int:
        """Return how many of so many deliveries may be begun: more would wait for a remote writer past their limit."""
        if not self._consideration.writes_remotely:
            return wanted
        return min(wanted, self._max_writing - self._writing)

    def handle(self, deliveries: Sequence[Delivery]) -> None:
        """Settle every delivery, or leave it to a writer thread that will."""
        try:
            self._open_and_attempt(deliveries)
        except Suspects as found:
            if found.others:
                self.handle(found.others)
            for suspect in found.suspects:
                with self._one_suspect:
                    self._open_and_attempt([suspect], alone=True)

    def _open_and_attempt(self, deliveries: Sequence[Delivery], *, alone: bool = False) -> None:
        try:
            works = open_deliveries(self._store, deliveries, max_starts=self._max_starts, at=self._clock(), alone=alone)
        except Suspects:
            raise
        except StoreUnavailable as error:
            self._wait_for_store(deliveries, error)
            return
        except Exception as error:
            self._could_not_open(deliveries, error)
            return
        self.store_is_away.clear()
        failpoint("worker.before_work")
        self._attempt(works)

    def _could_not_open(self, deliveries: Sequence[Delivery], error: Exception) -> None:
        """Open each delivery of a failed batch alone; what fails alone climbs the ladder."""
        if len(deliveries) > 1:
            for delivery in deliveries:
                self.handle([delivery])
            return
        log.error("a delivery could not be opened", exc_info=error)
        for delivery in deliveries:
            delay_s = next_delay_s(delivery.envelope.attempt, error)
            if delay_s is None:
                delivery.dead_letter(repr(error))
            else:
                delivery.retry(delay_s)

    def _attempt(self, works: Sequence[Work]) -> None:
        if not works:
            return
        try:
            self._consideration.decide(works)
            failpoint("worker.after_work_before_commit")
            if self._consideration.writes_remotely and all(work.crashes < SUSPICIOUS for work in works):
                written = [work for work in works if work.decision and not work.decision.needs_writing]
                for work in works:
                    if work not in written:
                        self._write_later(work)
            else:
                for work in works:
                    self._consideration.write(work)
                written = list(works)
            self._record(written)
        except Unavailable as error:
            for work in works:
                self._failed(work, error)
        except Exception as error:
            if len(works) == 1:
                self._failed(works[0], error)
            else:
                for work in works:
                    self._attempt([work])

    def _write_later(self, work: Work) -> None:
        with self._counting:
            self._writing += 1
        self._writers.submit(self._write_and_record, work)

    def _write_and_record(self, work: Work) -> None:
        correlation_id.set(work.message.correlation_id)
        try:
            if isinstance(work.delivery, Watched) and work.delivery.is_settled:
                return  # it waited for its turn past the time limit, and was sent back
            self._consideration.write(work)
            failpoint("worker.after_write_before_commit")
            self._record([work])
        except Exception as error:
            self._failed(work, error)
        finally:
            with self._counting:
                self._writing -= 1

    def _record(self, works: Sequence[Work]) -> None:
        if not works:
            return
        at = self._clock()
        with self._store.transaction() as tx:
            decided = record(tx, works, at=at)
        failpoint("worker.after_commit_before_ack")
        count_decisions(decided, at=at)
        for work in works:
            work.delivery.ack()
            log.debug("decided", extra={"ticket_id": work.ticket.ticket_id, "ms": work.duration_ms})

    def _failed(self, work: Work, error: Exception) -> None:
        extra = {
            "ticket_id": work.ticket.ticket_id,
            "attempt": work.delivery.envelope.attempt,
            "correlation_id": work.message.correlation_id,
        }
        if isinstance(error, Unavailable):
            log.warning("handling failed", extra={**extra, "error": str(error)})
        else:
            log.error("handling failed", extra={**extra, "error": repr(error)}, exc_info=error)
        delay_s = next_delay_s(work.delivery.envelope.attempt, error)
        try:
            if isinstance(error, StoreUnavailable):
                self._wait_for_store([work.delivery], error)
            elif delay_s is not None and self._in_time(work, delay_s):
                work.delivery.retry(delay_s)
            elif isinstance(error, Unavailable):
                self._hand_over(work, error)
            else:
                reason = f"{type(error).__name__}: {error}"[:MAX_REASON]
                give_up(self._store, work.delivery, work.message, reason, at=self._clock())
        except StoreUnavailable as away:
            self._wait_for_store([work.delivery], away)

    def _in_time(self, work: Work, delay_s: float) -> bool:
        return self._clock() + timedelta(seconds=delay_s) < work.ticket.deadline_at

    def _hand_over(self, work: Work, error: Unavailable) -> None:
        """Give the ticket to a person, because the machine that was needed is away."""
        category = work.prediction.category if work.prediction is not None else work.ticket.category
        reason = Reason(code=_code(error), text=f"A machine that is needed has failed, so a person gets it: {error}")
        work.decision = Decision(outcome=Outcome.ROUTE, queue=category or GENERAL, reasons=(reason,))
        work.answer = None
        self._record([work])

    def _wait_for_store(self, deliveries: Sequence[Delivery], error: StoreUnavailable) -> None:
        self.store_is_away.set()
        for delivery in deliveries:
            delay_s = next_delay_s(delivery.envelope.attempt, error)
            delivery.retry(delay_s if delay_s is not None else 1.0)
        log.warning("the store is away", extra={"deliveries": len(deliveries), "error": str(error)})


def _code(error: Unavailable) -> str:
    name = type(error).__name__
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).strip("_")
