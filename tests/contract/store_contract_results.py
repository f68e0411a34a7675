"""The store contract: facts about what became of answers and of promises."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from helpdesk.adapters.store_sql import SqlStore
from helpdesk.decisions import Outcome
from helpdesk.results import AnsweredGroup, PromiseGroup
from helpdesk.tickets import Author, SlaState, Status, Ticket
from tests.contract.store_fixtures import StoreFixtures, add
from tests.factories import NOON, make_answer, make_decision, make_feedback, make_ticket

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NEVER_RATED = AnsweredGroup(
    intent="get_refund",
    author=Author.MACHINE,
    lowest_score=None,
    reopened=False,
    recontacted=False,
    silent=False,
    answers=1,
)


def make_answered(**changes: object) -> Ticket:
    return make_ticket(**({"status": Status.ANSWERED, "intent": "get_refund"} | changes))  # type: ignore[arg-type]


def answer(
    store: SqlStore, ticket: Ticket, *, at: datetime = NOON, author: Author = Author.MACHINE, turn: int = 1
) -> None:
    with store.transaction() as tx:
        tx.add_answers([make_answer(ticket, author=author, turn=turn, created_at=at)])


def groups(store: SqlStore, *, now: datetime = NOON + DAY) -> list[AnsweredGroup]:
    with store.reading() as tx:
        return tx.answered_groups(NOON, NOON + DAY, watched_days=7, now=now)


class ResultsContract(StoreFixtures):
    def test_answers_of_which_the_same_is_known_are_counted_together(self, store: SqlStore) -> None:
        for number in range(3):
            ticket = make_answered(user=f"customer {number}")
            add(store, ticket)
            answer(store, ticket)
        assert groups(store) == [replace(NEVER_RATED, answers=3)]

    def test_only_what_was_sent_in_the_period_counts_and_several_answers_in_a_turn_count_once(
        self, store: SqlStore
    ) -> None:
        early, late, draft, twice = (make_answered(user=str(number)) for number in range(4))
        add(store, early, late, draft, twice)
        answer(store, early, at=NOON - HOUR)
        answer(store, late, at=NOON + DAY)
        with store.transaction() as tx:
            tx.add_answers([make_answer(draft, sent=False, created_at=NOON)])
        for hours in (0, 1):
            answer(store, twice, author=Author.AGENT, at=NOON + hours * HOUR)
        assert groups(store) == [replace(NEVER_RATED, author=Author.AGENT)]

    def test_the_lowest_score_after_the_answer_counts(self, store: SqlStore) -> None:
        ticket = make_answered()
        add(store, ticket)
        answer(store, ticket)
        with store.transaction() as tx:
            for score, turn, hours in ((1, 1, -1), (5, 1, 1), (4, 1, 2), (1, 2, 3)):
                tx.add_feedback(make_feedback(ticket, score=score, turn=turn, created_at=NOON + hours * HOUR))
        assert groups(store) == [replace(NEVER_RATED, lowest_score=4)]

    @pytest.mark.parametrize(
        "changes", [{"turn": 2, "status": Status.ANSWERED}, {"status": Status.QUEUED}, {"status": Status.CLAIMED}]
    )
    def test_a_ticket_that_goes_on_was_reopened(self, store: SqlStore, changes: dict[str, object]) -> None:
        ticket = make_answered(**changes)
        add(store, ticket)
        answer(store, ticket)
        assert groups(store) == [replace(NEVER_RATED, reopened=True)]

    def test_an_answer_that_a_person_had_to_follow_up_in_the_same_turn_was_reopened(self, store: SqlStore) -> None:
        ticket = make_answered(status=Status.RESOLVED)
        add(store, ticket)
        answer(store, ticket)
        answer(store, ticket, author=Author.AGENT, at=NOON + HOUR)
        assert sorted(groups(store), key=lambda group: group.author) == [
            replace(NEVER_RATED, author=Author.AGENT),
            replace(NEVER_RATED, reopened=True),
        ]

    @pytest.mark.parametrize(
        ("changes", "recontacted"),
        [
            ({"created_at": NOON + 7 * DAY}, True),
            ({"created_at": NOON + 7 * DAY + HOUR}, False),
            ({"created_at": NOON - HOUR}, False),
            ({"intent": "track_order"}, False),
            ({"user": "bea"}, False),
            ({"owner": "another shop"}, False),
        ],
    )
    def test_recontacted_is_the_same_customer_with_the_same_intent_while_the_answer_is_watched(
        self, store: SqlStore, changes: dict[str, object], recontacted: bool
    ) -> None:
        ticket = make_answered(created_at=NOON)
        again = make_answered(**({"created_at": NOON + HOUR, "status": Status.RECEIVED} | changes))
        add(store, ticket, again)
        answer(store, ticket)
        assert groups(store) == [replace(NEVER_RATED, recontacted=recontacted)]

    def test_an_answer_is_silent_once_it_was_watched_for_all_its_days(self, store: SqlStore) -> None:
        ticket = make_answered()
        add(store, ticket)
        answer(store, ticket)
        assert groups(store, now=NOON + 7 * DAY - HOUR) == [NEVER_RATED]
        assert groups(store, now=NOON + 7 * DAY) == [replace(NEVER_RATED, silent=True)]

    def test_hand_overs_are_decisions_that_gave_a_ticket_to_people(self, store: SqlStore) -> None:
        tickets = [make_ticket(intent=intent) for intent in ("get_refund", "get_refund", "track_order", None)]
        add(store, *tickets)
        outcomes = (Outcome.ROUTE, Outcome.DRAFT, Outcome.ANSWER, Outcome.ROUTE)
        with store.transaction() as tx:
            tx.add_decisions(
                [make_decision(ticket, outcome=one, at=NOON) for ticket, one in zip(tickets, outcomes, strict=True)]
            )
            tx.add_decisions([make_decision(tickets[0], outcome=Outcome.ROUTE, turn=2, at=NOON + DAY)])
        with store.reading() as tx:
            assert tx.hand_overs(NOON, NOON + DAY) == {"get_refund": 2, None: 1}

    def test_promises_of_the_tickets_of_a_period_are_counted_by_how_they_stand(self, store: SqlStore) -> None:
        promised: dict[str, Any] = {"resolution_due_at": NOON + DAY}
        kept: dict[str, Any] = {"first_replied_by": Author.MACHINE, "paused_at": NOON, "status": Status.ANSWERED}
        add(
            store,
            make_ticket(**promised, **kept),
            make_ticket(**promised, **kept),
            make_ticket(**promised, first_reply_sla=SlaState.BREACHED),
            make_ticket(**(promised | {"resolution_due_at": None})),
            make_ticket(**promised, created_at=NOON + DAY),
        )
        with store.reading() as tx:
            found = tx.promise_groups(NOON, NOON + DAY)
        ok, missed = SlaState.OK, SlaState.BREACHED
        assert sorted(found, key=lambda group: group.tickets) == [
            PromiseGroup(replied_by=None, first_reply=missed, ended=False, resolution=ok, tickets=1),
            PromiseGroup(replied_by=Author.MACHINE, first_reply=ok, ended=True, resolution=ok, tickets=2),
        ]
