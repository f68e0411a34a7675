"""Receiving: one channel per lane, local buffers, settling only on the channel that delivered."""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

import pika
from pika.channel import Channel
from pika.exceptions import ChannelClosed, ChannelClosedByBroker

from helpdesk.adapters.broker_lanes import LaneTurns
from helpdesk.adapters.broker_rabbitmq.connection import (
    ACCESS_REFUSED,
    BACK_OFF_S,
    MISCONFIGURED_PAUSE_S,
    Link,
    misconfigured,
)
from helpdesk.adapters.broker_rabbitmq.lane import Lane, RabbitMqDelivery
from helpdesk.adapters.broker_rabbitmq.publisher import RabbitMqPublisher
from helpdesk.adapters.broker_rabbitmq.wire import Malformed, salvage, to_envelope
from helpdesk.errors import BrokerMisconfigured, BrokerUnavailable
from helpdesk.ports.broker import Delivery, Envelope

logger = logging.getLogger(__name__)

GIVE_BACK_PAUSE_S = 1.0
"""A message that could not be moved returns to its queue after this long, so that it does not come back in a loop."""

LOOK_S = 5.0
"""How often idle lanes are looked after."""

STARVED_LOOKS = 3
"""So often messages may wait for a lane to which none comes, before it opens a new channel."""


class RabbitMqConsumer:
    """Hands out messages from the buffers of its lanes; at most ``prefetch`` are handed out and unsettled.

    Args:
        publisher: makes the publisher that moves messages to the ladder and to ``dead``.
    """

    def __init__(
        self,
        link: Link,
        destinations: Sequence[str],
        *,
        prefetch: int,
        publisher: Callable[[], RabbitMqPublisher],
        confirm_timeout_s: float,
    ) -> None:
        self._link, self._prefetch = link, prefetch
        self._publisher, self._confirm_timeout_s = publisher, confirm_timeout_s
        self._lanes = [Lane(destination) for destination in destinations]
        self._turns = LaneTurns(len(self._lanes))
        self._state = threading.Condition()
        self._handed_out: set[RabbitMqDelivery] = set()
        self._arrived: list[RabbitMqDelivery] = []
        self._acked: list[RabbitMqDelivery] = []
        self._problem: BrokerUnavailable | None = None
        self._paused = self._closed = False
        link.io.call(lambda: link.add(self))
        link.io.call(self._look_after_idle_lanes)

    def receive(self, limit: int, *, wait_s: float) -> list[Delivery]:
        until = time.monotonic() + wait_s
        while True:
            taken = self._take(limit, until)
            fit = [delivery for delivery in taken if not delivery.malformed]
            for delivery in taken:
                if delivery.malformed:
                    logger.warning("malformed message", extra={"reason": delivery.malformed})
                    delivery.dead_letter(delivery.malformed)
            if fit or not taken:
                return list(fit)

    def pause(self) -> None:
        with self._state:
            self._paused = True
        self._link.io.call(self._stop_consuming)

    def resume(self) -> None:
        with self._state:
            self._paused = False
        self._link.io.call(self._start_consuming)

    def close(self) -> None:
        done = threading.Event()
        with self._state:
            self._closed = True
            self._handed_out.clear()
            self._state.notify_all()
        self._link.io.call(lambda: self._close(done))
        while not self._link.is_closed and not done.wait(0.1):
            pass

    def retry_destination(self, lane: str, step_s: int) -> str:
        return self._link.topology.retry(lane, step_s)

    def ack(self, delivery: RabbitMqDelivery) -> bool:
        with self._state:
            if not self._let_go(delivery):
                return False
            self._acked.append(delivery)
            if len(self._acked) == 1:  # otherwise a flush that takes this one along is under way
                self._link.io.call(self._flush_acks)
        return True

    def move(self, delivery: RabbitMqDelivery, envelope: Envelope) -> bool:
        """Publish ``envelope`` with confirm, then ack ``delivery``; without a confirm the message stays where it is."""
        with self._state:
            if delivery not in self._handed_out:
                return False
        try:
            (problem,) = self._publisher().send([envelope], timeout_s=self._confirm_timeout_s)
        except BrokerUnavailable as error:
            problem = error
        if problem is None:
            return self.ack(delivery)
        logger.warning("cannot move message", extra={"to": envelope.destination, "reason": str(problem)})
        with self._state:
            is_ours = self._let_go(delivery)
        if is_ours:
            give_back = partial(delivery.lane.give_back, [delivery])
            self._link.io.call(lambda: self._link.io.loop.call_later(GIVE_BACK_PAUSE_S, give_back))
        return False

    def _take(self, limit: int, until: float) -> list[RabbitMqDelivery]:
        with self._state:
            while not self._closed:
                self._raise_problem()
                taken = [] if self._paused else self._next(min(limit, self._prefetch - len(self._handed_out)))
                left_s = until - time.monotonic()
                if taken or left_s <= 0:
                    return taken
                self._state.wait(left_s)
        return []

    def _next(self, slots: int) -> list[RabbitMqDelivery]:
        taken: list[RabbitMqDelivery] = []
        while len(taken) < slots:
            index = self._turns.next([bool(lane.buffer) for lane in self._lanes])
            if index is None:
                break
            taken.append(self._lanes[index].buffer.popleft())
        self._handed_out.update(taken)
        return taken

    def _raise_problem(self) -> None:
        if isinstance(self._problem, BrokerMisconfigured):
            raise BrokerMisconfigured(str(self._problem))
        self._link.raise_misconfigured()

    def _let_go(self, delivery: RabbitMqDelivery) -> bool:
        """Settle a message, under the lock; False when it was settled before, or went back with its channel."""
        if delivery not in self._handed_out:
            return False
        self._handed_out.remove(delivery)
        self._state.notify_all()  # there is room for another message now
        return True

    # In the I/O thread:

    def link_up(self, _connection: pika.SelectConnection) -> None:
        for lane in self._lanes:
            self._open(lane)

    def link_down(self, problem: BrokerUnavailable) -> None:
        """Nothing to do: the channels were closed first, each with its own call."""

    def _open(self, lane: Lane) -> None:
        if lane.channel is None and not lane.is_opening and not self._closed:
            lane.is_opening = self._link.channel(
                lambda channel: self._prepare(lane, channel),
                lambda channel, why: self._channel_closed(lane, channel, why),
            )

    def _prepare(self, lane: Lane, channel: Channel) -> None:
        lane.opened(channel)
        channel.add_on_cancel_callback(lambda _frame: channel.close(reply_text="the queue was deleted"))
        channel.basic_qos(prefetch_count=self._prefetch)
        if not self._paused:
            self._consume(lane)

    def _consume(self, lane: Lane) -> None:
        if not lane.is_open or lane.consumer_tags:
            return

        def consuming(_frame: object) -> None:
            lane.back_off_s = BACK_OFF_S[0]
            with self._state:
                self._problem = None

        lane.consumer_tags = [
            lane.channel.basic_consume(
                queue,
                lambda channel, got, properties, body: self._take_in(lane, channel, got.delivery_tag, properties, body),
                callback=consuming,
            )
            for queue in self._link.topology.sources(lane.destination)
        ]

    def _take_in(self, lane: Lane, channel: Channel, tag: int, properties: pika.BasicProperties, body: bytes) -> None:
        malformed = ""
        try:
            envelope = to_envelope(lane.destination, properties, body)
        except Malformed as why:
            malformed = str(why)
            envelope = salvage(lane.destination, properties, body, hashlib.sha256(body).hexdigest()[:32])
        lane.arrived(tag)
        self._arrived.append(RabbitMqDelivery(self, lane, channel, tag, envelope, malformed))
        if len(self._arrived) == 1:  # waking the receiver once for all that came in one piece is much cheaper
            self._link.io.call(self._stock)

    def _stock(self) -> None:
        arrived, self._arrived = self._arrived, []
        with self._state:
            for delivery in arrived:
                if not self._paused and delivery.channel is delivery.lane.channel:
                    delivery.lane.buffer.append(delivery)
            self._state.notify_all()
            if self._paused:
                self._give_back(arrived)

    def _channel_closed(self, lane: Lane, channel: Channel, reason: Exception) -> None:
        """Forget what came through the channel, because the broker delivers it again; open a new one."""
        lane.closed()
        with self._state:
            lane.buffer.clear()
            self._handed_out = {delivery for delivery in self._handed_out if delivery.channel is not channel}
            if isinstance(reason, ChannelClosedByBroker) and reason.reply_code == ACCESS_REFUSED:
                self._problem = misconfigured(reason)
            self._state.notify_all()
        if self._closed or not isinstance(reason, ChannelClosed):
            return  # a lost connection comes back with `link_up`
        logger.warning("channel closed", extra={"queue": lane.destination, "reason": repr(reason)})
        pause_s = MISCONFIGURED_PAUSE_S if self._problem else lane.back_off_s
        lane.back_off_s = min(2 * lane.back_off_s, BACK_OFF_S[1])
        self._link.io.loop.call_later(pause_s, lambda: self._link.redeclare(lambda: self._open(lane)))

    def _flush_acks(self) -> None:
        with self._state:
            acked, self._acked = self._acked, []
        for lane in self._lanes:
            lane.ack(delivery for delivery in acked if delivery.lane is lane)

    def _look_after_idle_lanes(self) -> None:
        """Ask what waits in queues from which nothing comes: a server may forget a consumer without telling it."""
        if self._closed:
            return
        for lane in self._lanes:
            for queue in self._link.topology.sources(lane.destination) if lane.is_idle else ():
                lane.channel.queue_declare(queue, passive=True, callback=partial(self._looked, lane, lane.channel))
        self._link.io.loop.call_later(LOOK_S, self._look_after_idle_lanes)

    def _looked(self, lane: Lane, channel: Channel, frame: pika.frame.Method) -> None:
        if frame.method.message_count and lane.is_idle and lane.channel is channel:
            lane.starved += 1
            if lane.starved >= STARVED_LOOKS:
                lane.starved = 0
                channel.close(reply_text="deliveries have stopped")

    def _stop_consuming(self) -> None:
        for lane in self._lanes:
            for tag in lane.consumer_tags if lane.is_open else ():
                lane.channel.basic_cancel(tag, callback=lambda _frame: None)
            lane.consumer_tags = []
        with self._state:
            unseen = [delivery for lane in self._lanes for delivery in lane.buffer]
            for lane in self._lanes:
                lane.buffer.clear()
        self._give_back(unseen)

    def _give_back(self, deliveries: Sequence[RabbitMqDelivery]) -> None:
        for lane in self._lanes:
            lane.give_back(delivery for delivery in deliveries if delivery.lane is lane)

    def _start_consuming(self) -> None:
        for lane in self._lanes:
            self._consume(lane)

    def _close(self, done: threading.Event) -> None:
        self._flush_acks()
        self._link.remove(self)
        for lane in self._lanes:
            if lane.is_open:
                lane.channel.close()
        done.set()
