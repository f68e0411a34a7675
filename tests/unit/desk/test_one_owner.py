"""Whichever way a ticket is taken, nobody else gets it. On both brokers."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta

import pytest

import relay.outbox
from helpdesk.desk import BROKER_CONSUMER
from helpdesk.errors import (
    AlreadyClaimed,
    QueueEmpty,
)
from helpdesk.messages import TicketRouted
from helpdesk.tickets import Status
from tests.desk_shop import LEASE_S, BrokerAgent, DeskShop
from tests.factories import NOON


def test_a_ticket_claimed_over_http_is_gone_from_the_broker_queue(any_shop: DeskShop) -> None:
    ticket_id = any_shop.queued()
    other = any_shop.queued()
    assert any_shop.waiting_in_broker() == 2
    claimed = any_shop.desk.claim(ticket_id, "maria")
    assert (claimed.status, claimed.claimed_by) == (Status.CLAIMED, "maria")
    assert claimed.claimed_until == NOON + timedelta(seconds=LEASE_S)
    assert any_shop.waiting_in_broker() == 1
    with closing(BrokerAgent(any_shop)) as agent:
        taken = agent.take()
        assert taken[1].ticket_id == other
        assert agent.look(wait_s=0.3) is None


def test_a_ticket_taken_from_the_broker_cannot_be_claimed_over_http(
    any_shop: DeskShop, broker_agent: BrokerAgent
) -> None:
    ticket_id = any_shop.queued()
    broker_agent.take()
    with pytest.raises(AlreadyClaimed, match="taken from queue REFUND of the broker"):
        any_shop.desk.claim(ticket_id, "maria")
    assert any_shop.ticket(ticket_id).claimed_by == BROKER_CONSUMER
    with pytest.raises(AlreadyClaimed):
        any_shop.desk.claim(ticket_id, "omar")
    with pytest.raises(QueueEmpty):
        any_shop.desk.claim_next("REFUND", "omar")


def test_who_took_the_message_claims_the_ticket_by_its_entry_id(any_shop: DeskShop, broker_agent: BrokerAgent) -> None:
    ticket_id = any_shop.queued()
    taken = broker_agent.take()
    delivery, message = taken
    claimed = any_shop.desk.claim(ticket_id, "omar", entry_id=message.entry_id)
    assert claimed.claimed_by == "omar"
    assert delivery.ack()
    with pytest.raises(AlreadyClaimed):
        any_shop.desk.claim(ticket_id, "maria")
    assert any_shop.desk.reply(ticket_id, "omar", "Here it is.").status is Status.REPLIED


def test_who_took_the_message_still_gets_the_ticket_after_somebody_tried_over_http(
    any_shop: DeskShop, broker_agent: BrokerAgent
) -> None:
    ticket_id = any_shop.queued()
    taken = broker_agent.take()
    with pytest.raises(AlreadyClaimed):
        any_shop.desk.claim(ticket_id, "maria")
    assert any_shop.desk.claim(ticket_id, "omar", entry_id=taken[1].entry_id).claimed_by == "omar"


def test_a_second_bearer_of_the_same_entry_id_gets_nothing(any_shop: DeskShop, broker_agent: BrokerAgent) -> None:
    ticket_id = any_shop.queued()
    taken = broker_agent.take()
    any_shop.desk.claim(ticket_id, "omar", entry_id=taken[1].entry_id)
    with pytest.raises(AlreadyClaimed, match="no longer in force"):
        any_shop.desk.claim(ticket_id, "maria", entry_id=taken[1].entry_id)


def test_an_entry_id_that_was_guessed_or_is_out_of_force_claims_nothing(
    any_shop: DeskShop, broker_agent: BrokerAgent
) -> None:
    ticket_id = any_shop.queued()
    with pytest.raises(AlreadyClaimed, match="no longer in force"):
        any_shop.desk.claim(ticket_id, "omar", entry_id="0" * 32)
    taken = broker_agent.take()
    any_shop.desk.claim(ticket_id, "omar", entry_id=taken[1].entry_id)
    any_shop.desk.release(ticket_id, "omar")
    with pytest.raises(AlreadyClaimed, match="no longer in force"):
        any_shop.desk.claim(ticket_id, "omar", entry_id=taken[1].entry_id)


def test_a_claim_before_the_relay_sent_the_entry_leaves_nothing_for_the_broker(any_shop: DeskShop) -> None:
    ticket_id = any_shop.queued(relayed=False)
    any_shop.desk.claim(ticket_id, "maria")
    assert not any(isinstance(message, TicketRouted) for message in any_shop.unsent())
    any_shop.relay()
    assert any_shop.waiting_in_broker() == 0


def test_a_claim_while_the_relay_sends_the_entry_takes_the_copy_back(
    any_shop: DeskShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket_id = any_shop.queued(relayed=False)
    # The relay passes its fail-point after it has published, and before it deletes what was confirmed.
    monkeypatch.setattr(relay.outbox, "failpoint", lambda _: any_shop.desk.claim(ticket_id, "maria"))
    any_shop.relay()
    assert any_shop.ticket(ticket_id).claimed_by == "maria"
    assert any_shop.waiting_in_broker() == 0


def test_of_many_who_claim_one_ticket_at_once_one_gets_it(any_shop: DeskShop) -> None:
    ticket_id = any_shop.queued()
    start = threading.Barrier(8)

    def claim(agent: str) -> str | None:
        start.wait()
        try:
            return any_shop.desk.claim(ticket_id, agent).claimed_by
        except AlreadyClaimed:
            return None

    with ThreadPoolExecutor(8) as threads:
        owners = [owner for owner in threads.map(claim, (f"agent-{n}" for n in range(8))) if owner]
    assert owners == [any_shop.ticket(ticket_id).claimed_by]


def test_of_many_who_empty_a_queue_at_once_over_both_ways_nobody_shares_a_ticket(any_shop: DeskShop) -> None:
    tickets = {any_shop.queued() for _ in range(12)}
    owners: list[tuple[str, str]] = []
    start = threading.Barrier(4)

    def over_http(agent: str) -> None:
        start.wait()
        while True:
            try:
                owners.append((any_shop.desk.claim_next("REFUND", agent).ticket_id, agent))
            except QueueEmpty:
                return

    def over_the_broker(name: str) -> None:
        with closing(BrokerAgent(any_shop)) as agent:
            start.wait()
            while (taken := agent.look(wait_s=1.0)) is not None:
                delivery, message = taken
                try:
                    any_shop.desk.claim(message.ticket_id, name, entry_id=message.entry_id)
                    owners.append((message.ticket_id, name))
                except AlreadyClaimed:
                    pass
                delivery.ack()

    threads = [threading.Thread(target=over_http, args=(f"http-{n}",)) for n in range(2)]
    threads += [threading.Thread(target=over_the_broker, args=(f"amqp-{n}",)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ticket for ticket, _ in owners) == sorted(tickets)
    assert {ticket: any_shop.ticket(ticket).claimed_by for ticket in tickets} == dict(owners)


def test_a_ticket_comes_back_to_the_broker_queue_when_the_claim_runs_out(any_shop: DeskShop) -> None:
    ticket_id = any_shop.claimed()
    any_shop.wait(LEASE_S + 1)
    assert any_shop.desk.return_expired_claim(ticket_id) is not None
    any_shop.relay()
    with closing(BrokerAgent(any_shop)) as agent:
        taken = agent.take()
    assert taken[1].ticket_id == ticket_id


def test_between_the_steps_of_an_http_claim_the_bearer_of_the_message_wins(
    any_shop: DeskShop, broker_agent: BrokerAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket_id = any_shop.queued()
    taken = broker_agent.take()
    withdraw = any_shop.broker.withdraw

    def claimed_meanwhile(destination: str, message_id: str) -> bool:
        any_shop.desk.claim(ticket_id, "omar", entry_id=taken[1].entry_id)
        return withdraw(destination, message_id)

    monkeypatch.setattr(any_shop.broker, "withdraw", claimed_meanwhile)
    with pytest.raises(AlreadyClaimed):
        any_shop.desk.claim(ticket_id, "maria")
    assert any_shop.ticket(ticket_id).claimed_by == "omar"


def test_two_requests_of_one_agent_at_once_do_not_lose_the_ticket(
    any_shop: DeskShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket_id = any_shop.queued()
    withdraw = any_shop.broker.withdraw

    def clicked_twice(destination: str, message_id: str) -> bool:
        monkeypatch.setattr(any_shop.broker, "withdraw", withdraw)
        any_shop.desk.claim(ticket_id, "maria")
        return withdraw(destination, message_id)

    monkeypatch.setattr(any_shop.broker, "withdraw", clicked_twice)
    assert any_shop.desk.claim(ticket_id, "maria").claimed_by == "maria"
    assert any_shop.desk.reply(ticket_id, "maria", "Done.").status is Status.REPLIED
