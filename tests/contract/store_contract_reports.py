"""The store contract: what reports read."""

from collections.abc import Sequence
from datetime import timedelta

from helpdesk.adapters.store_sql import SqlStore
from helpdesk.decisions import DecisionRecord
from tests.contract.store_fixtures import StoreFixtures, add
from tests.factories import NOON, make_decision, make_ticket

SECOND = timedelta(seconds=1)


def decide(store: SqlStore, decisions: Sequence[DecisionRecord]) -> None:
    with store.transaction() as tx:
        tx.add_decisions(decisions)


class ReportsContract(StoreFixtures):
    def test_predictions_are_those_of_the_decisions_from_the_first_moment_to_before_the_last(
        self, store: SqlStore
    ) -> None:
        tickets = [make_ticket() for _ in range(5)]
        add(store, *tickets)
        moments = (-1, 0, 4, 5, 6)
        decide(
            store,
            [
                make_decision(ticket, prediction={"predicted_label": str(after)}, at=NOON + after * SECOND)
                for ticket, after in zip(tickets, moments, strict=True)
            ],
        )
        with store.reading() as tx:
            found = list(tx.predictions_between(NOON, NOON + 5 * SECOND))
            assert list(tx.predictions_between(NOON + SECOND, NOON)) == []
        assert sorted(str(prediction["predicted_label"]) for prediction in found) == ["0", "4"]

    def test_each_turn_of_a_ticket_has_its_prediction_and_one_that_had_none_an_empty_one(self, store: SqlStore) -> None:
        ticket = make_ticket()
        add(store, ticket)
        said = {"predicted_label": "é", "top_labels": [{"label": "é", "confidence": 0.1}], "out_of_scope": False}
        decide(store, [make_decision(ticket, turn=turn, prediction=found) for turn, found in ((1, said), (2, {}))])
        with store.reading() as tx:
            found = list(tx.predictions_between(NOON, NOON + SECOND))
        assert sorted(found, key=len) == [{}, said]

    def test_predictions_come_a_few_at_a_time_and_the_reader_may_stop(self, store: SqlStore) -> None:
        tickets = [make_ticket() for _ in range(1_200)]
        add(store, *tickets)
        decide(store, [make_decision(ticket) for ticket in tickets])
        with store.reading() as tx:
            assert sum(1 for _ in tx.predictions_between(NOON, NOON + SECOND)) == len(tickets)
            begun = tx.predictions_between(NOON, NOON + SECOND)
            next(begun)
        assert store_still_answers(store)


def store_still_answers(store: SqlStore) -> bool:
    with store.transaction() as tx:
        tx.set_fact("answers", "yes")
        return tx.fact("answers") == "yes"
