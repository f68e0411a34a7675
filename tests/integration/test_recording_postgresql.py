"""Opening and recording take their locks in one order, so that batches of the same tickets never wait in a circle."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import pytest

from helpdesk import envelopes
from helpdesk.adapters.store_sql import SqlStore
from helpdesk.decisions import Outcome, Reason
from helpdesk.messages import TicketSubmitted, decode
from helpdesk.policy.decide import Decision
from helpdesk.ports.broker import Envelope
from helpdesk.settings import StoreSettings
from helpdesk.tickets import GENERAL, Ticket
from processor.opening import open_deliveries
from processor.recording import record
from processor.work import Work
from tests.contract.test_store_postgresql import own_schema
from tests.factories import NOON, make_submission, make_ticket

pytestmark = pytest.mark.postgresql

ROUNDS = 60


@dataclass(frozen=True)
class Redelivered:
    """A delivery that can be settled again and again."""

    envelope: Envelope

    def ack(self) -> bool:
        return True

    def retry(self, delay_s: float) -> bool:
        return True

    def dead_letter(self, reason: str) -> bool:
        return True


def work_on(ticket: Ticket) -> Work:
    """Return work that is ready to be recorded."""
    envelope = envelopes.submission(ticket, at=NOON)
    message = decode(envelope.body)
    assert isinstance(message, TicketSubmitted)
    reason = Reason(code="out_of_scope", text="This is like none of the known intents.")
    work = Work(
        delivery=Redelivered(envelope),
        message=message,
        ticket=ticket,
        conversation=(),
        text="Hello?",
        excerpt="Hello?",
        crashes=0,
    )
    work.decision = Decision(outcome=Outcome.ROUTE, queue=GENERAL, reasons=(reason,))
    return work


@pytest.fixture
def store(postgresql_url: str) -> Iterator[SqlStore]:
    with contextmanager(own_schema)(postgresql_url) as url, closing(SqlStore(url, StoreSettings())) as store:
        store.migrate()
        yield store


def test_a_batch_that_is_delivered_again_while_it_is_recorded_waits_in_no_circle(store: SqlStore) -> None:
    tickets = [make_ticket() for _ in range(8)]
    with store.transaction() as tx:
        tx.add_submissions([make_submission(ticket=ticket) for ticket in tickets])
    works = [work_on(ticket) for ticket in tickets]
    failures: list[Exception] = []

    def open_again() -> None:
        try:
            for _ in range(ROUNDS):
                deliveries = [work.delivery for work in works]
                open_deliveries(store, deliveries, max_starts=10 * ROUNDS, at=NOON, alone=True)
        except Exception as error:
            failures.append(error)

    opening = threading.Thread(target=open_again)
    opening.start()
    for _ in range(ROUNDS):
        with store.transaction() as tx:
            record(tx, works, at=NOON)
    opening.join()
    assert failures == []
    with store.reading() as tx:
        assert all(len(tx.decisions(ticket.ticket_id)) == 1 for ticket in tickets)
