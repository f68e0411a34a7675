"""Steps of the broker tests: publish, receive, acknowledge, fill."""

import time
from collections.abc import Callable, Iterator, Sequence

from helpdesk.errors import BrokerUnavailable, QueueFull
from helpdesk.ports.broker import LANES, Broker, Consumer, Delivery, Envelope, Publisher, human

HIGH, NORMAL = LANES
REFUND = human("REFUND")


def envelope(message_id: str, destination: str = NORMAL, **fields: object) -> Envelope:
    return Envelope(message_id=message_id, destination=destination, body=b'{"n": 1}', **fields)  # type: ignore[arg-type]


def publish(broker: Broker, envelopes: Sequence[Envelope]) -> None:
    publisher = broker.publisher()
    assert publisher.publish(envelopes, timeout_s=30) == [None] * len(envelopes)
    publisher.close()


def ids(messages: Sequence[Delivery]) -> list[str]:
    return [message.envelope.message_id for message in messages]


def receive(consumer: Consumer, count: int, *, within_s: float = 10.0) -> list[Delivery]:
    """Return ``count`` deliveries, or fewer when they do not come in time."""
    received: list[Delivery] = []
    limit = time.monotonic() + within_s
    while len(received) < count and time.monotonic() < limit:
        received += consumer.receive(count - len(received), wait_s=0.2)
    return received


def drain(consumer: Consumer, *, idle_s: float = 1.0) -> Iterator[Delivery]:
    """Yield and acknowledge until nothing has come for a while."""
    while deliveries := consumer.receive(50, wait_s=idle_s):
        for delivery in deliveries:
            yield delivery
            delivery.ack()


def collect(consumer: Consumer, count: int, *, within_s: float) -> set[str]:
    """Receive and acknowledge until ``count`` different messages have come, or the time is up."""
    collected: set[str] = set()
    limit = time.monotonic() + within_s
    while len(collected) < count and time.monotonic() < limit:
        for delivery in consumer.receive(50, wait_s=0.2):
            collected.add(delivery.envelope.message_id)
            delivery.ack()
    return collected


def fill(publisher: Publisher) -> list[str]:
    """Publish to the normal lane until it refuses; return what it accepted."""
    for number in range(20):
        (result,) = publisher.publish([envelope(f"m{number}")], timeout_s=5)
        if result is not None:
            assert isinstance(result, QueueFull)
            return [f"m{accepted}" for accepted in range(number)]
    raise AssertionError("the lane accepted everything")


def drain_one_by_one(consumer: Consumer) -> Iterator[Delivery]:
    while deliveries := consumer.receive(1, wait_s=1.0):
        deliveries[0].ack()
        yield deliveries[0]


def eventually_publishes(
    publish_all: Callable[..., list[BrokerUnavailable | None]], message: Envelope, *, within_s: float = 15.0
) -> bool:
    """Publish until the broker holds the message, as the relay does."""
    limit = time.monotonic() + within_s
    while time.monotonic() < limit:
        try:
            if publish_all([message], timeout_s=2.0) == [None]:
                return True
        except BrokerUnavailable:
            pass
        time.sleep(0.1)
    return False
