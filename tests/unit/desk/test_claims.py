"""Claims: who gets a ticket, for how long, and in which order."""

from contextlib import closing
from datetime import timedelta

import pytest

from helpdesk.adapters.broker_rabbitmq import RabbitMqBroker
from helpdesk.adapters.store_sql import SqlStore
from helpdesk.desk import Desk
from helpdesk.errors import (
    AlreadyClaimed,
    IllegalTransition,
    NotClaimed,
    QueueEmpty,
    QueueNotFound,
    TicketNotFound,
    VersionConflict,
)
from helpdesk.settings import BrokerSettings
from helpdesk.tickets import Action, Priority, Status
from tests.desk_shop import LEASE_S, BrokerAgent, DeskShop
from tests.factories import NOON
from tests.servers import free_port


def test_the_holder_renews_the_claim_by_claiming_again(shop: DeskShop) -> None:
    ticket_id = shop.claimed()
    shop.wait(LEASE_S - 1)
    renewed = shop.desk.claim(ticket_id, "maria")
    assert renewed.claimed_until == shop.now + timedelta(seconds=LEASE_S)
    assert [action for action, _, _ in shop.history(ticket_id)].count(Action.CLAIM) == 1


def test_nobody_else_gets_it_before_the_lease_is_over_and_anybody_after(shop: DeskShop) -> None:
    ticket_id = shop.claimed()
    shop.wait(LEASE_S - 1)
    with pytest.raises(AlreadyClaimed, match="is with maria"):
        shop.desk.claim(ticket_id, "omar")
    shop.wait(1)
    assert shop.desk.claim(ticket_id, "omar").claimed_by == "omar"
    assert shop.history(ticket_id)[-1] == (Action.CLAIM, "omar", "taken over from maria")
    with pytest.raises(NotClaimed):
        shop.desk.reply(ticket_id, "maria", "Too late.")


def test_a_claim_that_ran_out_returns_by_itself_to_its_place_in_the_queue(shop: DeskShop) -> None:
    first = shop.queued()
    shop.wait(1)
    shop.queued()
    entry_id = shop.ticket(first).entry_id
    shop.desk.claim(first, "maria")
    assert shop.desk.return_expired_claim(first) is None
    shop.wait(LEASE_S)
    returned = shop.desk.return_expired_claim(first)
    assert returned is not None
    assert (returned.status, returned.claimed_by, returned.queued_at) == (Status.QUEUED, None, NOON)
    assert returned.entry_id not in {None, entry_id}
    assert shop.history(first)[-1] == (Action.EXPIRE, "watchdog", "The claim by maria ran out.")
    assert shop.desk.claim_next("REFUND", "omar").ticket_id == first


def test_the_queue_gives_high_priority_first_then_the_longest_waiting(shop: DeskShop) -> None:
    old = shop.queued()
    shop.wait(1)
    new = shop.queued()
    shop.wait(1)
    urgent = shop.queued(priority=Priority.HIGH)
    order = [shop.desk.claim_next("REFUND", "maria").ticket_id for _ in range(3)]
    assert order == [urgent, old, new]
    with pytest.raises(QueueEmpty):
        shop.desk.claim_next("REFUND", "maria")


def test_a_queue_of_another_name_does_not_exist(shop: DeskShop) -> None:
    with pytest.raises(QueueNotFound, match="REFUND"):
        shop.desk.claim_next("refund", "maria")
    ticket_id = shop.claimed()
    with pytest.raises(QueueNotFound):
        shop.desk.transfer(ticket_id, "maria", queue="BASEMENT")


def test_a_closed_ticket_cannot_be_claimed(shop: DeskShop) -> None:
    with pytest.raises(IllegalTransition):
        shop.desk.claim(shop.answered(), "maria")


def test_a_ticket_of_an_unknown_id_does_not_exist(shop: DeskShop) -> None:
    with pytest.raises(TicketNotFound):
        shop.desk.claim("0" * 32, "maria")


def test_the_machine_cannot_send_once_a_person_has_the_ticket(shop: DeskShop) -> None:
    ticket_id = shop.submitted()
    considered = shop.ticket(ticket_id)
    shop.desk.claim(ticket_id, "maria")
    with pytest.raises(VersionConflict), shop.store.transaction() as tx:
        tx.save([considered.after(Action.ANSWER, at=shop.now)])
    assert shop.ticket(ticket_id).claimed_by == "maria"


def test_while_the_broker_is_away_a_claim_holds_and_the_message_is_void_afterwards(
    store: SqlStore, shop: DeskShop
) -> None:
    ticket_id = shop.queued()
    url = f"amqp://guest:guest@127.0.0.1:{free_port()}/%2F"
    with closing(RabbitMqBroker(url, BrokerSettings(confirm_timeout_s=1, blocked_timeout_s=1))) as away:
        desk = Desk(store, away, claim_lease_s=LEASE_S, clock=lambda: shop.now)
        assert desk.claim(ticket_id, "maria").claimed_by == "maria"
    with closing(BrokerAgent(shop)) as agent:
        taken = agent.take()
        with pytest.raises(AlreadyClaimed):
            shop.desk.claim(ticket_id, "omar", entry_id=taken[1].entry_id)
