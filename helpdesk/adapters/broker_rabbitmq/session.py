"""A channel for one errand, used like a function call from any thread."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from types import TracebackType
from typing import Any, Self

from pika import BasicProperties
from pika.channel import Channel
from pika.exceptions import ChannelClosedByBroker
from pika.spec import Basic

from helpdesk.adapters.broker_rabbitmq.connection import Link, misconfigured
from helpdesk.errors import BrokerUnavailable

RESOURCE_LOCKED = 405


class QueueMissing(Exception):
    """The queue that was asked for does not exist."""


class QueueLocked(Exception):
    """Another connection owns the queue."""


class Session:
    """A channel that is open inside a ``with`` block. Not safe for several threads at once.

    Args:
        in_hope: wait for a connection also where the last attempt to get one failed.

    Raises:
        BrokerUnavailable: from every method, when the connection is lost or the server does not answer in time.
    """

    def __init__(self, link: Link, *, timeout_s: float, in_hope: bool = True) -> None:
        self._link, self._timeout_s, self._in_hope = link, timeout_s, in_hope
        self._channel: Channel | None = None
        self._answer: Future[Any] = Future()
        self._closed = threading.Event()

    def __enter__(self) -> Self:
        self._link.wait_ready(self._timeout_s, in_hope=self._in_hope)
        self._link.io.call(self._open)
        self._wait("open a channel")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._link.io.call(self._close)
        self._closed.wait(self._timeout_s)

    def message_count(self, queue: str) -> int:
        """Return how many messages wait in the queue.

        Besides, everything that this session did to the queue before has been done once this returns.

        Raises:
            QueueMissing: it does not exist.
        """
        frame = self._ask(lambda channel, answer: channel.queue_declare(queue, passive=True, callback=answer))
        count: int = frame.method.message_count
        return count

    def check_exchange(self, exchange: str) -> None:
        """Ask the server for the exchange, and so for a sign of life.

        Raises:
            QueueMissing: it does not exist.
        """
        self._ask(lambda channel, answer: channel.exchange_declare(exchange, passive=True, callback=answer))

    def own(self, queue: str) -> None:
        """Create a queue that only this connection may use, until it is deleted or the connection ends.

        Raises:
            QueueLocked: another connection owns it.
        """
        classic = {"x-queue-type": "classic"}  # an exclusive queue can be no other, whatever the server's default is
        self._ask(
            lambda channel, answer: channel.queue_declare(queue, exclusive=True, arguments=classic, callback=answer)
        )

    def delete(self, queue: str) -> None:
        self._ask(lambda channel, answer: channel.queue_delete(queue, callback=answer))

    def get(self, queue: str) -> tuple[int, BasicProperties] | None:
        """Take the next message without acknowledging it; None when the queue is empty."""

        def get(channel: Channel, answer: Callable[[Any], None]) -> None:
            channel.basic_get(queue, lambda _, got, properties, _body: answer((got.delivery_tag, properties)))

        taken: tuple[int, BasicProperties] | None = self._ask(get)
        return taken

    def ack(self, tag: int) -> None:
        self._link.io.call(lambda: self._do(lambda channel: channel.basic_ack(tag)))

    def give_back(self) -> None:
        """Return all messages that were taken and not acknowledged to where they were in their queue."""
        self._link.io.call(lambda: self._do(lambda channel: channel.basic_nack(0, multiple=True, requeue=True)))

    def _ask(self, question: Callable[[Channel, Callable[[Any], None]], None]) -> Any:
        answer: Future[Any] = Future()
        self._answer = answer

        def set_answer(value: Any) -> None:
            if not answer.done():
                answer.set_result(value)

        self._link.io.call(lambda: self._do(lambda channel: question(channel, set_answer)))
        return self._wait("answer")

    def _wait(self, what: str) -> Any:
        try:
            return self._answer.result(self._timeout_s)
        except FutureTimeout:
            raise BrokerUnavailable(f"RabbitMQ did not {what} within {self._timeout_s:g} s") from None

    # In the I/O thread:

    def _do(self, work: Callable[[Channel], None]) -> None:
        if self._channel is not None and self._channel.is_open:
            work(self._channel)
        elif not self._answer.done():
            self._answer.set_exception(BrokerUnavailable("the connection to RabbitMQ was lost"))

    def _open(self) -> None:
        if not self._link.channel(self._opened, self._on_close):
            self._answer.set_exception(BrokerUnavailable("the connection to RabbitMQ was lost"))

    def _opened(self, channel: Channel) -> None:
        self._channel = channel
        channel.add_callback(lambda _frame: self._set_empty(), [Basic.GetEmpty], one_shot=False)
        if self._answer.done():  # nobody waits any more
            channel.close()
        else:
            self._answer.set_result(None)

    def _set_empty(self) -> None:
        if not self._answer.done():
            self._answer.set_result(None)

    def _on_close(self, _channel: Channel, reason: Exception) -> None:
        self._closed.set()
        if not self._answer.done():
            self._answer.set_exception(_error(reason))

    def _close(self) -> None:
        if self._channel is None or not self._channel.is_open:
            self._closed.set()
        else:
            self._channel.close()


def _error(reason: Exception) -> Exception:
    if not isinstance(reason, ChannelClosedByBroker):
        return BrokerUnavailable(f"the connection to RabbitMQ was lost: {reason!r}")
    if reason.reply_code == 404:
        return QueueMissing(reason.reply_text)
    if reason.reply_code == RESOURCE_LOCKED:
        return QueueLocked(reason.reply_text)
    return misconfigured(reason)
