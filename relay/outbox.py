"""The relay: moves committed messages from the outbox to the broker, and deletes a row only on the broker's confirm."""

import logging
import threading
from collections.abc import Sequence

from helpdesk.clock import utc_now
from helpdesk.errors import BrokerMisconfigured, BrokerUnavailable, InvalidInput, PayloadTooLarge, StoreUnavailable
from helpdesk.failpoints import failpoint
from helpdesk.messages import decode
from helpdesk.ports.broker import Broker, Envelope, Publisher
from helpdesk.ports.mailboxes import DeadLetter, OutboxRow
from helpdesk.ports.store import Store
from relay.observing import count_published

log = logging.getLogger(__name__)

BATCH = 256
GATHER_S = 0.02
"""Between two batches that are not full: a transaction for a handful of rows costs the database more than they do."""
FIRST_BACKOFF_S, LAST_BACKOFF_S = 0.25, 10.0

Result = BrokerUnavailable | InvalidInput | PayloadTooLarge | None
"""What became of a row: None where the broker holds it."""


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
            elif sent + refused < BATCH:
                stop.wait(GATHER_S)
        self.close()

    def run_once(self) -> tuple[int, int]:
        """Publish one batch; return how many rows are off the outbox now, and how many it refused or left unconfirmed.

        Rows that failed stay. They are passed over until the end of the outbox, so that one full queue stops no other.
        Rows that no broker would ever take become dead letters.

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
        impossible = [
            (row, outcome)
            for row, outcome in zip(rows, outcomes, strict=True)
            if isinstance(outcome, InvalidInput | PayloadTooLarge)
        ]
        refused = [outcome for outcome in outcomes if isinstance(outcome, BrokerUnavailable)]
        if confirmed:
            self._delete(confirmed)
        if impossible:
            self._bury(impossible)
        if refused:
            log.warning("messages stay in the outbox", extra={"count": len(refused), "error": str(refused[0])})
        self._after = rows[-1].sequence if refused and len(rows) == BATCH else 0
        return len(confirmed) + len(impossible), len(refused)

    def close(self) -> None:
        """Close the publisher."""
        if self._publisher is not None:
            self._publisher.close()
            self._publisher = None

    def _publish(self, rows: Sequence[OutboxRow]) -> list[Result]:
        if self._publisher is None:
            self._broker.declare()
            self._publisher = self._broker.publisher()
        return _publish(self._publisher, [row.envelope for row in rows], self._confirm_timeout_s)

    def _delete(self, confirmed: Sequence[OutboxRow]) -> None:
        with self._store.transaction() as tx:
            gone = tx.delete_outbox([row.sequence for row in confirmed])
        self._take_back(
            [
                row.envelope
                for row in confirmed
                if row.sequence in gone and row.envelope.destination.startswith("human.")
            ]
        )

    def _take_back(self, entries: Sequence[Envelope]) -> None:
        """Withdraw entries whose rows vanished while they went out, where that was because somebody claimed the ticket.

        Where it was because another relay had sent the same row, the entry is in force and stays.
        """
        if not entries:
            return
        tickets = [decode(entry.body).ticket_id for entry in entries]
        with self._store.reading() as tx:
            in_force = {ticket.entry_id for ticket in tx.tickets(tickets).values()}
        for entry in entries:
            if entry.message_id not in in_force:
                self._broker.withdraw(entry.destination, entry.message_id)

    def _bury(self, impossible: Sequence[tuple[OutboxRow, Exception]]) -> None:
        now = utc_now()
        with self._store.transaction() as tx:
            for row, problem in impossible:
                tx.add_dead_letter(
                    DeadLetter(
                        message_id=row.envelope.message_id,
                        source=row.envelope.destination,
                        reason=f"It cannot be published: {problem}",
                        body=row.envelope.body,
                        ticket_id=None,
                        turn=None,
                        attempts=row.envelope.attempt + 1,
                        created_at=now,
                    )
                )
            tx.delete_outbox([row.sequence for row, _ in impossible])
        for row, problem in impossible:
            log.error("unpublishable message", extra={"message_id": row.envelope.message_id, "reason": str(problem)})


def _publish(publisher: Publisher, envelopes: Sequence[Envelope], timeout_s: float) -> list[Result]:
    """Publish together; where one of them can never be published, each by itself, so that it stops no other."""
    try:
        return [*publisher.publish(envelopes, timeout_s=timeout_s)]
    except (InvalidInput, PayloadTooLarge) as impossible:
        if len(envelopes) == 1:
            return [impossible]
        return [result for envelope in envelopes for result in _publish(publisher, [envelope], timeout_s)]
