"""Taking the next ticket of several queues, and acting on what was seen."""

from collections.abc import Callable
from typing import Any

import pytest

from helpdesk.errors import AtCapacity, QueueEmpty, VersionConflict
from helpdesk.tickets import Priority, Status
from tests.desk_shop import DeskShop


def test_high_priority_comes_first_then_the_queue_that_waits_longest(shop: DeskShop) -> None:
    oldest = shop.queued("ORDER")
    shop.wait(10)
    younger = shop.queued("REFUND")
    shop.wait(10)
    urgent = shop.queued("INVOICE", priority=Priority.HIGH)
    taken = [shop.desk.take_next("maria", capacity=9).ticket_id for _ in range(3)]
    assert taken == [urgent, oldest, younger]
    with pytest.raises(QueueEmpty, match="any queue"):
        shop.desk.take_next("maria", capacity=9)


def test_only_the_named_queues_count(shop: DeskShop) -> None:
    shop.queued("ORDER")
    with pytest.raises(QueueEmpty, match="these queues"):
        shop.desk.take_next("maria", queues=["REFUND"], capacity=9)


def test_nobody_takes_more_than_their_capacity(shop: DeskShop) -> None:
    held = shop.claimed("maria")
    shop.queued()
    with pytest.raises(AtCapacity, match="holds 1 tickets and may hold 1"):
        shop.desk.take_next("maria", capacity=1)
    shop.desk.reply(held, "maria", "Done.")
    assert shop.desk.take_next("maria", capacity=1)


@pytest.mark.parametrize(
    "act",
    [
        lambda shop, ticket_id, version: shop.desk.reply(ticket_id, "maria", "Done.", version=version),
        lambda shop, ticket_id, version: shop.desk.release(ticket_id, "maria", version=version),
        lambda shop, ticket_id, version: shop.desk.transfer(ticket_id, "maria", queue="ORDER", version=version),
        lambda shop, ticket_id, version: shop.desk.resolve(ticket_id, "maria", version=version),
    ],
    ids=["reply", "release", "transfer", "resolve"],
)
def test_what_was_changed_since_it_was_seen_is_left_alone(
    shop: DeskShop, act: Callable[[DeskShop, str, int], Any]
) -> None:
    ticket_id = shop.claimed("maria")
    seen = shop.ticket(ticket_id).version
    shop.desk.add_customer_message(ticket_id, "It came!", owner=None, decide_within_s=60)
    with pytest.raises(VersionConflict, match="Look at it again"):
        act(shop, ticket_id, seen)
    assert shop.ticket(ticket_id).status is Status.CLAIMED
    act(shop, ticket_id, shop.ticket(ticket_id).version)


def test_a_closed_ticket_is_reopened_only_as_it_was_seen(shop: DeskShop) -> None:
    ticket_id = shop.answered()
    with pytest.raises(VersionConflict):
        shop.desk.reopen(ticket_id, "maria", version=99)
    assert shop.desk.reopen(ticket_id, "maria", version=shop.ticket(ticket_id).version).status is Status.QUEUED
