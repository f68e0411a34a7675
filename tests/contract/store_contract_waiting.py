"""The store contract: tickets that wait, in the human queues and for the watchdog."""

from datetime import timedelta

import pytest

from helpdesk.adapters.store_sql import SqlStore
from helpdesk.ports.store import QueueSummary
from helpdesk.tickets import (
    AWAITS_CUSTOMER,
    AWAITS_MACHINE,
    AWAITS_PERSON,
    Priority,
    SlaState,
    Status,
    Ticket,
)
from tests.contract.store_fixtures import StoreFixtures, add
from tests.factories import NOON, make_envelope, make_ticket

SECOND = timedelta(seconds=1)


class WaitingContract(StoreFixtures):
    def test_a_queue_serves_by_priority_then_deadline_and_then_the_longest_waiting(self, store: SqlStore) -> None:
        def waiting(subject: str, priority: Priority, *, due: int, waits: int) -> Ticket:
            return make_ticket(
                status=Status.QUEUED,
                subject=subject,
                queue="REFUND",
                priority=priority,
                due_at=NOON + due * SECOND,
                queued_at=NOON - waits * SECOND,
            )

        tickets = [
            waiting("fourth", Priority.NORMAL, due=9, waits=99),
            waiting("third", Priority.NORMAL, due=5, waits=1),
            waiting("second", Priority.NORMAL, due=5, waits=2),
            waiting("first", Priority.HIGH, due=99, waits=1),
        ]
        add(store, *tickets)
        with store.reading() as tx:
            assert tx.waiting_in_queue("REFUND", limit=10) == tickets[::-1]

    def test_a_queue_without_deadlines_serves_high_priority_first_and_then_the_longest_waiting(
        self, store: SqlStore
    ) -> None:
        names = ("normal, long", "high, short", "normal, short", "high, long")
        waits = (9, 1, 1, 9)
        tickets = {
            name: make_ticket(
                status=status,
                subject=name,
                queue="REFUND",
                queued_at=NOON - wait * SECOND,
                priority=Priority.HIGH if name.startswith("high") else Priority.NORMAL,
            )
            for name, wait, status in zip(names, waits, [*sorted(AWAITS_PERSON), Status.QUEUED], strict=True)
        }
        claimed = make_ticket(status=Status.CLAIMED, queue="REFUND", queued_at=NOON - 99 * SECOND)
        elsewhere = make_ticket(status=Status.QUEUED, queue="ORDER")
        add(store, *tickets.values(), claimed, elsewhere, make_ticket())
        with store.reading() as tx:
            served = tx.waiting_in_queue("REFUND", limit=10)
            first = tx.waiting_in_queue("REFUND", limit=1)
            assert tx.waiting_in_queue("CANCEL", limit=10) == []
        assert [ticket.subject for ticket in served] == ["high, long", "high, short", "normal, long", "normal, short"]
        assert first == served[:1]

    def test_queues_are_summarised(self, store: SqlStore) -> None:
        add(
            store,
            make_ticket(status=Status.QUEUED, queue="REFUND", queued_at=NOON),
            make_ticket(status=Status.REVIEW, queue="REFUND", queued_at=NOON - SECOND, sla=SlaState.SOON, upset=True),
            make_ticket(
                status=Status.FAILED, queue="REFUND", queued_at=NOON, priority=Priority.HIGH, sla=SlaState.BREACHED
            ),
            make_ticket(status=Status.CLAIMED, queue="REFUND", queued_at=NOON - 9 * SECOND, claimed_by="eve"),
            make_ticket(status=Status.CLAIMED, queue="ORDER", queued_at=NOON, claimed_by="eve"),
            make_ticket(status=Status.RESOLVED, queue="CANCEL", queued_at=NOON),
        )
        with store.reading() as tx:
            summaries = tx.queue_summaries()
        assert summaries == {
            "REFUND": QueueSummary(
                queue="REFUND",
                waiting=3,
                high_priority=1,
                due_soon=1,
                breached=1,
                upset=1,
                claimed=1,
                oldest_queued_at=NOON - SECOND,
            ),
            "ORDER": QueueSummary(queue="ORDER", waiting=0, high_priority=0, claimed=1, oldest_queued_at=None),
        }

    def test_overdue_are_those_that_still_await_the_machine_at_their_deadline(self, store: SqlStore) -> None:
        due = [
            make_ticket(status=status, deadline_at=NOON - n * SECOND) for n, status in enumerate(sorted(AWAITS_MACHINE))
        ]
        later = make_ticket(deadline_at=NOON + SECOND)
        decided = [make_ticket(status=status, deadline_at=NOON) for status in Status if status not in AWAITS_MACHINE]
        add(store, *due, later, *decided)
        with store.reading() as tx:
            assert tx.past_deadline(NOON, limit=10) == due[::-1]
            assert tx.past_deadline(NOON, limit=1) == due[-1:]

    def test_unanswered_questions_are_those_whose_customer_has_not_replied_by_the_deadline(
        self, store: SqlStore
    ) -> None:
        due = [make_ticket(status=Status.ASKED, deadline_at=NOON - n * SECOND) for n in (0, 1)]
        later = make_ticket(status=Status.ASKED, deadline_at=NOON + SECOND)
        others = [make_ticket(status=status, deadline_at=NOON) for status in Status if status not in AWAITS_CUSTOMER]
        add(store, *due, later, *others)
        with store.reading() as tx:
            assert tx.unanswered_questions(NOON, limit=10) == due[::-1]
            assert tx.unanswered_questions(NOON, limit=1) == due[-1:]

    def test_untouched_are_those_that_nothing_is_about_to_move(self, store: SqlStore) -> None:
        lost = [make_ticket(updated_at=NOON - n * SECOND) for n in (1, 3, 2)]
        in_outbox = make_ticket(updated_at=NOON - 9 * SECOND)
        touched = make_ticket(updated_at=NOON)
        decided = make_ticket(status=Status.ANSWERED, updated_at=NOON - 9 * SECOND)
        add(store, *lost, in_outbox, touched, decided)
        with store.transaction() as tx:
            tx.delete_outbox([row.sequence for row in tx.outbox(limit=10)])
            tx.add_outbox([(in_outbox.ticket_id, make_envelope()), (None, make_envelope())], at=NOON)
        with store.reading() as tx:
            assert tx.untouched_since(NOON, limit=10) == [lost[1], lost[2], lost[0]]
            assert tx.untouched_since(NOON, limit=1) == [lost[1]]

    def test_expired_claims_are_those_whose_lease_has_run_out(self, store: SqlStore) -> None:
        expired = [
            make_ticket(status=Status.CLAIMED, claimed_by="eve", claimed_until=NOON - n * SECOND) for n in (0, 1)
        ]
        held = make_ticket(status=Status.CLAIMED, claimed_by="eve", claimed_until=NOON + SECOND)
        closed = make_ticket(status=Status.RESOLVED, claimed_until=NOON - SECOND)
        add(store, *expired, held, closed)
        with store.reading() as tx:
            assert tx.expired_claims(NOON, limit=10) == expired[::-1]

    @pytest.mark.parametrize("status", sorted(AWAITS_PERSON))
    def test_waiting_are_those_that_no_person_has_touched_longest_first(self, store: SqlStore, status: Status) -> None:
        waiting = [make_ticket(status=status, updated_at=NOON - n * SECOND) for n in (1, 2)]
        others = [make_ticket(status=status, updated_at=NOON), make_ticket(updated_at=NOON - 9 * SECOND)]
        add(store, *waiting, *others)
        with store.reading() as tx:
            assert tx.waiting_since(NOON, limit=10) == waiting[::-1]
