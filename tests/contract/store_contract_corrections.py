"""The store contract: corrections, of which the latest stands and none is lost."""

import pytest

from helpdesk.adapters.store_sql import SqlStore
from helpdesk.errors import TicketNotFound
from tests.contract.store_contract_tickets import TRICKY
from tests.contract.store_fixtures import StoreFixtures, add, read
from tests.factories import make_correction, make_ticket


class CorrectionsContract(StoreFixtures):
    def test_corrections_come_back_as_they_were_stored_in_the_order_of_their_making(self, store: SqlStore) -> None:
        ticket, other = make_ticket(), make_ticket()
        add(store, ticket, other)
        made = [
            make_correction(ticket, note=TRICKY, author="zoë"),
            make_correction(ticket, intent="out_of_scope", turn=2, predicted=None, model_version=None),
            make_correction(ticket, intent="track_order"),
        ]
        with store.transaction() as tx:
            for correction in made:
                tx.add_correction(correction)
        with store.reading() as tx:
            assert tx.corrections(ticket.ticket_id) == made
            assert tx.corrections(other.ticket_id) == tx.corrections("nobody") == []

    def test_a_correction_leaves_the_ticket_as_it_is(self, store: SqlStore) -> None:
        ticket = make_ticket()
        add(store, ticket)
        with store.transaction() as tx:
            tx.add_correction(make_correction(ticket))
        assert read(store, ticket) == ticket

    def test_a_correction_of_an_unknown_ticket_is_refused_and_the_transaction_goes_on(self, store: SqlStore) -> None:
        ticket, unknown = make_ticket(), make_ticket()
        add(store, ticket)
        with store.transaction() as tx:
            with pytest.raises(TicketNotFound, match=unknown.ticket_id):
                tx.add_correction(make_correction(unknown))
            tx.add_correction(make_correction(ticket))
        with store.reading() as tx:
            assert [row.correction.ticket_id for row in tx.standing_corrections(limit=9)] == [ticket.ticket_id]

    def test_the_latest_correction_of_each_turn_stands(self, store: SqlStore) -> None:
        ticket, other = make_ticket(), make_ticket()
        add(store, ticket, other)
        first, second, third, later = (
            make_correction(ticket),
            make_correction(ticket, turn=2),
            make_correction(other),
            make_correction(ticket, intent="track_refund"),
        )
        with store.transaction() as tx:
            for correction in (first, second, third):
                tx.add_correction(correction)
            assert [row.correction for row in tx.standing_corrections(limit=9)] == [first, second, third]
            tx.add_correction(later)
            assert [row.correction for row in tx.standing_corrections(limit=9)] == [second, third, later]

    def test_pages_meet_each_standing_correction_once_although_others_are_made_meanwhile(self, store: SqlStore) -> None:
        tickets = [make_ticket() for _ in range(7)]
        add(store, *tickets)
        made = [make_correction(ticket) for ticket in tickets]
        with store.transaction() as tx:
            for correction in made:
                tx.add_correction(correction)
        met = []
        after = 0
        with store.reading() as tx:
            while rows := tx.standing_corrections(after=after, limit=3):
                met += [row.correction for row in rows]
                after = rows[-1].sequence
                with store.transaction() as writing:
                    writing.add_correction(make_correction(tickets[0], intent="track_refund"))
        assert met == made
