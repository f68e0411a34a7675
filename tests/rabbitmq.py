"""Broker objects on a topology of their own, and plain channels beside them, for tests against a RabbitMQ server."""

import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any, Self

import pika
from pika.adapters.blocking_connection import BlockingChannel

from helpdesk.adapters.broker_rabbitmq import RabbitMqBroker
from helpdesk.adapters.broker_rabbitmq.topology import Topology
from helpdesk.settings import BrokerSettings

_versions = count(random.randrange(10_000, 900_000))


@contextmanager
def plain_channel(url: str) -> Iterator[BlockingChannel]:
    """Open a channel without our adapter, as a stranger would."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    try:
        yield connection.channel()
    finally:
        with suppress(pika.exceptions.AMQPError):
            connection.close()


class Brokers:
    """Opens brokers on one topology that nobody else has; at the end of the block all of it is removed."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._opened: list[RabbitMqBroker] = []
        self._version = next(_versions)
        self.topology = Topology(self._version, max_lane_length=1)

    def settings(self, **settings: Any) -> BrokerSettings:
        """Return settings that notice faults soon."""
        quick = {"heartbeat_s": 5, "confirm_timeout_s": 8.0, "blocked_timeout_s": 4.0}
        return BrokerSettings(topology_version=self._version, **(quick | settings))

    def open(self, url: str = "", **settings: Any) -> RabbitMqBroker:
        """Open a broker, by default without a proxy between it and the server."""
        self._opened.append(RabbitMqBroker(url or self._url, self.settings(**settings)))
        return self._opened[-1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for broker in self._opened:
            broker.close()
        with plain_channel(self._url) as channel:
            for queue in self.topology.queues("3"):
                channel.queue_delete(queue.name)
            channel.exchange_delete(self.topology.exchange)
