"""The broker port: publish with confirms, receive from lanes, acknowledge, retry, dead-letter.

Delivery is at least once. Nothing here drops a message silently: what cannot be delivered raises or is reported.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from helpdesk.errors import BrokerUnavailable
from helpdesk.tickets import Priority

RETRY_LADDER_S = (1, 5, 30, 300)
"""The delays that exist; a retry takes the first step that is at least as long as asked (the last, when none is)."""

DEAD = "dead"


def lane(priority: Priority) -> str:
    """Return the destination of tickets on their way in."""
    return f"in.{priority.value}"


def human(queue: str) -> str:
    """Return the destination of a human queue such as ``REFUND``."""
    return f"human.{queue}"


LANES = (lane(Priority.HIGH), lane(Priority.NORMAL))
"""Lanes in the order in which they are served."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A message on its way.

    Attributes:
        message_id: the same for every copy of the same message; receivers use it to recognise duplicates.
        destination: ``in.high``, ``in.normal``, ``human.<QUEUE>`` or ``dead``.
        attempt: how often its handling has failed before; 0 at first.
    """

    message_id: str
    destination: str
    body: bytes
    priority: Priority = Priority.NORMAL
    attempt: int = 0
    correlation_id: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class Delivery(Protocol):
    """A message in the hands of one consumer. Exactly one of the three methods is called, once.

    Each is safe to call from any thread. When the broker has meanwhile taken the message back (lease ran out,
    connection lost), they do nothing and return False: another consumer has it, or will.
    """

    @property
    def envelope(self) -> Envelope: ...

    def ack(self) -> bool:
        """The work is committed; the broker may forget the message."""

    def retry(self, delay_s: float) -> bool:
        """Deliver again after about ``delay_s``, with ``attempt`` one higher."""

    def dead_letter(self, reason: str) -> bool:
        """Move the message to ``dead``; its headers gain ``reason`` and ``source`` (the destination it came from)."""


class Publisher(Protocol):
    """Publishes with confirms. Safe for use by several threads."""

    def publish(self, envelopes: Sequence[Envelope], *, timeout_s: float) -> list[BrokerUnavailable | None]:
        """Publish all, pipelined; return one entry per envelope, in order: None where the broker holds it.

        Every envelope goes out even when others fail. An entry is PublishUnconfirmed (publish again under the same
        message id), QueueFull or Unroutable.

        Raises:
            BrokerUnavailable: no connection; nothing was sent.
            BrokerMisconfigured: the topology or the credentials do not fit; retrying will not help.
            PayloadTooLarge: an envelope is over MAX_MESSAGE_BYTES; nothing was sent.
        """

    def close(self) -> None: ...


class Consumer(Protocol):
    """Receives from the lanes in their order, the first lane first, without starving the others."""

    def receive(self, limit: int, *, wait_s: float) -> list[Delivery]:
        """Return 0..limit deliveries, waiting up to ``wait_s`` for the first.

        No more than the consumer's prefetch are unsettled at a time. Reconnects by itself; while it cannot, returns [].

        Raises:
            BrokerMisconfigured: as for publishing.
        """

    def pause(self) -> None:
        """Take no further messages; give back those that were not handed out yet."""

    def resume(self) -> None: ...

    def close(self) -> None:
        """Stop receiving; unsettled deliveries go back to the broker."""


class Broker(Protocol):
    """A message broker with Helpdesk's topology."""

    def declare(self) -> None:
        """Create what is missing of the topology. This method must be idempotent.

        Raises:
            BrokerUnavailable: cannot be reached.
            BrokerMisconfigured: exists with other arguments, or access is refused; names the queue and the argument.
        """

    def publisher(self) -> Publisher: ...

    def consumer(self, destinations: Sequence[str], *, prefetch: int) -> Consumer: ...

    def withdraw(self, destination: str, message_id: str) -> bool:
        """Take one waiting message out of a queue; True when it was there and is now gone for everybody else.

        False: a consumer holds it or has acknowledged it, or it never arrived. Other messages keep their order.
        """

    def depths(self) -> dict[str, int]:
        """Return the number of waiting messages per destination, retry steps summed as ``retry``."""

    def check(self) -> None:
        """Raise BrokerUnavailable or BrokerMisconfigured unless the broker can be used now."""

    def close(self) -> None: ...
