"""What every store promises about what answers cost."""

from datetime import timedelta

import pytest

from helpdesk.ports.store import Spending, Store
from tests.factories import NOON, make_decision, make_submission


class WritingContract:
    """Part of the store's contract; inherits the fixture ``store``."""

    def test_spending_is_summed_by_time_and_by_ticket(self, store: Store) -> None:
        first, second = make_submission(), make_submission()
        with store.transaction() as tx:
            tx.add_submissions([first, second])
            assert (tx.spent_since(NOON), tx.spent_on(first.ticket.ticket_id)) == (0.0, 0.0)
            tx.add_spending(
                [
                    Spending(ticket_id=ticket.ticket_id, model="m", usd=usd, at=NOON + timedelta(minutes=minutes))
                    for ticket, usd, minutes in (
                        (first.ticket, 0.25, 0),
                        (first.ticket, 0.5, 30),
                        (second.ticket, 1, 60),
                    )
                ]
            )
        with store.reading() as tx:
            assert tx.spent_since(NOON + timedelta(minutes=30)) == pytest.approx(1.5)
            assert tx.spent_on(first.ticket.ticket_id) == pytest.approx(0.75)
            assert tx.spent_on("none") == 0.0

    def test_a_decision_keeps_its_tokens_and_cost(self, store: Store) -> None:
        submission = make_submission()
        decision = make_decision(submission.ticket, usage={"input_tokens": 900, "output_tokens": 7}, cost_usd=0.00012)
        with store.transaction() as tx:
            tx.add_submissions([submission])
            tx.add_decisions([decision])
        with store.reading() as tx:
            assert tx.decisions(submission.ticket.ticket_id) == [decision]
