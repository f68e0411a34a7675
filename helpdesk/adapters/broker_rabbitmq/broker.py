"""The RabbitMQ broker: connections on demand, the topology, and errands such as withdrawing a message."""

import random
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress

import pika

from helpdesk.adapters.broker_lanes import DESTINATIONS
from helpdesk.adapters.broker_rabbitmq.connection import IoThread, Link
from helpdesk.adapters.broker_rabbitmq.consumer import RabbitMqConsumer
from helpdesk.adapters.broker_rabbitmq.publisher import RabbitMqPublisher
from helpdesk.adapters.broker_rabbitmq.session import QueueLocked, QueueMissing, Session
from helpdesk.adapters.broker_rabbitmq.topology import Topology
from helpdesk.errors import BrokerMisconfigured, BrokerUnavailable
from helpdesk.settings import BrokerSettings

LOCK_PAUSE_S = (0.02, 0.1)
"""Between two attempts to become the one who searches a queue, at random."""

GIVE_BACK_LIMIT_S = 0.25
"""How long to look whether messages that were given back are in their queue again."""

_EXAMPLE = (
    "amqp://user:password@host:5672/virtual-host, with what is special in user and password percent-encoded, "
    "as %2F for a slash"
)

FIRST_CHECK_LIMIT_S, CHECK_LIMIT_S = 4.0, 1.0
"""How long a check may wait for a connection, which the first one has to open, and then for each answer."""


class RabbitMqBroker:
    """Helpdesk's queues in RabbitMQ.

    Publishing and consuming have connections of their own, because under a memory or disk alarm the server stops
    reading from publishers, and acks must not wait behind them. Both live in one I/O thread.

    Raises:
        BrokerMisconfigured: the URL cannot be read.
    """

    def __init__(self, url: str, settings: BrokerSettings) -> None:
        self._settings = settings
        self._topology = Topology(settings.topology_version, max_lane_length=settings.max_lane_length)
        if not url.startswith(("amqp://", "amqps://")):
            raise BrokerMisconfigured("RABBITMQ_URL begins neither with amqp:// nor with amqps://")
        try:
            self._parameters = pika.URLParameters(url)
        except (ValueError, TypeError, IndexError):  # their texts may quote a part of the password
            raise BrokerMisconfigured(f"RABBITMQ_URL cannot be read; it is {_EXAMPLE}.") from None
        self._parameters.heartbeat = settings.heartbeat_s
        self._parameters.blocked_connection_timeout = settings.blocked_timeout_s
        self._parameters.socket_timeout = self._parameters.stack_timeout = settings.confirm_timeout_s
        self._parameters.client_properties = {"connection_name": "helpdesk"}
        self._opening = threading.Lock()
        self._closed = False
        self._io: IoThread | None = None
        self._links: dict[str, Link] = {}
        self._publishers: list[RabbitMqPublisher] = []
        self._consumers: list[RabbitMqConsumer] = []
        self._mover: RabbitMqPublisher | None = None
        self._searching: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def declare(self) -> None:
        link, done = self._consuming, threading.Event()
        link.wait_ready(self._settings.confirm_timeout_s)
        link.io.call(lambda: link.redeclare(done.set))
        limit = time.monotonic() + self._settings.confirm_timeout_s
        while not done.wait(0.05):
            link.wait_ready(limit - time.monotonic())  # raises, once the server has refused the declaration
            if time.monotonic() > limit:
                raise BrokerUnavailable("RabbitMQ did not answer a declaration")

    def publisher(self) -> RabbitMqPublisher:
        publisher = RabbitMqPublisher(self._publishing, max_in_flight=self._settings.max_in_flight)
        self._publishers.append(publisher)
        return publisher

    def consumer(self, destinations: Sequence[str], *, prefetch: int) -> RabbitMqConsumer:
        consumer = RabbitMqConsumer(
            self._consuming,
            destinations,
            prefetch=prefetch,
            publisher=self._moving_publisher,
            confirm_timeout_s=self._settings.confirm_timeout_s,
        )
        self._consumers.append(consumer)
        return consumer

    def withdraw(self, destination: str, message_id: str) -> bool:
        """Search the queue while nobody else does: a second search would not see what the first one holds."""
        if destination not in DESTINATIONS:
            return False
        limit = time.monotonic() + self._settings.confirm_timeout_s
        with self._searching[destination]:  # the lock queue only keeps other connections out
            while True:
                try:
                    with self._session(in_hope=False) as session:
                        session.own(self._topology.lock(destination))
                        try:
                            queues = self._topology.sources(destination)
                            return any(self._search(queue, message_id) for queue in queues)
                        finally:
                            with suppress(BrokerUnavailable):  # a lost connection has deleted it already
                                session.delete(self._topology.lock(destination))
                except QueueLocked:
                    if time.monotonic() > limit:
                        raise BrokerUnavailable(f"somebody else keeps searching {destination}") from None
                    time.sleep(random.uniform(*LOCK_PAUSE_S))

    def depths(self) -> dict[str, int]:
        try:
            return self._count()
        except QueueMissing:
            self.declare()
            return self._count()

    def check(self) -> None:
        limit_s = CHECK_LIMIT_S if "consuming" in self._links else FIRST_CHECK_LIMIT_S
        with self._session(limit_s, in_hope=False) as session:
            try:
                session.check_exchange(self._topology.exchange)
            except QueueMissing as error:
                raise BrokerUnavailable(f"RabbitMQ: {error}") from None
        if "publishing" in self._links:
            self._publishing.wait_ready(0.0, to_publish=True)

    def close(self) -> None:
        for consumer in self._consumers:
            consumer.close()
        for publisher in self._publishers:
            publisher.close()
        with self._opening:
            self._closed = True
            for link in self._links.values():
                link.close()
            if self._io is not None:
                self._io.stop()
                self._io = None

    @property
    def _consuming(self) -> Link:
        return self._link("consuming")

    @property
    def _publishing(self) -> Link:
        return self._link("publishing")

    def _link(self, name: str) -> Link:
        with self._opening:
            if self._closed:
                raise BrokerUnavailable("the broker is closed")
            if self._io is None:
                self._io = IoThread(self._drop_all)
            if name not in self._links:
                self._links[name] = Link(self._io, self._parameters, self._topology, self._settings)
            return self._links[name]

    def _drop_all(self, error: Exception) -> None:
        for link in tuple(self._links.values()):
            link.drop(BrokerUnavailable(f"an error in the I/O thread: {error!r}"))

    def _moving_publisher(self) -> RabbitMqPublisher:
        if self._mover is None:
            self._mover = self.publisher()
        return self._mover

    def _session(self, limit_s: float | None = None, *, in_hope: bool = True) -> Session:
        """Return a session that is patient, unless told otherwise: those that HTTP waits for must not be."""
        return Session(self._consuming, timeout_s=limit_s or self._settings.confirm_timeout_s, in_hope=in_hope)

    def _search(self, queue: str, message_id: str) -> bool:
        with self._session(in_hope=False) as session:
            try:
                waiting = session.message_count(queue)
            except QueueMissing:
                return False
            passed_over, found = 0, False
            while passed_over < waiting and not found:
                taken = session.get(queue)
                if taken is None:
                    break
                tag, properties = taken
                if properties.message_id == message_id:
                    session.ack(tag)
                    found = True
                else:
                    passed_over += 1
            session.give_back()
            # The next search must find the others: a classic queue has them back before it answers, a quorum queue
            # soon after, unless a consumer is faster.
            limit = time.monotonic() + GIVE_BACK_LIMIT_S
            while session.message_count(queue) < passed_over and time.monotonic() < limit:
                time.sleep(GIVE_BACK_LIMIT_S / 50)
            return found

    def _count(self) -> dict[str, int]:
        with self._session() as session:
            depths = {name: sum(map(session.message_count, self._topology.sources(name))) for name in DESTINATIONS}
            depths["retry"] = sum(session.message_count(self._topology.queue(name)) for name in self._topology.retries)
            return depths
