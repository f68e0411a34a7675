"""What the relay counts and measures."""

from collections import Counter
from collections.abc import Sequence

from helpdesk import metrics
from helpdesk.clock import utc_now
from helpdesk.ports.mailboxes import OutboxRow
from helpdesk.ports.store import Store


def count_published(rows: Sequence[OutboxRow], outcomes: Sequence[Exception | None]) -> None:
    """Count what the broker confirmed and what it did not, by destination."""
    published = ((row.envelope.destination, outcome is None) for row, outcome in zip(rows, outcomes, strict=True))
    for (destination, confirmed), number in Counter(published).items():
        counter = metrics.messages_published if confirmed else metrics.messages_refused
        counter.labels(destination).inc(number)


def check_store(store: Store) -> None:
    """Raise StoreUnavailable unless the store answers; measure the outbox on the way."""
    store.check()
    with store.reading() as tx:
        depth, oldest = tx.outbox_depth()
    age_s = (utc_now() - oldest).total_seconds() if oldest is not None else 0.0
    metrics.outbox_messages.set(depth)
    metrics.outbox_oldest_age.set(max(0.0, age_s))
