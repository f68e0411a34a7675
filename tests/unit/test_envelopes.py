"""Envelopes: a turn has one message id for ever, and a queue entry holds what an agent needs."""

import json
from dataclasses import replace
from typing import Any

import pytest

from helpdesk import envelopes
from helpdesk.messages import TicketRouted, TicketSubmitted, decode
from helpdesk.tickets import Author, Priority, Status
from tests.factories import NOON, make_answer, make_message, make_ticket


def test_a_turn_has_the_same_message_id_however_often_it_is_published() -> None:
    ticket = make_ticket(ticket_id="0" * 32)
    assert envelopes.submission(ticket, at=NOON).message_id == "0a359bbee3d35920b499b574e8d62c13"
    again = envelopes.submission(replace(ticket, version=7), at=NOON)
    assert again.message_id == envelopes.submission_id("0" * 32, 1)


def test_another_turn_and_another_ticket_have_other_message_ids() -> None:
    ids = {envelopes.submission_id(ticket, turn) for ticket in ("a", "b") for turn in (1, 2, 11)}
    assert len(ids) == 6


@pytest.mark.parametrize("priority", list(Priority))
def test_a_submission_goes_into_the_lane_of_its_priority(priority: Priority) -> None:
    ticket = make_ticket(priority=priority)
    envelope = envelopes.submission(ticket, at=NOON)
    assert (envelope.destination, envelope.priority) == (f"in.{priority}", priority)
    message = decode(envelope.body)
    assert isinstance(message, TicketSubmitted)
    assert (message.ticket_id, message.turn, message.priority) == (ticket.ticket_id, 1, priority)


def test_a_queue_entry_holds_the_customers_last_words_and_the_reason() -> None:
    ticket = make_ticket(status=Status.QUEUED, queue="REFUND", queue_reason="No article fits.", intent="get_refund")
    conversation = [
        make_message(ticket, text="First."),
        make_message(ticket, text="Second."),
        make_message(ticket, text="We answered.", author=Author.MACHINE),
    ]
    envelope = envelopes.queue_entry(ticket, conversation, draft=make_answer(ticket, text="A draft."))
    assert (envelope.destination, envelope.message_id) == ("human.REFUND", ticket.entry_id)
    message = decode(envelope.body)
    assert isinstance(message, TicketRouted)
    assert (message.entry_id, message.ticket_id) == (ticket.entry_id, ticket.ticket_id)
    assert (message.text, message.reason, message.draft) == ("Second.", "No article fits.", "A draft.")
    assert message.draft_turn == ticket.turn
    assert (message.user, message.intent, message.routed_at) == (ticket.user, "get_refund", ticket.queued_at)


def test_an_entry_from_before_drafts_named_their_turn_is_still_read() -> None:
    ticket = make_ticket(status=Status.QUEUED)
    fields = json.loads(envelopes.queue_entry(ticket, [], draft=make_answer(ticket, text="A draft.")).body)
    del fields["draft_turn"]
    message = decode(json.dumps(fields).encode())
    assert isinstance(message, TicketRouted)
    assert (message.draft, message.draft_turn) == ("A draft.", None)


@pytest.mark.parametrize("missing", ["queue", "entry_id", "queued_at"])
def test_a_ticket_that_waits_in_no_queue_has_no_entry(missing: str) -> None:
    nothing: dict[str, Any] = {missing: None}
    ticket = make_ticket(status=Status.QUEUED, **nothing)
    with pytest.raises(ValueError, match="waits in no queue"):
        envelopes.queue_entry(ticket, [])


def test_entry_ids_cannot_be_guessed_from_one_another() -> None:
    ids = {envelopes.new_entry_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(len(entry_id) == 32 for entry_id in ids)
