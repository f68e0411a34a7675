"""The store contract: what was made of articles, and what reports on articles read."""

from datetime import timedelta

from helpdesk.adapters.store_sql import SqlStore
from helpdesk.article_feedback import Signal
from helpdesk.tickets import Author
from tests.contract.store_contract_tickets import TRICKY
from tests.contract.store_fixtures import StoreFixtures, add
from tests.factories import NOON, make_answer, make_decision, make_signal, make_ticket

SECOND = timedelta(seconds=1)


class ArticleSignalsContract(StoreFixtures):
    def test_signals_come_back_as_they_were_stored_in_the_order_of_their_making(self, store: SqlStore) -> None:
        ticket, other = make_ticket(), make_ticket()
        add(store, ticket, other)
        made = [
            make_signal(ticket_id=ticket.ticket_id, author_name=TRICKY, share=1 / 3),
            make_signal(ticket_id=other.ticket_id, signal=Signal.EDITED, author=Author.AGENT, owner=""),
            make_signal(ticket_id=ticket.ticket_id, signal=Signal.MARKED_WRONG, turn=2, at=NOON - SECOND),
        ]
        with store.transaction() as tx:
            assert (tx.last_article_signal(), tx.article_signals()) == (0, [])
            tx.add_article_signals(made)
            tx.add_article_signals([])
        with store.reading() as tx:
            assert tx.article_signals() == made
            assert tx.article_signals_of(ticket.ticket_id) == [made[0], made[2]]
            assert tx.article_signals_of("nobody") == []

    def test_what_was_held_once_can_be_read_again_by_its_number(self, store: SqlStore) -> None:
        ticket = make_ticket()
        add(store, ticket)
        first, second = (make_signal(ticket_id=ticket.ticket_id, turn=turn) for turn in (1, 2))
        with store.transaction() as tx:
            tx.add_article_signals([first])
            then = tx.last_article_signal()
        with store.transaction() as tx:
            tx.add_article_signals([second])
            assert tx.last_article_signal() > then > 0
        with store.reading() as tx:
            assert tx.article_signals(until=then) == [first]
            assert tx.article_signals(until=0) == []

    def test_answers_and_decisions_are_those_from_the_first_moment_to_before_the_last(self, store: SqlStore) -> None:
        tickets = [make_ticket() for _ in range(4)]
        add(store, *tickets)
        moments = [NOON + after * SECOND for after in (-1, 0, 4, 5)]
        answers = [make_answer(one, created_at=at, sent=False) for one, at in zip(tickets, moments, strict=True)]
        decisions = [make_decision(one, at=at) for one, at in zip(tickets, moments, strict=True)]
        with store.transaction() as tx:
            tx.add_answers(answers)
            tx.add_decisions(decisions)
        with store.reading() as tx:
            found = sorted(tx.answers_between(NOON, NOON + 5 * SECOND), key=lambda answer: answer.created_at)
            assert found == answers[1:3]
            made = sorted(tx.decisions_between(NOON, NOON + 5 * SECOND), key=lambda decision: decision.at)
            assert made == decisions[1:3]
            assert list(tx.answers_between(NOON + SECOND, NOON)) == []
