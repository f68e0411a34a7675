"""Exchange, queues and bindings: the same names on every server, the queue type by the server's version."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pika.channel import Channel

from helpdesk.adapters.broker_lanes import DESTINATIONS
from helpdesk.ports.broker import LANES, RETRY_LADDER_S

FIRST_QUORUM_VERSION = 4
"""Single-node quorum queues of 3.10 may stay without a leader after a crash; from 4 on they are the safe choice."""


NEVER = 2_000_000_000
"""A delivery limit that is not reached: the default of 4.x drops a message after 20 deliveries.

Not -1, which means no limit too, but makes a quorum queue put what is given back behind all others.
"""

Arguments = dict[str, str | int]


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable queue, bound to the exchange by its destination."""

    name: str
    destination: str
    arguments: Arguments


class Topology:
    """What Helpdesk needs to exist: ``tickets.v1`` and, bound to it, ``tickets.v1.<destination>``.

    Args:
        version: part of every name, because the arguments of an existing queue cannot change.
        max_lane_length: waiting messages per lane before the broker refuses more.
    """

    def __init__(self, version: int, *, max_lane_length: int) -> None:
        self.exchange = f"tickets.v{version}"
        self._max_lane_length = max_lane_length
        self.retries = tuple(self.retry(lane, step_s) for lane in LANES for step_s in RETRY_LADDER_S)
        self.destinations = frozenset((*DESTINATIONS, *self.retries, *(self.due(lane) for lane in LANES)))

    def queue(self, destination: str) -> str:
        """Return the queue's name, such as ``tickets.v1.human.REFUND``."""
        return f"{self.exchange}.{destination}"

    def lock(self, destination: str) -> str:
        """Return the name of the queue whose exclusive owner may search the destination's queue."""
        return f"{self.exchange}.lock.{destination}"

    @staticmethod
    def retry(lane: str, step_s: int) -> str:
        """Return the destination from which a message returns to ``lane`` after ``step_s``."""
        step = f"{step_s}s" if step_s < 60 else f"{step_s // 60}m"
        return f"retry.{lane.removeprefix('in.')}.{step}"

    @staticmethod
    def due(lane: str) -> str:
        """Return where retries wait whose time has come.

        Not in the lane itself: the server drops a message, silently, that it moves by itself into a full queue.
        """
        return f"retry.{lane.removeprefix('in.')}.due"

    def sources(self, destination: str) -> list[str]:
        """Return the names of the queues that a consumer of ``destination`` reads."""
        return [self.queue(destination), *([self.queue(self.due(destination))] if destination in LANES else [])]

    def queues(self, server_version: str) -> list[Queue]:
        """Return every queue with the arguments that fit the server."""
        quorum = int(server_version.partition(".")[0]) >= FIRST_QUORUM_VERSION
        common: Arguments = {"x-queue-type": "classic"}
        if quorum:
            common = {"x-queue-type": "quorum", "x-delivery-limit": NEVER}
        queues = []
        for lane in LANES:
            limit: Arguments = {"x-max-length": self._max_lane_length, "x-overflow": "reject-publish"}
            queues.append(Queue(self.queue(lane), lane, common | limit))
            queues.append(Queue(self.queue(self.due(lane)), self.due(lane), common))
            for step_s in RETRY_LADDER_S:
                back: Arguments = {
                    "x-message-ttl": step_s * 1000,
                    "x-dead-letter-exchange": self.exchange,
                    "x-dead-letter-routing-key": self.due(lane),
                }
                if quorum:
                    back |= {"x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}
                destination = self.retry(lane, step_s)
                queues.append(Queue(self.queue(destination), destination, common | back))
        others = [destination for destination in DESTINATIONS if destination not in LANES]
        return queues + [Queue(self.queue(destination), destination, common) for destination in others]

    def declare(self, channel: Channel, on_done: Callable[[], None]) -> None:
        """Create what is missing, in one round trip; the server closes the channel on the first thing that differs."""
        channel.exchange_declare(self.exchange, "topic", durable=True)
        for queue in self.queues(server_version(channel)):
            channel.queue_declare(queue.name, durable=True, arguments=queue.arguments)
            channel.queue_bind(queue.name, self.exchange, queue.destination)
        channel.exchange_declare(self.exchange, "topic", durable=True, callback=lambda _frame: on_done())


def server_version(channel: Channel) -> str:
    """Return what the server says of itself, such as ``3.10.8``."""
    version: Any = channel.connection.server_properties["version"]
    return version.decode() if isinstance(version, bytes) else str(version)
