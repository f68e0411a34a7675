"""One queue of a consumer: its channel, what waits in memory, and which messages of the channel are settled."""

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pika.channel import Channel

from helpdesk.adapters.broker_rabbitmq.connection import BACK_OFF_S

if TYPE_CHECKING:
    from helpdesk.adapters.broker_rabbitmq.consumer import RabbitMqDelivery


class Lane:
    """Used in the I/O thread only, but for ``buffer``, which the consumer's lock guards.

    A message belongs to the channel that delivered it: after that is closed, the broker has taken the message back,
    and its tag may mean another message on the next channel.
    """

    def __init__(self, destination: str) -> None:
        self.destination = destination
        self.buffer: deque[RabbitMqDelivery] = deque()
        self.channel: Any = None  # pika is untyped
        self.is_opening = False
        self.consumer_tags: list[str] = []
        self.back_off_s = BACK_OFF_S[0]
        self.starved = 0
        self._unsettled: deque[int] = deque()
        self._settled: set[int] = set()

    def opened(self, channel: Channel) -> None:
        self.channel, self.is_opening, self.consumer_tags = channel, False, []
        self._unsettled.clear()
        self._settled.clear()

    def closed(self) -> None:
        self.channel, self.is_opening, self.consumer_tags = None, False, []

    @property
    def is_open(self) -> bool:
        return self.channel is not None and bool(self.channel.is_open)

    @property
    def is_idle(self) -> bool:
        """True when we consume, and no message of this channel is with us."""
        return self.is_open and bool(self.consumer_tags) and len(self._unsettled) == len(self._settled)

    def arrived(self, tag: int) -> None:
        self.starved = 0
        self._unsettled.append(tag)

    def ack(self, deliveries: Iterable["RabbitMqDelivery"]) -> None:
        """Acknowledge; all that is settled without a gap, from the oldest message on, with a single frame."""
        tags = self._settle(deliveries)
        last = 0
        while self._unsettled and self._unsettled[0] in self._settled:
            tag = self._unsettled.popleft()
            self._settled.remove(tag)
            if tag in tags:  # a frame may only name what no earlier one has settled, else the channel is closed
                last = tag
        if last:
            self.channel.basic_ack(last, multiple=True)
        for tag in tags:
            if tag > last:
                self.channel.basic_ack(tag)

    def give_back(self, deliveries: Iterable["RabbitMqDelivery"]) -> None:
        """Let the broker put messages back to where they were."""
        for tag in self._settle(deliveries):
            self.channel.basic_nack(tag, requeue=True)

    def _settle(self, deliveries: Iterable["RabbitMqDelivery"]) -> list[int]:
        """Return the tags of those that came through the present channel."""
        tags = [delivery.tag for delivery in deliveries if delivery.channel is self.channel and self.is_open]
        self._settled.update(tags)
        return tags
