"""The relay over the real store and the embedded queue: what cannot go out stops nothing else, and two do no harm."""

from datetime import UTC, datetime

import pytest

from helpdesk.dead_letters import DeadLetters
from helpdesk.errors import PayloadTooLarge
from helpdesk.messages import MAX_MESSAGE_BYTES
from helpdesk.ports.broker import LANES, Envelope, human
from helpdesk.ports.mailboxes import DeadLetter
from helpdesk.tickets import GENERAL, Status
from relay.outbox import Relay
from tests.shop import Shop

TOO_MUCH = b"x" * (MAX_MESSAGE_BYTES + 1)


def test_a_message_that_no_broker_takes_becomes_a_dead_letter_and_stops_no_other(shop: Shop) -> None:
    with shop.store.transaction() as tx:
        tx.add_outbox([(None, Envelope(message_id="huge", destination=LANES[1], body=TOO_MUCH))], at=datetime.now(UTC))
    ticket_id = shop.submit("please cancel my order")
    assert shop.relay.run_once() == (0, 0)
    with shop.store.reading() as tx:
        assert "cannot be published" in tx.dead_letter("huge").reason
    shop.start_worker()
    assert [ticket.status for ticket in shop.decided(ticket_id)] == [Status.ANSWERED]


def test_a_dead_letter_that_no_broker_takes_is_not_replayed(shop: Shop) -> None:
    letter = DeadLetter(
        message_id="huge",
        source=LANES[1],
        reason="It is too large.",
        body=TOO_MUCH,
        ticket_id=None,
        turn=None,
        attempts=1,
        created_at=datetime.now(UTC),
    )
    with shop.store.transaction() as tx:
        tx.add_dead_letter(letter)
    with pytest.raises(PayloadTooLarge):
        DeadLetters(shop.store, shop.broker, decide_within_s=120).replay("huge", "ada")
    with shop.store.reading() as tx:
        assert tx.outbox_depth()[0] == 0


def waiting_ticket(shop: Shop) -> str:
    """Return a ticket that waits in GENERAL, whose entry is still in the outbox."""
    ticket_id = shop.submit("far-off")
    shop.start_worker()
    [ticket] = shop.decided(ticket_id)
    shop.stop_worker()
    assert (ticket.status, ticket.queue) == (Status.QUEUED, GENERAL)
    return ticket_id


def publish_meanwhile(shop: Shop, monkeypatch: pytest.MonkeyPatch, meanwhile: object) -> None:
    """Let the relay publish once, and something happen between its publishing and its deleting."""
    assert callable(meanwhile)
    monkeypatch.setattr("relay.outbox.failpoint", lambda _: meanwhile())
    shop.relay.run_once()


def test_two_relays_that_send_the_same_entry_leave_it_in_its_queue(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket_id = waiting_ticket(shop)

    def another_relay() -> None:
        monkeypatch.undo()
        Relay(shop.store, shop.broker, confirm_timeout_s=5).run_once()

    publish_meanwhile(shop, monkeypatch, another_relay)
    assert shop.broker.depths()[human(GENERAL)] >= 1
    assert shop.desk.claim(ticket_id, "ada").claimed_by == "ada"


def test_an_entry_whose_ticket_was_claimed_while_it_went_out_is_taken_back(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket_id = waiting_ticket(shop)
    publish_meanwhile(shop, monkeypatch, lambda: shop.desk.claim(ticket_id, "ada"))
    assert shop.broker.depths()[human(GENERAL)] == 0
    assert shop.ticket(ticket_id).claimed_by == "ada"
