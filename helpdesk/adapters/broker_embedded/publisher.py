"""Publishing into the embedded queue."""

import json
import sqlite3
from collections.abc import Callable, Sequence

from helpdesk.adapters.broker_embedded.writer import GroupCommit
from helpdesk.adapters.broker_lanes import DESTINATIONS, refuse_oversize
from helpdesk.errors import BrokerUnavailable, PublishUnconfirmed, QueueFull, Unroutable
from helpdesk.ports.broker import LANES, Envelope

_INSERT = """
    INSERT INTO queue_messages
        (destination, message_id, state, due_at, token, attempt, priority, correlation_id, headers, body)
    VALUES (?, ?, 'ready', 0, '', ?, ?, ?, ?, ?)
"""
_COUNT = "SELECT count(*) FROM queue_messages WHERE destination = ? AND state = 'ready'"


class EmbeddedPublisher:
    """Publishes in one transaction per call, which the writer joins with those of other threads."""

    def __init__(self, writer: GroupCommit, *, max_lane_length: int, on_published: Callable[[], None]) -> None:
        self._writer, self._on_published = writer, on_published
        self._max_lane_length = max_lane_length
        self._room: dict[str, int] = {}

    def publish(self, envelopes: Sequence[Envelope], *, timeout_s: float) -> list[BrokerUnavailable | None]:
        refuse_oversize(envelopes)

        def insert_all(connection: sqlite3.Connection) -> list[BrokerUnavailable | None]:
            return [self._insert(connection, envelope) for envelope in envelopes]

        try:
            results = self._writer.call(insert_all, timeout_s=timeout_s)
        except PublishUnconfirmed as unknown:
            return [unknown] * len(envelopes)
        self._on_published()
        return results

    def close(self) -> None:
        """Nothing to release: every call has ended with its commit."""

    def _insert(self, connection: sqlite3.Connection, envelope: Envelope) -> BrokerUnavailable | None:
        if envelope.destination not in DESTINATIONS:
            return Unroutable(f"no queue is bound for {envelope.destination!r}")
        if envelope.destination in LANES and not self._has_room(connection, envelope.destination):
            return QueueFull(f"{envelope.destination} is at its maximum of {self._max_lane_length} messages")
        insert(connection, envelope)
        return None

    def _has_room(self, connection: sqlite3.Connection, lane: str) -> bool:
        """Use up one place in the lane.

        Counting a long lane for every message would cost more than the message, so a count is good for an eighth of
        the places it finds: alone, a process keeps the limit exactly; several may pass it by that much.
        """
        if self._room.get(lane, 0) == 0:
            places = self._max_lane_length - int(connection.execute(_COUNT, (lane,)).fetchone()[0])
            if places <= 0:
                return False
            self._room[lane] = (places + 7) // 8
        self._room[lane] -= 1
        return True


def insert(connection: sqlite3.Connection, envelope: Envelope) -> None:
    """Append a message to its destination."""
    row = (
        envelope.destination,
        envelope.message_id,
        envelope.attempt,
        envelope.priority.value,
        envelope.correlation_id,
        json.dumps(dict(envelope.headers)) if envelope.headers else "",
        envelope.body,
    )
    connection.execute(_INSERT, row)
