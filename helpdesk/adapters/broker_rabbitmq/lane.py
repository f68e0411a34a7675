"""One queue of a consumer: its channel, the messages that came by it, and which of them are settled."""

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Protocol

from pika.channel import Channel

from helpdesk.adapters.broker_lanes import dead_headers, retry_step_s
from helpdesk.adapters.broker_rabbitmq.connection import BACK_OFF_S
from helpdesk.ports.broker import DEAD, LANES, Envelope


class _Consumer(Protocol):
    """What settles a delivery, from any thread."""

    def ack(self, delivery: "RabbitMqDelivery") -> bool: ...

    def move(self, delivery: "RabbitMqDelivery", envelope: Envelope) -> bool: ...

    def retry_destination(self, lane: str, step_s: int) -> str: ...


class RabbitMqDelivery:
    """A message, bound to the channel that delivered it."""

    def __init__(
        self, consumer: _Consumer, lane: "Lane", channel: Channel, tag: int, envelope: Envelope, malformed: str
    ) -> None:
        self.envelope, self.lane, self.channel, self.tag, self.malformed = envelope, lane, channel, tag, malformed
        self._consumer = consumer

    def ack(self) -> bool:
        return self._consumer.ack(self)

    def retry(self, delay_s: float) -> bool:
        """Publish to the ladder with confirm, then ack. Only lanes have a ladder; elsewhere it comes again soon."""
        source = self.envelope.destination
        target = self._consumer.retry_destination(source, retry_step_s(delay_s)) if source in LANES else source
        return self._consumer.move(self, replace(self.envelope, destination=target, attempt=self.envelope.attempt + 1))

    def dead_letter(self, reason: str) -> bool:
        """Publish to ``dead`` with confirm, then ack."""
        headers = dead_headers(self.envelope, reason)
        return self._consumer.move(self, replace(self.envelope, destination=DEAD, headers=headers))


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

    def ack(self, deliveries: Iterable[RabbitMqDelivery]) -> None:
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

    def give_back(self, deliveries: Iterable[RabbitMqDelivery]) -> None:
        """Let the broker put messages back to where they were."""
        for tag in self._settle(deliveries):
            self.channel.basic_nack(tag, requeue=True)

    def _settle(self, deliveries: Iterable[RabbitMqDelivery]) -> list[int]:
        """Return the tags of those that came through the present channel."""
        tags = [delivery.tag for delivery in deliveries if delivery.channel is self.channel and self.is_open]
        self._settled.update(tags)
        return tags
