"""What every store promises about what answers cost, and about those that are given again."""

from datetime import timedelta

import pytest

from helpdesk.ports.store import CachedAnswer, Spending, Store
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

    def test_an_answer_is_found_by_its_key_until_it_is_too_old(self, store: Store) -> None:
        kept = make_cached("a")
        with store.transaction() as tx:
            tx.add_cached_answers([kept])
        with store.reading() as tx:
            assert tx.cached_answer("a", since=NOON) == kept
            assert tx.cached_answer("a", since=NOON + timedelta(seconds=1)) is None
            assert tx.cached_answer("b", since=NOON) is None

    def test_of_two_answers_under_one_key_the_first_stays(self, store: Store) -> None:
        with store.transaction() as tx:
            tx.add_cached_answers([make_cached("a", writer="first")])
        with store.transaction() as tx:
            tx.add_cached_answers([make_cached("a", writer="second"), make_cached("b")])
        with store.reading() as tx:
            found = [tx.cached_answer(key, since=NOON) for key in ("a", "b")]
        assert [answer.writer for answer in found if answer is not None] == ["first", "m"]

    def test_old_answers_and_those_beyond_a_number_are_pruned(self, store: Store) -> None:
        with store.transaction() as tx:
            tx.add_cached_answers([make_cached(str(minute), minute=minute) for minute in range(6)])
            assert tx.prune_cached_answers(NOON, keep=10, limit=10) == 1
            assert tx.prune_cached_answers(NOON, keep=2, limit=2) == 2
            assert tx.prune_cached_answers(NOON, keep=2, limit=2) == 1
            assert tx.prune_cached_answers(NOON, keep=2, limit=2) == 0
            assert [key for key in "012345" if tx.cached_answer(key, since=NOON)] == ["4", "5"]
            assert tx.prune_cached_answers(NOON, keep=0, limit=9) == 2


def make_cached(key: str, *, writer: str = "m", minute: int = 0) -> CachedAnswer:
    """Return an answer that was kept so many minutes past noon."""
    return CachedAnswer(
        key=key, writer=writer, prompt_version="1", blocks="[]", created_at=NOON + timedelta(minutes=minute)
    )
