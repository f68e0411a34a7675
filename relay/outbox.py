"""The relay: moves committed messages from the outbox to the broker, and deletes a row only on the broker's confirm."""

import logging
import threading
from collections.abc import Sequence

from helpdesk.errors import BrokerMisconfigured, BrokerUnavailable, StoreUnavailable
from helpdesk.failpoints import failpoint
from helpdesk.ports.broker import Broker, Publisher
from helpdesk.ports.store import OutboxRow, Store
from relay.observing import count_published

log = logging.getLogger(__name__)

BATCH = 256
IDLE_WAIT_S = 0.02
FIRST_BACKOFF_S, LAST_BACKOFF_S = 0.25, 10.0


class Relay:
    """Publishes outbox rows in their order. Where several run side by side a row may go out twice, never not at all."""

    def __init__(self, store: Store, broker: Broker, *, confirm_timeout_s: float) -> None:
        self._store = store
        self._broker = broker
        self._confirm_timeout_s = confirm_timeout_s
        self._publisher: Publisher | None = None
        self._after = 0

    def run(self, stop: threading.Event) -> None:
        """Relay until ``stop`` is set, waiting longer and longer while the store or the broker is away."""
        backoff_s = FIRST_BACKOFF_S
        while not stop.is_set():
            try:
                sent, refused = self.run_once()
            except (BrokerUnavailable, StoreUnavailable) as error:
                level = logging.ERROR if isinstance(error, BrokerMisconfigured) else logging.WARNING
                log.log(level, "relay waits", extra={"error": str(error), "wait_s": backoff_s})
                stop.wait(backoff_s)
                backoff_s = min(backoff_s * 2, LAST_BACKOFF_S)
                continue
            if sent or not refused:
                backoff_s = FIRST_BACKOFF_S
            if refused and not self._after:
                stop.wait(backoff_s)
                backoff_s = min(backoff_s * 2, LAST_BACKOFF_S)
            elif not sent:
                stop.wait(IDLE_WAIT_S)
        self.close()

    def run_once(self) -> tuple[int, int]:
        """Publish one batch; return how many rows the broker holds now, and how many it refused or left unconfirmed.

        Rows that failed stay. They are passed over until the end of the outbox, so that one full queue stops no other.

        Raises:
            BrokerUnavailable, StoreUnavailable: nothing more can be done now; every row that counts is still there.
        """
        with self._store.reading() as tx:
            rows = tx.outbox(limit=BATCH, after=self._after)
        if not rows:
            self._after = 0
            return 0, 0
        outcomes = self._publish(rows)
        count_published(rows, outcomes)
        failpoint("relay.after_publish_before_delete")
        confirmed = [row for row, outcome in zip(rows, outcomes, strict=True) if outcome is None]
        refused = [outcome for outcome in outcomes if outcome is not None]
        if confirmed:
            self._delete(confirmed)
        if refused:
            log.warning("messages stay in the outbox", extra={"count": len(refused), "error": str(refused[0])})
        self._after = rows[-1].sequence if refused and len(rows) == BATCH else 0
        return len(confirmed), len(refused)

    def close(self) -> None:
        """Close the publisher."""
        if self._publisher is not None:
            self._publisher.close()
            self._publisher = None

    def _publish(self, rows: Sequence[OutboxRow]) -> list[BrokerUnavailable | None]:
        if self._publisher is None:
            self._broker.declare()
            self._publisher = self._broker.publisher()
        return self._publisher.publish([row.envelope for row in rows], timeout_s=self._confirm_timeout_s)

    def _delete(self, confirmed: Sequence[OutboxRow]) -> None:
        with self._store.transaction() as tx:
            gone = tx.delete_outbox([row.sequence for row in confirmed])
        # A row that vanished while it went out was a ticket that somebody claimed: take the copy back.
        for row in confirmed:
            if row.sequence in gone and row.envelope.destination.startswith("human."):
                self._broker.withdraw(row.envelope.destination, row.envelope.message_id)
