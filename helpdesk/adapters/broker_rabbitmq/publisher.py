"""Publishing with confirms: pipelined, mandatory, each message with a time limit of its own."""

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import pika
from pika.channel import Channel
from pika.exceptions import ChannelClosedByBroker
from pika.spec import Basic

from helpdesk.adapters.broker_lanes import refuse_oversize
from helpdesk.adapters.broker_rabbitmq.connection import Link
from helpdesk.adapters.broker_rabbitmq.wire import LONGEST_ID, to_properties
from helpdesk.errors import BrokerUnavailable, InvalidInput, PublishUnconfirmed, QueueFull, Unroutable
from helpdesk.ports.broker import Envelope

LOOK_S = 0.1
"""How often overdue confirms are looked for, while any are awaited."""


class _Batch:
    """What one call of ``publish`` waits for."""

    def __init__(self, size: int, timeout_s: float) -> None:
        self.results: list[BrokerUnavailable | None] = [None] * size
        self.timeout_s = timeout_s
        self.done = threading.Event()
        self._open = size

    def settle(self, index: int, result: BrokerUnavailable | None) -> None:
        self.results[index] = result
        self._open -= 1
        if self._open == 0:
            self.done.set()


@dataclass(slots=True, eq=False)
class _Message:
    batch: _Batch
    index: int
    destination: str
    message_id: str
    properties: pika.BasicProperties
    body: bytes
    since: float
    returned: bool = False
    sent_again: bool = False

    def settle(self, result: BrokerUnavailable | None) -> None:
        self.batch.settle(self.index, result)


class RabbitMqPublisher:
    """A channel in confirm mode. ``publish`` and ``close`` are for any thread; all else is in the I/O thread."""

    def __init__(self, link: Link, *, max_in_flight: int) -> None:
        self._link, self._max_in_flight = link, max_in_flight
        self._waiting: deque[_Message] = deque()
        self._again: list[_Message] = []
        self._in_flight: dict[int, _Message] = {}
        self._channel: Channel | None = None
        self._last_tag = 0
        self._last_confirm = 0.0
        self._looking = self._closed = False
        link.io.call(lambda: link.add(self))

    def publish(self, envelopes: Sequence[Envelope], *, timeout_s: float) -> list[BrokerUnavailable | None]:
        refuse_oversize(envelopes)
        return self.send(envelopes, timeout_s=timeout_s)

    def send(self, envelopes: Sequence[Envelope], *, timeout_s: float) -> list[BrokerUnavailable | None]:
        """Publish without a limit on the size: what came out of the broker may go back."""
        if not envelopes:
            return []
        for envelope in envelopes:
            if not 0 < len(envelope.message_id.encode()) <= LONGEST_ID:
                raise InvalidInput(f"1 to {LONGEST_ID} bytes are possible", field="message_id")
        self._link.wait_ready(timeout_s, to_publish=True)
        batch, now = _Batch(len(envelopes), timeout_s), time.monotonic()
        messages = [
            _Message(batch, index, item.destination, item.message_id, to_properties(item), item.body, now)
            for index, item in enumerate(envelopes)
        ]
        self._link.io.call(lambda: self._accept(messages))
        while not batch.done.wait(1.0):  # ends: each is confirmed, refused, overdue, or lost with the connection
            if self._link.is_closed:
                raise BrokerUnavailable("the broker was closed")
        return batch.results

    def close(self) -> None:
        done = threading.Event()
        self._link.io.call(lambda: self._close(done))
        while not self._link.is_closed and not done.wait(LOOK_S):
            pass

    def link_up(self, _connection: pika.SelectConnection) -> None:
        self._link.channel(self._prepare, self._channel_closed)

    def link_down(self, problem: BrokerUnavailable) -> None:
        self._channel = None
        self._give_up(PublishUnconfirmed(f"connection lost before the confirm: {problem}"), problem)

    def _accept(self, messages: list[_Message]) -> None:
        self._waiting.extend(messages)
        if self._closed:
            self._give_up(BrokerUnavailable("the publisher is closed"), BrokerUnavailable("the publisher is closed"))
            return
        self._pump()
        if not self._looking:
            self._looking = True
            self._look()

    def _prepare(self, channel: Channel) -> None:
        channel.add_on_return_callback(self._on_return)
        channel.confirm_delivery(self._on_confirm, callback=lambda _frame: self._start(channel))

    def _start(self, channel: Channel) -> None:
        self._channel, self._last_tag = channel, 0
        self._pump()

    def _pump(self) -> None:
        channel = self._channel
        while channel is not None and channel.is_open and self._waiting and len(self._in_flight) < self._max_in_flight:
            message = self._waiting.popleft()
            message.since, message.returned = time.monotonic(), False
            self._last_tag += 1
            self._in_flight[self._last_tag] = message
            channel.basic_publish(
                self._link.topology.exchange, message.destination, message.body, message.properties, mandatory=True
            )

    def _on_return(self, _channel: Channel, _method: object, properties: pika.BasicProperties, _body: bytes) -> None:
        """Note a message that no queue took; its confirm comes next, and would look like success."""
        for message in self._in_flight.values():
            if message.message_id == properties.message_id and not message.returned:
                message.returned = True
                return

    def _on_confirm(self, frame: pika.frame.Method) -> None:
        self._last_confirm = time.monotonic()
        tag, positive = frame.method.delivery_tag, isinstance(frame.method, Basic.Ack)
        tags = [tag]
        if frame.method.multiple:
            tags = [sent for sent in self._in_flight if sent <= tag]
        for confirmed in tags:
            message = self._in_flight.pop(confirmed, None)
            if message is None:  # overdue, and reported as such
                continue
            if not positive:
                message.settle(QueueFull(f"RabbitMQ refused a message for {message.destination}: the queue is full"))
            elif not message.returned:
                message.settle(None)
            elif message.sent_again or message.destination not in self._link.topology.destinations:
                message.settle(Unroutable(f"no queue is bound for {message.destination!r}"))
            else:
                self._send_again(message)
        self._pump()

    def _send_again(self, message: _Message) -> None:
        """Send what no queue took once more, after creating anew what was deleted under way."""
        message.sent_again = True
        self._again.append(message)
        if len(self._again) > 1:
            return
        channel, self._channel = self._channel, None  # nothing goes out before the topology is back

        def resume() -> None:
            self._waiting.extendleft(reversed(self._again))
            self._again.clear()
            if channel is not None and channel.is_open:
                self._channel = channel
                self._pump()

        self._link.redeclare(resume)

    def _channel_closed(self, _channel: Channel, reason: Exception) -> None:
        """Go on with a new channel after the server closed ours, as it does when the exchange is gone."""
        self._channel = None
        if self._closed or not isinstance(reason, ChannelClosedByBroker):
            return  # a lost connection is told to `link_down`
        unknown, returned = list(self._in_flight.values()), self._again
        self._in_flight, self._again = {}, []
        for message in unknown:
            if message.sent_again:
                message.settle(PublishUnconfirmed(f"channel closed before the confirm: {reason.reply_text}"))
        once_more = returned + [message for message in unknown if not message.sent_again]
        for message in once_more:
            message.sent_again = True
        self._waiting.extendleft(reversed(once_more))
        self._link.redeclare(lambda: self._link.channel(self._prepare, self._channel_closed))

    def _look(self) -> None:
        """Report what is overdue; when nothing at all was confirmed meanwhile, the connection is no good."""
        now = time.monotonic()
        overdue = [tag for tag, item in self._in_flight.items() if now - item.since > item.batch.timeout_s]
        silent = bool(overdue) and self._last_confirm < self._in_flight[overdue[0]].since
        for tag in overdue:
            message = self._in_flight.pop(tag)
            message.settle(PublishUnconfirmed(f"no confirm within {message.batch.timeout_s:g} s"))
        head = self._waiting[0] if self._waiting else None
        stuck = head is not None and now - max(head.since, self._last_confirm) > head.batch.timeout_s
        if silent and not self._link.is_blocked:
            self._link.drop(BrokerUnavailable("RabbitMQ has stopped to confirm"))
        elif stuck:
            self._give_up(PublishUnconfirmed("no confirm in time"), BrokerUnavailable("no turn to be sent in time"))
        self._pump()
        if self._in_flight or self._waiting:
            self._link.io.loop.call_later(LOOK_S, self._look)
        else:
            self._looking = False

    def _give_up(self, unknown: BrokerUnavailable, unsent: BrokerUnavailable) -> None:
        in_flight, waiting = list(self._in_flight.values()), [*self._again, *self._waiting]
        self._in_flight.clear()
        self._again.clear()
        self._waiting.clear()
        for message in in_flight:
            message.settle(unknown)
        for message in waiting:
            message.settle(unsent)

    def _close(self, done: threading.Event) -> None:
        self._closed = True
        self._link.remove(self)
        self._give_up(PublishUnconfirmed("closed before the confirm"), BrokerUnavailable("the publisher is closed"))
        if self._channel is not None and self._channel.is_open:
            self._channel.close()
        done.set()
