"""The store contract: tickets, what belongs to them, and lists of them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType

import pytest

from helpdesk.adapters.store_sql import SqlStore
from helpdesk.errors import IdempotencyConflict, InvalidInput, TicketNotFound, VersionConflict
from helpdesk.ports.store import TicketFilter
from helpdesk.tickets import Action, Author, Priority, Status
from tests.contract.store_fixtures import StoreFixtures, add, add_submissions, read
from tests.factories import (
    NOON,
    make_answer,
    make_citation,
    make_decision,
    make_event,
    make_feedback,
    make_id,
    make_idempotency,
    make_message,
    make_submission,
    make_ticket,
)

TRICKY = "Grüße, 你好, مرحبا 👩‍👩‍👧‍👦 \u200b\ufeff\r\n\t'; DROP TABLE tickets; -- %s %(x)s {y} \\ \U0010ffff"


class TicketsContract(StoreFixtures):
    def test_a_ticket_comes_back_as_it_was_stored(self, store: SqlStore) -> None:
        ticket = make_ticket(
            status=Status.QUEUED,
            subject=TRICKY,
            user="zoë@example.org",
            metadata={"order": "A-1", "items": 3, "weight": 2.0, "gift": True, "größe": "XL"},
            priority=Priority.HIGH,
            confidence=0.1 + 0.2,
            sentiment=-0.9999,
            intent="get_refund",
            category="REFUND",
            language="de",
            claimed_by="eve",
            claimed_until=NOON + timedelta(microseconds=1),
            created_at=datetime(1999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        )
        add(store, ticket)
        stored = read(store, ticket)
        assert stored == ticket
        assert [type(value) for value in stored.metadata.values()] == [str, int, float, bool, str]

    def test_64_kilobytes_of_any_characters_come_back_unchanged(self, store: SqlStore) -> None:
        text = (TRICKY * 1000)[:65_536]
        submission = make_submission(text=text)
        add_submissions(store, submission)
        with store.reading() as tx:
            (message,) = tx.conversations([submission.ticket.ticket_id])[submission.ticket.ticket_id]
        assert message.text == text

    def test_a_time_of_another_zone_is_the_same_moment_in_utc(self, store: SqlStore) -> None:
        tokyo = datetime(2026, 3, 2, 21, 0, 0, 5, tzinfo=timezone(timedelta(hours=9)))
        ticket = make_ticket(created_at=tokyo)
        add(store, ticket)
        created_at = read(store, ticket).created_at
        assert created_at == tokyo
        assert created_at.isoformat() == "2026-03-02T12:00:00.000005+00:00"

    def test_a_time_without_zone_is_refused(self, store: SqlStore) -> None:
        with pytest.raises(ValueError, match="no time zone"):
            add(store, make_ticket(updated_at=datetime(2026, 3, 2)))

    def test_a_submission_stores_ticket_message_event_outbox_row_and_key(self, store: SqlStore) -> None:
        submissions = [make_submission(idempotency_key=f"key-{number}") for number in range(256)]
        add_submissions(store, *submissions)
        ids = [one.ticket.ticket_id for one in submissions]
        with store.reading() as tx:
            assert tx.tickets(ids) == {one.ticket.ticket_id: one.ticket for one in submissions}
            assert tx.conversations(ids) == {one.ticket.ticket_id: [one.message] for one in submissions}
            assert tx.events(ids[7]) == [submissions[7].event]
            rows = tx.outbox(limit=300)
            assert [row.envelope for row in rows] == [one.envelope for one in submissions]
            assert [row.created_at for row in rows] == [one.ticket.created_at for one in submissions]
            assert len(tx.idempotency_records([("shop", f"key-{number}") for number in range(256)])) == 256

    def test_storing_nothing_is_fine(self, store: SqlStore) -> None:
        with store.transaction() as tx:
            tx.add_submissions([])
            tx.save([])
            tx.add_messages([])
            tx.add_events([])
            tx.add_answers([])
            tx.add_decisions([])
            tx.add_outbox([], at=NOON)
            tx.finish_messages([], at=NOON)
            assert tx.start_messages([], at=NOON) == {}
            assert tx.tickets([]) == {}
            assert tx.conversations([]) == {}
            assert tx.idempotency_records([]) == {}
            assert tx.delete_outbox([]) == set()

    def test_idempotency_records_are_found_by_owner_and_key_together(self, store: SqlStore) -> None:
        ours, theirs = make_submission(idempotency_key="1"), make_submission(idempotency_key="2", owner="mobile")
        add_submissions(store, ours, theirs)
        with store.reading() as tx:
            found = tx.idempotency_records([("shop", "1"), ("mobile", "2"), ("shop", "2"), ("mobile", "9")])
        assert found == {("shop", "1"): ours.idempotency, ("mobile", "2"): theirs.idempotency}

    def test_a_key_that_is_used_again_stores_nothing_of_the_call(self, store: SqlStore) -> None:
        used = make_submission(idempotency_key="used")
        add_submissions(store, used)
        batch = [make_submission(idempotency_key=key) for key in ("a", "used", "z")]
        with store.transaction() as tx:
            with pytest.raises(IdempotencyConflict):
                tx.add_submissions(batch)
            assert tx.tickets([one.ticket.ticket_id for one in batch]) == {}
            keys = [("shop", key) for key in ("a", "used", "z")]
            assert tx.idempotency_records(keys) == {("shop", "used"): used.idempotency}
            tx.add_submissions([batch[0]])
        assert read(store, batch[0].ticket) == batch[0].ticket

    def test_a_request_on_a_ticket_that_exists_is_recorded_once(self, store: SqlStore) -> None:
        submission = make_submission(idempotency_key="ticket")
        add_submissions(store, submission)
        record = make_idempotency(submission.ticket, key="message")
        with store.transaction() as tx:
            tx.add_idempotency_record(record)
        with store.transaction() as tx:
            with pytest.raises(IdempotencyConflict):
                tx.add_idempotency_record(make_idempotency(submission.ticket, key="message", body="other"))
            found = tx.idempotency_records([("shop", "message"), ("shop", "ticket")])
        assert found == {("shop", "message"): record, ("shop", "ticket"): submission.idempotency}

    def test_an_unknown_ticket_is_not_found(self, store: SqlStore) -> None:
        missing = make_id()
        with store.reading() as tx:
            assert tx.tickets([missing]) == {}
            with pytest.raises(TicketNotFound, match=missing):
                tx.ticket(missing)

    def test_saving_a_change_replaces_the_ticket(self, store: SqlStore) -> None:
        tickets = [make_ticket() for _ in range(5)]
        add(store, *tickets)
        with store.transaction() as tx:
            read_again = tx.tickets([ticket.ticket_id for ticket in tickets])
            changed = [
                ticket.after(Action.ROUTE, at=NOON + timedelta(seconds=9), queue="REFUND", queued_at=NOON, metadata={})
                for ticket in read_again.values()
            ]
            tx.save(changed)
            tx.save([replace(changed[0], version=3, intent="get_refund")])
        assert read(store, changed[0]) == replace(changed[0], version=3, intent="get_refund")
        assert [read(store, ticket) for ticket in changed[1:]] == changed[1:]

    def test_saving_over_a_version_that_somebody_changed_is_a_conflict(self, store: SqlStore) -> None:
        stale, other = make_ticket(), make_ticket()
        add(store, stale, other)
        with store.transaction() as tx:
            tx.save([tx.ticket(stale.ticket_id).after(Action.START, at=NOON)])
        with store.transaction() as tx:
            with pytest.raises(VersionConflict, match=stale.ticket_id):
                tx.save([other.after(Action.START, at=NOON), stale.after(Action.ROUTE, at=NOON, queue="REFUND")])
            assert tx.ticket(other.ticket_id) == other, "nothing of the call is stored"
        assert read(store, stale).status is Status.PROCESSING

    @pytest.mark.parametrize("version", [1, 3])
    def test_a_saved_ticket_must_be_exactly_one_version_ahead(self, store: SqlStore, version: int) -> None:
        ticket = make_ticket()
        add(store, ticket)
        with pytest.raises(VersionConflict), store.transaction() as tx:
            tx.save([replace(tx.ticket(ticket.ticket_id), version=version)])

    def test_saving_a_ticket_that_does_not_exist_is_a_conflict(self, store: SqlStore) -> None:
        with pytest.raises(VersionConflict), store.transaction() as tx:
            tx.save([make_ticket(version=2)])

    def test_what_belongs_to_a_ticket_comes_back_in_the_order_in_which_it_happened(self, store: SqlStore) -> None:
        ticket, other = make_ticket(), make_ticket()
        add(store, ticket, other)
        # The clocks of two machines differ: the order of writing counts, not the times.
        events = [
            make_event(ticket, action=Action.START, at=NOON - timedelta(seconds=n), reason=str(n)) for n in range(5)
        ]
        messages = [
            make_message(ticket, text=str(n), is_question=n == 3, created_at=NOON - timedelta(seconds=n))
            for n in range(5)
        ]
        with store.transaction() as tx:
            tx.add_events([*events[:2], make_event(other), *events[2:4]])
            tx.add_messages([*messages[:2], make_message(other), *messages[2:4]])
        with store.transaction() as tx:
            tx.add_events(events[4:])
            tx.add_messages(messages[4:])
            assert tx.events(ticket.ticket_id)[1:] == events
            assert tx.conversations([ticket.ticket_id])[ticket.ticket_id][1:] == messages

    def test_a_conversation_that_has_not_begun_is_empty(self, store: SqlStore) -> None:
        with store.reading() as tx:
            assert tx.conversations(["nobody"]) == {"nobody": []}

    def test_details_of_events_may_be_any_plain_values(self, store: SqlStore) -> None:
        ticket = make_ticket()
        details: Mapping[str, object] = {"list": [1, None, {"deep": "ü"}], "number": 1.5, "none": None}
        add(store, ticket)
        with store.transaction() as tx:
            tx.add_events([make_event(ticket, details=MappingProxyType(details))])
            assert tx.events(ticket.ticket_id)[-1].details == details

    def test_answers_come_back_as_they_were_stored(self, store: SqlStore) -> None:
        ticket = make_ticket()
        add(store, ticket)
        citations = (make_citation(quote=TRICKY), make_citation(url="https://shop.example/ü"))
        answers = [
            make_answer(ticket, sent=False, text=TRICKY, citations=citations),
            make_answer(ticket, author=Author.AGENT, citations=(), usage={}),
            make_answer(ticket, is_question=True),
        ]
        with store.transaction() as tx:
            tx.add_answers(answers)
        with store.reading() as tx:
            assert tx.answers(ticket.ticket_id) == answers
            assert tx.answers("nobody") == []

    def test_the_machine_sends_one_answer_per_turn(self, store: SqlStore) -> None:
        ticket, other = make_ticket(), make_ticket()
        add(store, ticket, other)
        with store.transaction() as tx:
            tx.add_answers([make_answer(ticket)])
        with store.transaction() as tx:
            with pytest.raises(VersionConflict):
                tx.add_answers([make_answer(other), make_answer(ticket, text="Again.")])
            assert tx.answers(other.ticket_id) == [], "nothing of the call is stored"
        with store.transaction() as tx:
            tx.add_answers([make_answer(ticket, turn=2)])
            tx.add_answers([make_answer(ticket, author=Author.AGENT), make_answer(ticket, author=Author.AGENT)])
            tx.add_answers([make_answer(ticket, sent=False), make_answer(ticket, sent=False)])
            assert [answer.text for answer in tx.answers(ticket.ticket_id)] == ["Tomorrow."] * 6

    def test_decisions_come_back_as_they_were_stored(self, store: SqlStore) -> None:
        ticket = make_ticket()
        add(store, ticket)
        decisions = [make_decision(ticket), make_decision(ticket, turn=2, scores={}, prediction={}, reasons=())]
        with store.transaction() as tx:
            tx.add_decisions(decisions)
        with store.reading() as tx:
            assert tx.decisions(ticket.ticket_id) == decisions

    def test_a_turn_is_decided_once(self, store: SqlStore) -> None:
        ticket, other = make_ticket(), make_ticket()
        add(store, ticket, other)
        with store.transaction() as tx:
            tx.add_decisions([make_decision(ticket)])
        with store.transaction() as tx:
            with pytest.raises(VersionConflict):
                tx.add_decisions([make_decision(other), make_decision(ticket)])
            assert tx.decisions(other.ticket_id) == [], "nothing of the call is stored"
            tx.add_decisions([make_decision(other)])
        with store.reading() as tx:
            assert len(tx.decisions(ticket.ticket_id)) == len(tx.decisions(other.ticket_id)) == 1

    def test_a_score_that_is_no_number_is_refused(self, store: SqlStore) -> None:
        ticket = make_ticket()
        add(store, ticket)
        with pytest.raises(ValueError, match="JSON"), store.transaction() as tx:
            tx.add_decisions([make_decision(ticket, scores={"confidence": float("nan")})])

    def test_feedback_comes_back_in_order(self, store: SqlStore) -> None:
        ticket = make_ticket()
        add(store, ticket)
        given = [make_feedback(ticket, score=1, comment=TRICKY), make_feedback(ticket, score=5)]
        with store.transaction() as tx:
            for one in given:
                tx.add_feedback(one)
            assert tx.feedback(ticket.ticket_id) == given

    def test_tickets_are_listed_newest_first(self, store: SqlStore) -> None:
        tickets = [make_ticket(created_at=NOON + timedelta(seconds=n)) for n in (3, 1, 2)]
        add(store, *tickets)
        with store.reading() as tx:
            page = tx.list_tickets(TicketFilter(), cursor=None, limit=10)
        assert page.tickets == (tickets[0], tickets[2], tickets[1])
        assert page.next_cursor is None

    def test_pages_meet_every_ticket_once_although_new_ones_come(self, store: SqlStore) -> None:
        same_moment = [make_ticket() for _ in range(7)]
        earlier = [make_ticket(created_at=NOON - timedelta(microseconds=n)) for n in range(1, 5)]
        add(store, *same_moment, *earlier)
        met: list[str] = []
        cursor: str | None = None
        for _ in range(4):
            with store.reading() as tx:
                page = tx.list_tickets(TicketFilter(owner="shop"), cursor=cursor, limit=3)
            met += [ticket.ticket_id for ticket in page.tickets]
            cursor = page.next_cursor
            add(store, make_ticket(created_at=NOON + timedelta(seconds=1)))
        assert cursor is None
        assert len(met) == 11
        assert set(met) == {ticket.ticket_id for ticket in (*same_moment, *earlier)}

    def test_filters_can_be_combined(self, store: SqlStore) -> None:
        wanted = make_ticket(
            status=Status.REVIEW, owner="mobile", queue="REFUND", user="bo", intent="get_refund", priority=Priority.HIGH
        )
        add(
            store,
            wanted,
            replace(wanted, ticket_id=make_id(), owner="shop"),
            replace(wanted, ticket_id=make_id(), status=Status.QUEUED),
            replace(wanted, ticket_id=make_id(), queue="ORDER"),
            replace(wanted, ticket_id=make_id(), user="cy"),
            replace(wanted, ticket_id=make_id(), intent="track_refund"),
            replace(wanted, ticket_id=make_id(), priority=Priority.NORMAL),
            replace(wanted, ticket_id=make_id(), created_at=NOON - timedelta(seconds=1)),
            replace(wanted, ticket_id=make_id(), created_at=NOON + timedelta(seconds=1)),
        )
        with store.reading() as tx:
            page = tx.list_tickets(
                TicketFilter(
                    owner="mobile",
                    status=Status.REVIEW,
                    queue="REFUND",
                    user="bo",
                    intent="get_refund",
                    priority=Priority.HIGH,
                    created_after=NOON,
                    created_before=NOON + timedelta(seconds=1),
                ),
                cursor=None,
                limit=10,
            )
            everything = tx.list_tickets(TicketFilter(), cursor=None, limit=10)
        assert page.tickets == (wanted,)
        assert len(everything.tickets) == 9

    @pytest.mark.parametrize("cursor", ["", "x", "%%%", "bm90aGluZw", "MjAyNi0wMy0wMlQxMjowMDowMCB4", "é", "A" * 999])
    def test_a_cursor_that_is_none_of_ours_is_refused(self, store: SqlStore, cursor: str) -> None:
        with pytest.raises(InvalidInput) as refused, store.reading() as tx:
            tx.list_tickets(TicketFilter(), cursor=cursor, limit=10)
        assert refused.value.field == "cursor"

    def test_a_moment_beyond_all_time_is_refused(self, store: SqlStore) -> None:
        first = datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))
        with pytest.raises(InvalidInput) as refused, store.reading() as tx:
            tx.list_tickets(TicketFilter(created_after=first), cursor=None, limit=10)
        assert refused.value.field == "created_after"

    def test_tickets_are_counted_by_status(self, store: SqlStore) -> None:
        wanted = {status: number for number, status in enumerate(Status)}
        add(store, *(make_ticket(status=status) for status, number in wanted.items() for _ in range(number)))
        with store.reading() as tx:
            assert tx.counts_by_status() == {status: number for status, number in wanted.items() if number}
