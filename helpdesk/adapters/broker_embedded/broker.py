"""The embedded broker: one table, one writer thread per process, no server."""

import json
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from helpdesk.adapters.broker_embedded.consumer import EmbeddedConsumer, overdue_bounds
from helpdesk.adapters.broker_embedded.publisher import EmbeddedPublisher
from helpdesk.adapters.broker_embedded.schema import connect, translate
from helpdesk.adapters.broker_embedded.writer import GroupCommit
from helpdesk.adapters.broker_lanes import DESTINATIONS
from helpdesk.errors import BrokerUnavailable
from helpdesk.settings import BrokerSettings

_FIND = "SELECT seq, message_id FROM queue_messages WHERE destination = ? AND message_id = ? AND state = 'ready'"
_DELETE_READY = "DELETE FROM queue_messages WHERE seq = ? AND message_id = ? AND state = 'ready'"
_DEPTHS = """
    SELECT destination, count(*) FROM queue_messages WHERE state = 'ready' GROUP BY destination
    UNION ALL SELECT 'retry', count(*) FROM queue_messages WHERE state <> 'ready' AND state = 'delayed'
"""
_ANYTHING = """
    SELECT EXISTS (
        SELECT 1 FROM queue_messages
        WHERE destination IN (SELECT value FROM json_each(?)) AND state = 'ready'
    ) OR EXISTS (SELECT 1 FROM queue_messages WHERE state <> 'ready' AND due_at <= ?)
    OR EXISTS (SELECT 1 FROM queue_messages WHERE state <> 'ready' AND due_at > ?)
"""


class EmbeddedBroker:
    """Helpdesk's queues in a SQLite file, which the processes of one machine share.

    Args:
        path: the file; the store may keep its own tables in it.
    """

    def __init__(self, path: Path, settings: BrokerSettings) -> None:
        self._path, self._settings = path, settings
        self._news = threading.Condition()
        self._consumers: list[EmbeddedConsumer] = []
        self._reader: sqlite3.Connection | None = None
        self._reading = threading.Lock()
        self._writer = GroupCommit(path, every_s=settings.lease_s / 3, periodic=self._renew)

    def declare(self) -> None:
        connect(self._path).close()

    def publisher(self) -> EmbeddedPublisher:
        return EmbeddedPublisher(
            self._writer, max_lane_length=self._settings.max_lane_length, on_published=self._announce
        )

    def consumer(self, destinations: Sequence[str], *, prefetch: int) -> EmbeddedConsumer:
        consumer = EmbeddedConsumer(
            destinations,
            prefetch=prefetch,
            settings=self._settings,
            writer=self._writer,
            waits=self._anything_waits,
            news=self._news,
        )
        self._consumers.append(consumer)
        return consumer

    def withdraw(self, destination: str, message_id: str) -> bool:
        """Take every waiting copy of the message."""
        found = self._read(_FIND, (destination, message_id))

        def delete(connection: sqlite3.Connection) -> bool:
            return sum(connection.execute(_DELETE_READY, row).rowcount for row in found) > 0

        return bool(found) and self._writer.call(delete, timeout_s=self._settings.confirm_timeout_s)

    def depths(self) -> dict[str, int]:
        return dict.fromkeys((*DESTINATIONS, "retry"), 0) | dict(self._read(_DEPTHS, ()))

    def check(self) -> None:
        self._writer.call(lambda connection: connection.execute("SELECT 1").fetchone(), timeout_s=2.0)

    def close(self) -> None:
        for consumer in self._consumers:
            consumer.close()
        self._writer.close()
        with self._reading:
            if self._reader is not None:
                self._reader.close()
                self._reader = None

    def _announce(self) -> None:
        with self._news:
            self._news.notify_all()

    def _renew(self, connection: sqlite3.Connection) -> None:
        for consumer in self._consumers:
            consumer.renew(connection)

    def _anything_waits(self, destinations: Sequence[str]) -> bool:
        ((waits,),) = self._read(_ANYTHING, (json.dumps(destinations), *overdue_bounds(self._settings)))
        return bool(waits)

    def _read(self, sql: str, parameters: tuple[str | float, ...]) -> list[Any]:
        with self._reading:
            try:
                if self._reader is None:
                    self._reader = connect(self._path)
                return self._reader.execute(sql, parameters).fetchall()
            except sqlite3.Error as error:
                if self._reader is not None:
                    self._reader.close()
                    self._reader = None
                raise translate(error, self._path) from error
            except BrokerUnavailable:
                self._reader = None
                raise
