"""Connections that are kept: one I/O thread, reconnecting with back-off, the topology declared on each connection."""

import logging
import random
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import pika
from pika.adapters.select_connection import IOLoop
from pika.channel import Channel
from pika.exceptions import AMQPConnectionError, ChannelClosedByBroker

from helpdesk.adapters.broker_rabbitmq.topology import Topology
from helpdesk.errors import BrokerMisconfigured, BrokerUnavailable
from helpdesk.settings import BrokerSettings

logger = logging.getLogger(__name__)

BACK_OFF_S = (0.1, 3.0)
"""Pause before the first and before later attempts to reconnect; doubled in between, shortened at random."""

MISCONFIGURED_PAUSE_S = 5.0
"""Pause when only a person can help; attempts go on, so that nothing needs a restart afterwards."""

CLOSE_LIMIT_S = 2.0
"""How long the server may take to answer our closing a connection."""

ACCESS_REFUSED, NOT_FOUND, PRECONDITION_FAILED, NOT_ALLOWED = 403, 404, 406, 530


class IoThread:
    """The one thread in which everything of pika happens."""

    def __init__(self, on_failure: Callable[[Exception], None]) -> None:
        self.loop = IOLoop()
        self._on_failure = on_failure
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="rabbitmq-io", daemon=True)
        self._thread.start()

    def call(self, work: Callable[[], None]) -> None:
        """Run ``work`` in the thread soon; safe from any thread."""
        self.loop.add_callback_threadsafe(work)

    def stop(self) -> None:
        """End the thread; afterwards ``call`` does nothing."""

        def stop() -> None:
            self._stopping = True
            self.loop.stop()

        self.call(stop)
        self._thread.join()
        self.loop.close()

    def _run(self) -> None:
        while not self._stopping:
            try:
                self.loop.start()
            except Exception as error:
                logger.exception("RabbitMQ I/O failed; reconnecting")
                self.call(partial(self._on_failure, error))


class _GatheringConnection(pika.SelectConnection):  # type: ignore[misc]
    """Sends all that one turn of the loop produces at once.

    pika makes a system call per frame, three per message, and each one lets other threads take the interpreter.
    """

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        self._outgoing: list[bytes] = []
        super().__init__(*arguments, **keywords)

    def _adapter_emit_data(self, data: bytes) -> None:
        self._outgoing.append(data)
        if len(self._outgoing) == 1:
            self.ioloop.add_callback(self._send_outgoing)

    def _send_outgoing(self) -> None:
        outgoing, self._outgoing = self._outgoing, []
        if self._transport is not None:
            super()._adapter_emit_data(b"".join(outgoing))


class LinkListener(Protocol):
    """Somebody who uses a link. Called in the I/O thread."""

    def link_up(self, connection: pika.SelectConnection) -> None: ...

    def link_down(self, problem: BrokerUnavailable) -> None: ...


class Link:
    """A connection that comes back by itself.

    ``wait_ready``, ``raise_misconfigured``, ``close`` and the properties are for any thread, all else is for the I/O
    thread only.
    """

    def __init__(
        self, io: IoThread, parameters: pika.connection.Parameters, topology: Topology, settings: BrokerSettings
    ) -> None:
        self.io, self.topology = io, topology
        self._parameters, self._settings = parameters, settings
        self._listeners: list[LinkListener] = []
        self._connection: Any = None  # pika is untyped
        self._state = threading.Condition()
        self._ready = self._closing = False
        self._ended = threading.Event()
        self._blocked_why = ""
        self._problem: BrokerUnavailable | None = None
        self._dropped_for: BrokerUnavailable | None = None
        self._back_off_s = BACK_OFF_S[0]
        self._ready_since = 0.0
        io.call(self._connect)

    def wait_ready(self, timeout_s: float, *, to_publish: bool = False, in_hope: bool = True) -> None:
        """Return once there is a connection with its topology (and, to publish, no alarm at the broker).

        Args:
            in_hope: wait for a connection also where the last attempt failed.

        Raises:
            BrokerUnavailable: not within ``timeout_s``.
            BrokerMisconfigured: only a person can help.
        """
        limit = time.monotonic() + timeout_s
        with self._state:
            while not self._ready or (to_publish and self._blocked_why):
                if self._closing:
                    raise BrokerUnavailable("the broker is closed")
                left_s = limit - time.monotonic()
                problem = self._problem or BrokerUnavailable("no connection to RabbitMQ yet")
                if self._ready:
                    problem = BrokerUnavailable(f"RabbitMQ blocks publishers: {self._blocked_why}")
                known_to_be_away = self._problem is not None and not in_hope
                if left_s <= 0 or known_to_be_away or isinstance(problem, BrokerMisconfigured):
                    raise type(problem)(str(problem))
                self._state.wait(left_s)

    def raise_misconfigured(self) -> None:
        """Raise BrokerMisconfigured while only a person can help."""
        problem = self._problem
        if isinstance(problem, BrokerMisconfigured):
            raise BrokerMisconfigured(str(problem))

    @property
    def is_closed(self) -> bool:
        return self._ended.is_set()

    @property
    def is_blocked(self) -> bool:
        return bool(self._blocked_why)

    def add(self, listener: LinkListener) -> None:
        """Tell ``listener`` from now on, and at once if there is a connection."""
        self._listeners.append(listener)
        if self._ready and self._connection is not None:
            listener.link_up(self._connection)

    def remove(self, listener: LinkListener) -> None:
        if listener in self._listeners:
            self._listeners.remove(listener)

    def channel(self, on_open: Callable[[Channel], None], on_close: Callable[[Channel, Exception], None]) -> bool:
        """Open a channel; False when there is no connection to do so."""
        if not self._ready or self._connection is None or not self._connection.is_open:
            return False
        self._connection.channel(on_open_callback=on_open).add_on_close_callback(on_close)
        return True

    def redeclare(self, then: Callable[[], object]) -> None:
        """Declare the topology (again); a refusal, or no answer in time, ends the connection with the reason."""
        connection = self._connection
        if connection is None or not connection.is_open:
            return
        overdue = self.io.loop.call_later(
            self._settings.confirm_timeout_s,
            lambda: self.drop(BrokerUnavailable("RabbitMQ did not answer a declaration")),
        )

        def on_close(_channel: Channel, reason: Exception) -> None:
            self.io.loop.remove_timeout(overdue)
            if isinstance(reason, ChannelClosedByBroker):
                self.drop(misconfigured(reason))

        def declare(channel: Channel) -> None:
            self.topology.declare(channel, lambda: done(channel))

        def done(channel: Channel) -> None:
            channel.close()
            then()

        connection.channel(on_open_callback=declare).add_on_close_callback(on_close)

    def drop(self, problem: BrokerUnavailable) -> None:
        """Give the connection up without asking the server, as pika does when heartbeats fail; then reconnect."""
        connection = self._connection
        if connection is not None and (connection.is_open or connection.is_closing):
            self._dropped_for = problem
            connection._terminate_stream(AMQPConnectionError(str(problem)))  # pika has no public way

    def close(self) -> None:
        """Close for good and return when that is done."""
        self.io.call(self._close)
        if not self._ended.wait(CLOSE_LIMIT_S):
            self.io.call(lambda: self.drop(BrokerUnavailable("RabbitMQ does not answer")))
            self._ended.wait(CLOSE_LIMIT_S)

    def _close(self) -> None:
        with self._state:
            self._closing = True
            self._state.notify_all()
        if self._connection is None:
            self._ended.set()
        elif not (self._connection.is_closing or self._connection.is_closed):
            self._connection.close()

    def _connect(self) -> None:
        if self._closing:
            return
        self._connection = _GatheringConnection(
            self._parameters,
            on_open_callback=self._opened,
            on_open_error_callback=self._lost,
            on_close_callback=self._lost,
            custom_ioloop=self.io.loop,
        )

    def _opened(self, connection: pika.SelectConnection) -> None:
        connection.add_on_connection_blocked_callback(lambda _, frame: self._block(frame.method.reason))
        connection.add_on_connection_unblocked_callback(lambda _, _frame: self._block(""))
        self._watch(connection, received=-1, silent_s=0.0)
        self.redeclare(lambda: self._declared(connection))

    def _declared(self, connection: pika.SelectConnection) -> None:
        logger.info("connected to RabbitMQ")
        self._ready_since = time.monotonic()
        with self._state:
            self._ready, self._problem = True, None
            self._state.notify_all()
        for listener in tuple(self._listeners):
            listener.link_up(connection)

    def _block(self, why: str) -> None:
        if why:
            logger.warning("RabbitMQ blocks publishers", extra={"reason": why})
        with self._state:
            self._blocked_why = why
            self._state.notify_all()

    def _watch(self, connection: pika.SelectConnection, received: int, silent_s: float) -> None:
        """Drop a connection on which nothing came for two heartbeats; pika's own check may take twice as long."""
        if connection is not self._connection:
            return
        pause_s = self._settings.heartbeat_s / 2
        silent_s = silent_s + pause_s if connection.bytes_received == received else 0.0
        if silent_s >= 2 * self._settings.heartbeat_s:
            self.drop(BrokerUnavailable(f"nothing heard from RabbitMQ for {silent_s:g} s"))
            return
        heard = connection.bytes_received
        self.io.loop.call_later(pause_s, lambda: self._watch(connection, heard, silent_s))

    def _lost(self, _connection: pika.SelectConnection, error: Exception) -> None:
        was_ready = self._ready
        problem = self._dropped_for or _problem_of(error)
        is_news = str(problem) != str(self._problem)
        self._connection = self._dropped_for = None
        with self._state:
            self._ready, self._blocked_why, self._problem = False, "", problem
            self._state.notify_all()
        for listener in tuple(self._listeners) if was_ready else ():
            listener.link_down(problem)
        if self._closing:
            self._ended.set()
            return
        if was_ready and time.monotonic() - self._ready_since > BACK_OFF_S[1]:
            self._back_off_s = BACK_OFF_S[0]
        pause_s = self._back_off_s * random.uniform(0.5, 1.0)
        self._back_off_s = min(2 * self._back_off_s, BACK_OFF_S[1])
        if isinstance(problem, BrokerMisconfigured):
            logger.error("RabbitMQ is misconfigured", extra={"reason": str(problem)})
            pause_s = MISCONFIGURED_PAUSE_S
        elif is_news:
            logger.warning("no connection to RabbitMQ; trying again", extra={"reason": str(problem)})
        self.io.loop.call_later(pause_s, self._connect)


def _problem_of(error: Exception) -> BrokerUnavailable:
    # While a connection opens, pika wraps the server's refusal into an error that shows it only as text.
    said = repr(error)
    if any(f"({code})" in said for code in (ACCESS_REFUSED, NOT_ALLOWED)):
        return BrokerMisconfigured(f"RabbitMQ refuses the user, its password or the virtual host: {said}")
    return BrokerUnavailable(f"no connection to RabbitMQ: {said}")


def misconfigured(reason: ChannelClosedByBroker) -> BrokerUnavailable:
    """Return our error for a channel that the server closed; its text names the queue and the argument."""
    if reason.reply_code in (ACCESS_REFUSED, NOT_FOUND, PRECONDITION_FAILED):
        return BrokerMisconfigured(f"RabbitMQ: {reason.reply_text}")
    return BrokerUnavailable(f"RabbitMQ: {reason.reply_code} {reason.reply_text}")
