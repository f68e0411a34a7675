"""A message that ends its worker is found out by its own count, and no neighbour is counted with it for long."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from helpdesk.envelopes import submission_id
from helpdesk.policy.rules import load_policy
from helpdesk.ports.broker import DEAD, LANES, Consumer, Delivery
from helpdesk.tickets import Status
from processor.considering import Consideration
from processor.handling import Handler
from tests.shop import Shop

NEIGHBOURS = 4


class ProcessEnds(BaseException):
    """Stands for SIGKILL: nothing of ours runs any more."""


@pytest.fixture(params=["extractive", "remote"])
def fatal_shop(shop: Shop, request: pytest.FixtureRequest) -> Shop:
    """A shop whose predictor ends the process when it reads the word ``deadly``."""

    def end_at_deadly(texts: Sequence[str]) -> None:
        if any("deadly" in text for text in texts):
            raise ProcessEnds

    shop.predictor.before = end_at_deadly
    shop.writer.is_remote = request.param == "remote"
    return shop


def test_neighbours_that_always_come_after_a_deadly_message_are_answered(fatal_shop: Shop) -> None:
    shop = fatal_shop
    deadly = shop.submit("this is deadly")
    neighbours = [shop.submit(f"please cancel order {number}") for number in range(NEIGHBOURS)]
    consumer = shop.broker.consumer(LANES, prefetch=16)
    deliveries = receive(consumer, 1 + NEIGHBOURS)
    ends = 0
    with ThreadPoolExecutor(4) as writers:
        for _ in range(20):
            try:
                handler(shop, writers).handle(deliveries)
                break
            except ProcessEnds:
                ends += 1
    assert ends == shop.settings.processor.max_starts
    assert {shop.ticket(ticket_id).status for ticket_id in neighbours} == {Status.ANSWERED}
    assert shop.ticket(deadly).status is Status.FAILED
    assert shop.broker.depths()[DEAD] == 1
    with shop.store.transaction() as tx:
        begun = tx.start_messages([submission_id(ticket_id, 1) for ticket_id in neighbours], at=datetime.now(UTC))
    assert {entry.starts for entry in begun.values()} == {2}, "once with the deadly one, once alone"


def handler(shop: Shop, writers: ThreadPoolExecutor) -> Handler:
    """Return the handler of a new worker."""
    policy = load_policy(shop.settings.processor.policy_file)
    consideration = Consideration(shop.predictor, shop.knowledge, shop.writer, lambda: policy, passages=3)
    return Handler(shop.store, consideration, writers, max_starts=shop.settings.processor.max_starts, max_writing=16)


def receive(consumer: Consumer, count: int) -> list[Delivery]:
    deliveries: list[Delivery] = []
    while len(deliveries) < count:
        deliveries += consumer.receive(count, wait_s=5)
    return deliveries
