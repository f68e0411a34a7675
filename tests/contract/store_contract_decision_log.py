"""The store contract: decisions of all tickets, listed by what they rest on, and what people said about them."""

from collections.abc import Sequence
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest

from helpdesk.adapters.store_sql import SqlStore
from helpdesk.decisions import DecisionRecord, Outcome, Reason
from helpdesk.errors import InvalidInput
from helpdesk.ports.decision_log import DecisionFilter
from tests.contract.store_fixtures import StoreFixtures, add
from tests.factories import NOON, make_correction, make_decision, make_feedback, make_ticket

MINUTE = timedelta(minutes=1)


def listed(store: SqlStore, **wanted: Any) -> list[DecisionRecord]:
    with store.reading() as tx:
        page = tx.list_decisions(DecisionFilter(**wanted), cursor=None, limit=100)
    assert page.next_cursor is None
    return list(page.decisions)


def decided(store: SqlStore, *decisions: dict[str, Any]) -> list[DecisionRecord]:
    """Store a decision on a ticket of its own for each of these, a minute apart; return them newest first."""
    tickets = [make_ticket() for _ in decisions]
    add(store, *tickets)
    records = [
        make_decision(ticket, **{"at": NOON + place * MINUTE, **fields})
        for place, (ticket, fields) in enumerate(zip(tickets, decisions, strict=True))
    ]
    with store.transaction() as tx:
        tx.add_decisions(records)
    return records[::-1]


def reasons(*codes: str) -> tuple[Reason, ...]:
    return tuple(Reason(code=code, text=f"It is {code}.") for code in codes)


def sure(intent: str, confidence: float) -> dict[str, Any]:
    return {"predicted_label": intent, "prediction_confidence": confidence}


class DecisionLogContract(StoreFixtures):
    def test_decisions_are_listed_whole_newest_first(self, store: SqlStore) -> None:
        assert listed(store) == []
        records = decided(store, {}, {"outcome": Outcome.ROUTE, "scores": {"evidence": 0.25}}, {"prediction": {}})
        assert listed(store) == records

    @pytest.mark.parametrize(
        ("wanted", "places"),
        [
            ({"intent": "get_refund"}, [1, 2]),
            ({"outcome": Outcome.DRAFT}, [2]),
            ({"queue": "REFUND"}, [1]),
            ({"policy": "2-b"}, [1, 2]),
            ({"model": "old"}, [0]),
            ({"code": "draft_only"}, [2]),
            ({"code": "claim_uncited"}, [1, 2]),
            ({"code": "claim"}, []),
            ({"code": "%"}, []),
            ({"since": NOON + MINUTE}, [1, 2, 3]),
            ({"until": NOON + MINUTE}, [0]),
            ({"since": NOON + MINUTE, "until": NOON + 3 * MINUTE, "intent": "get_refund"}, [1, 2]),
            ({"confidence_from": 0.5}, [1, 2]),
            ({"confidence_to": 0.5}, [0, 1]),
            ({"confidence_from": 0.5, "confidence_to": 0.5, "policy": "2-b"}, [1]),
            ({"intent": "nowhere"}, []),
        ],
    )
    def test_decisions_are_narrowed_by_what_they_rest_on(
        self, store: SqlStore, wanted: dict[str, object], places: Sequence[int]
    ) -> None:
        newest_first = decided(
            store,
            {"prediction": sure("track_order", 0.1), "versions": {"model": "old", "policy": "1-a"}},
            {
                "outcome": Outcome.ROUTE,
                "queue": "REFUND",
                "prediction": sure("get_refund", 0.5),
                "versions": {"model": "new", "policy": "2-b"},
                "reasons": reasons("confident_and_grounded", "claim_uncited", "claim_uncited"),
            },
            {
                "outcome": Outcome.DRAFT,
                "prediction": sure("get_refund", 0.9),
                "versions": {"model": "new", "policy": "2-b"},
                "reasons": reasons("draft_only", "claim_uncited"),
            },
            {"outcome": Outcome.ROUTE, "prediction": {}, "versions": {}, "reasons": reasons("deadline_passed")},
        )
        records = newest_first[::-1]
        assert listed(store, **wanted) == [records[place] for place in reversed(places)]

    def test_pages_follow_each_other_without_a_gap_also_among_decisions_of_one_moment(self, store: SqlStore) -> None:
        ticket = make_ticket()
        add(store, ticket)
        records = decided(store, *({"at": NOON} for _ in range(5)))
        turns = [make_decision(ticket, turn=turn, at=NOON) for turn in range(1, 5)]
        with store.transaction() as tx:
            tx.add_decisions(turns)
        found: list[DecisionRecord] = []
        cursor: str | None = None
        while True:
            with store.reading() as tx:
                page = tx.list_decisions(DecisionFilter(), cursor=cursor, limit=2)
            found += page.decisions
            cursor = page.next_cursor
            if cursor is None:
                break
        expected = sorted([*records, *turns], key=lambda record: (record.ticket_id, record.turn), reverse=True)
        assert found == expected

    @pytest.mark.parametrize("cursor", ["", "x", "MjAyNg", "é", "MjAyNi0wMy0wMlQxMjowMDowMyswMDowMCB4IC0x", "A" * 200])
    def test_a_cursor_of_somebody_else_is_refused(self, store: SqlStore, cursor: str) -> None:
        with pytest.raises(InvalidInput, match="cursor"), store.reading() as tx:
            tx.list_decisions(DecisionFilter(), cursor=cursor, limit=2)

    def test_a_decision_with_very_many_reasons_is_stored_and_found(self, store: SqlStore) -> None:
        many = reasons("confident_and_grounded", *(["word_unknown"] * 3_000), "claim_uncited")
        [record] = decided(store, {"reasons": many})
        assert listed(store, code="word_unknown") == [record]

    def test_what_people_said_is_read_for_many_tickets_at_once(self, store: SqlStore) -> None:
        tickets = [make_ticket() for _ in range(3)]
        add(store, *tickets)
        ids = [ticket.ticket_id for ticket in tickets]
        with store.transaction() as tx:
            assert (tx.feedback_on(ids), tx.corrections_on(ids), tx.feedback_on([])) == ([], [], [])
            for score in (1, 5):
                tx.add_feedback(make_feedback(tickets[0], score=score))
            tx.add_feedback(make_feedback(tickets[2]))
            tx.add_correction(make_correction(tickets[1], intent="get_refund"))
            tx.add_correction(make_correction(tickets[1], intent="track_refund"))
        with store.reading() as tx:
            assert [said.score for said in tx.feedback_on(ids[:2])] == [1, 5]
            assert [said.intent for said in tx.corrections_on(ids)] == ["get_refund", "track_refund"]

    def test_decisions_of_before_are_found_once_the_migration_has_filled_the_columns(self, store: SqlStore) -> None:
        records = decided(
            store,
            {"prediction": sure("get_refund", 0.25), "reasons": reasons("draft_only", "promise", "promise")},
            {"prediction": {}, "versions": {}, "reasons": ()},
        )
        migration = import_module("helpdesk.adapters.store_sql.migrations.versions.0010_policy_versions")
        with store.transaction() as tx:
            connection = tx._connection
            connection.exec_driver_sql(
                "UPDATE decisions SET intent = NULL, confidence = NULL, policy = NULL, model = NULL, codes = NULL"
            )
            is_sqlite = connection.dialect.name == "sqlite"
            connection.exec_driver_sql(migration._FILL_SQLITE if is_sqlite else migration._FILL_POSTGRESQL)
        assert listed(store, intent="get_refund", confidence_to=0.25, code="promise") == [records[1]]
        assert listed(store, policy="1", model="2026-03-01", code="draft_only") == [records[1]]
        assert listed(store) == records
