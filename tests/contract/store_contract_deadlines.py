"""The store contract: deadlines of tickets, and the lists and looks that go by them."""

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from importlib import import_module

import pytest
from sqlalchemy import create_engine, text

from helpdesk.adapters.store_sql import SqlStore
from helpdesk.adapters.store_sql.engine import parse_url
from helpdesk.ports.store import TicketFilter, TicketOrder
from helpdesk.settings import StoreSettings
from helpdesk.tickets import Action, Author, SlaState, Status, Ticket
from tests.contract.store_fixtures import StoreFixtures, add, read
from tests.factories import NOON, make_answer, make_ticket

SECOND = timedelta(seconds=1)


def due_in_an_hour(ticket: Ticket) -> Ticket:
    return replace(ticket, due_at=ticket.updated_at + 3600 * SECOND)


class DeadlinesContract(StoreFixtures):
    def test_every_ticket_that_is_written_has_its_clocks_wound(self, url: str, store: SqlStore) -> None:
        ticket = make_ticket()
        with closing(SqlStore(url, StoreSettings(), timed=due_in_an_hour)) as timed:
            add(timed, ticket)
            assert read(store, ticket).due_at == NOON + 3600 * SECOND
            with timed.transaction() as tx:
                [saved] = tx.save([tx.ticket(ticket.ticket_id).after(Action.ROUTE, at=NOON + SECOND)])
        assert saved.due_at == NOON + 3601 * SECOND
        assert read(store, ticket) == saved

    def test_clocks_come_back_as_they_were_written(self, store: SqlStore) -> None:
        ticket = make_ticket(
            upset=True,
            due_at=NOON,
            sla=SlaState.BREACHED,
            first_reply_due_at=NOON + SECOND,
            first_reply_sla=SlaState.BREACHED,
            first_replied_at=NOON + 2 * SECOND,
            first_replied_by=Author.MACHINE,
            resolution_due_at=NOON + 3 * SECOND,
            resolution_sla=SlaState.SOON,
            resolved_at=NOON + 4 * SECOND,
            paused_at=NOON + 5 * SECOND,
            paused_s=6.25,
            alert_at=NOON + 7 * SECOND,
            hurried=True,
        )
        add(store, ticket)
        assert read(store, ticket) == ticket

    def test_due_for_a_look_are_those_whose_moment_has_come_the_longest_first(self, store: SqlStore) -> None:
        due = [make_ticket(alert_at=NOON - seconds * SECOND) for seconds in (0, 5, 2)]
        add(store, *due, make_ticket(alert_at=NOON + SECOND), make_ticket())
        with store.reading() as tx:
            assert tx.alerts_due(NOON, limit=10) == [due[1], due[2], due[0]]
            assert tx.alerts_due(NOON, limit=1) == [due[1]]

    def test_lists_go_by_how_tickets_stand_to_their_deadlines(self, store: SqlStore) -> None:
        by_state = {
            state: [make_ticket(sla=state, created_at=NOON - age * SECOND) for age in range(2)] for state in SlaState
        }
        add(store, *(ticket for tickets in by_state.values() for ticket in tickets))
        with store.reading() as tx:
            for state, tickets in by_state.items():
                page = tx.list_tickets(TicketFilter(sla=state), cursor=None, limit=10)
                assert list(page.tickets) == tickets

    @pytest.mark.parametrize("limit", [1, 2, 10])
    def test_pages_in_the_order_of_deadlines_hold_each_ticket_whose_clock_runs_once(
        self, store: SqlStore, limit: int
    ) -> None:
        running = [make_ticket(due_at=NOON + seconds * SECOND) for seconds in (-3, 0, 0, 7)]
        running.sort(key=lambda ticket: (ticket.due_at, ticket.ticket_id))
        add(store, *reversed(running), make_ticket(due_at=None), make_ticket(status=Status.ANSWERED))
        found: list[Ticket] = []
        cursor = None
        with store.reading() as tx:
            while True:
                page = tx.list_tickets(TicketFilter(), cursor=cursor, limit=limit, order=TicketOrder.DUE)
                found += page.tickets
                cursor = page.next_cursor
                if cursor is None:
                    break
        assert found == running

    def test_tickets_from_before_there_were_deadlines_are_looked_at_or_were_promised_nothing(
        self, url: str, store: SqlStore
    ) -> None:
        later = NOON + 9 * SECOND
        answered = make_ticket(status=Status.ANSWERED, updated_at=later)
        resolved = make_ticket(status=Status.RESOLVED, updated_at=later, sentiment=-0.9)
        waiting = make_ticket(status=Status.QUEUED, sentiment=-0.1)
        add(store, answered, resolved, waiting)
        with store.transaction() as tx:
            tx.add_answers([make_answer(answered, created_at=NOON + SECOND)])
            tx.add_answers([make_answer(answered, author=Author.AGENT, created_at=NOON + 2 * SECOND)])
        backfill(url)
        assert read(store, answered) == replace(
            answered, paused_at=later, first_replied_at=NOON + SECOND, first_replied_by=Author.MACHINE
        )
        assert read(store, resolved) == replace(resolved, paused_at=later, resolved_at=later, upset=True)
        assert read(store, waiting) == replace(waiting, alert_at=NOON)


def backfill(url: str) -> None:
    """Run the statements by which the migration fills the new columns."""
    migration = import_module("helpdesk.adapters.store_sql.migrations.versions.0011_deadlines")
    engine = create_engine(parse_url(url))
    with engine.begin() as connection:
        for statement in migration.BACKFILL:
            connection.execute(text(statement))
    engine.dispose()
