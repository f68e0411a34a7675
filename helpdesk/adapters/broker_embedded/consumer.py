"""Receiving from the embedded queue: leases, and what becomes of a message that a consumer holds."""

import json
import logging
import secrets
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from helpdesk.adapters.broker_embedded.publisher import insert
from helpdesk.adapters.broker_embedded.schema import now
from helpdesk.adapters.broker_embedded.writer import GroupCommit
from helpdesk.adapters.broker_lanes import LaneTurns, dead_headers, retry_step_s
from helpdesk.errors import BrokerMisconfigured, BrokerUnavailable
from helpdesk.ports.broker import DEAD, RETRY_LADDER_S, Delivery, Envelope
from helpdesk.settings import BrokerSettings
from helpdesk.tickets import Priority

logger = logging.getLogger(__name__)

POLL_S = (0.005, 0.05)
"""Other processes cannot wake us: how soon an idle consumer looks again, at first and at most."""

CLAIM_LIMIT = 256
"""Messages claimed in one statement at most."""

_NEXT = "SELECT seq FROM queue_messages WHERE destination = ? AND state = 'ready' ORDER BY seq LIMIT ?"
_TAKE = """
    UPDATE queue_messages SET state = 'leased', due_at = ?, token = ? WHERE seq IN (SELECT value FROM json_each(?))
    RETURNING seq, destination, message_id, attempt, priority, correlation_id, headers, body
"""
_FREE_OVERDUE = "UPDATE queue_messages SET state = 'ready', token = '' WHERE state <> 'ready' AND due_at <= ?"
_FREE_STRANDED = "UPDATE queue_messages SET state = 'ready', token = '' WHERE state <> 'ready' AND due_at > ?"

# What follows holds only for the one who has the lease: everybody else has another token.
_PROLONG = "UPDATE queue_messages SET due_at = ? WHERE seq = ? AND token = ?"
_RELEASE = "UPDATE queue_messages SET state = 'ready', token = '' WHERE seq = ? AND token = ?"
_DELAY = """
    UPDATE queue_messages SET state = 'delayed', due_at = ?, token = '', attempt = attempt + 1
    WHERE seq = ? AND token = ?
"""
_FORGET = "DELETE FROM queue_messages WHERE seq = ? AND token = ?"


class EmbeddedDelivery:
    """A leased message. Its lease is renewed until it is settled or the process ends."""

    def __init__(self, consumer: "EmbeddedConsumer", seq: int, token: str, until: float, envelope: Envelope) -> None:
        self.envelope, self.seq, self.token, self.held_until = envelope, seq, token, until
        self._consumer = consumer

    def ack(self) -> bool:
        """The deletion joins a later transaction; a crash before it only means another delivery."""
        return self._consumer.settle(self, self._forget, wait=False)

    def retry(self, delay_s: float) -> bool:
        due_at = now() + retry_step_s(delay_s)

        def delay(connection: sqlite3.Connection) -> bool:
            return connection.execute(_DELAY, (due_at, self.seq, self.token)).rowcount == 1

        return self._consumer.settle(self, delay, wait=True)

    def dead_letter(self, reason: str) -> bool:
        buried = replace(self.envelope, destination=DEAD, headers=dead_headers(self.envelope, reason))

        def bury(connection: sqlite3.Connection) -> bool:
            ours = self._forget(connection)
            if ours:
                insert(connection, buried)
            return ours

        return self._consumer.settle(self, bury, wait=True)

    def _forget(self, connection: sqlite3.Connection) -> bool:
        return connection.execute(_FORGET, (self.seq, self.token)).rowcount == 1


class EmbeddedConsumer:
    """Claims messages in batches, the first lane first, never more than its prefetch at a time.

    Args:
        waits: True when a read finds something that a claim might take.
        news: notified when this process published something.
    """

    def __init__(
        self,
        destinations: Sequence[str],
        *,
        prefetch: int,
        settings: BrokerSettings,
        writer: GroupCommit,
        waits: Callable[[Sequence[str]], bool],
        news: threading.Condition,
    ) -> None:
        self._destinations, self._prefetch, self._settings = tuple(destinations), prefetch, settings
        self._writer, self._waits, self._news = writer, waits, news
        self._turns = LaneTurns(len(self._destinations))
        self._held: dict[int, EmbeddedDelivery] = {}
        self._taking = threading.Lock()
        self._paused = self._closed = self._down = False

    def receive(self, limit: int, *, wait_s: float) -> list[Delivery]:
        deadline, pause_s = time.monotonic() + wait_s, POLL_S[0]
        while not self._closed:
            with self._taking:
                taken = self._try_to_take(limit, max(pause_s, deadline - time.monotonic()))
            left_s = deadline - time.monotonic()
            if taken or left_s <= 0:
                return list(taken)
            with self._news:
                self._news.wait(min(pause_s, left_s))
            pause_s = min(pause_s * 1.5, POLL_S[1])
        return []

    def pause(self) -> None:
        """Nothing is fetched ahead, so there is nothing to give back."""
        self._paused = True

    def resume(self) -> None:
        self._paused = False

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._give_back()

    def settle(self, delivery: EmbeddedDelivery, change: Callable[[sqlite3.Connection], bool], *, wait: bool) -> bool:
        """Apply ``change`` if the lease is still ours; False when it is not."""
        with self._news:
            if self._held.get(delivery.seq) is not delivery:
                return False
            del self._held[delivery.seq]
            self._news.notify_all()  # there is room for another message now
        # Inside the lease nobody else can have it; after the lease (a frozen process woke up) only the table knows.
        if not wait and now() < delivery.held_until:
            self._writer.post(change, expires_at=delivery.held_until)
            return True
        try:
            limit_s = self._settings.confirm_timeout_s
            return self._writer.call(change, timeout_s=limit_s, grace_s=limit_s)
        except BrokerUnavailable:
            return False  # the lease runs out, and the message is delivered again

    def renew(self, connection: sqlite3.Connection) -> None:
        """Prolong the leases of what is held; forget what was taken away meanwhile."""
        until = now() + self._settings.lease_s
        with self._news:
            held = list(self._held.values())
        for delivery in held:
            if connection.execute(_PROLONG, (until, delivery.seq, delivery.token)).rowcount:
                delivery.held_until = until
                continue
            with self._news:
                self._held.pop(delivery.seq, None)
            logger.warning("lease lost", extra={"message_id": delivery.envelope.message_id})

    def _try_to_take(self, limit: int, timeout_s: float) -> list[EmbeddedDelivery]:
        slots = min(limit, self._prefetch - len(self._held), CLAIM_LIMIT)
        if self._paused or slots <= 0:
            return []
        try:
            if not self._waits(self._destinations):
                return []
            taken = self._writer.call(
                lambda connection: self._claim(connection, slots),
                timeout_s=timeout_s,
                grace_s=self._settings.confirm_timeout_s,  # what is claimed must not be left to run out
                durable=False,
            )
        except BrokerMisconfigured:
            raise
        except BrokerUnavailable as error:
            if not self._down:
                logger.warning("cannot receive", extra={"reason": str(error)})
            self._down = True
            return []
        self._down = False
        with self._news:
            self._held.update({delivery.seq: delivery for delivery in taken})
        if self._closed:
            self._give_back()
            return []
        return taken

    def _claim(self, connection: sqlite3.Connection, slots: int) -> list[EmbeddedDelivery]:
        overdue, stranded = overdue_bounds(self._settings)
        connection.execute(_FREE_OVERDUE, (overdue,))
        connection.execute(_FREE_STRANDED, (stranded,))
        waiting = [deque(connection.execute(_NEXT, (lane, slots)).fetchall()) for lane in self._destinations]
        chosen: list[int] = []
        while len(chosen) < slots:
            lane = self._turns.next([bool(rows) for rows in waiting])
            if lane is None:
                break
            chosen.append(waiting[lane].popleft()[0])
        token, until = secrets.token_hex(8), now() + self._settings.lease_s
        rows = connection.execute(_TAKE, (until, token, json.dumps(chosen))).fetchall() if chosen else []
        taken = {row[0]: EmbeddedDelivery(self, row[0], token, until, _envelope(row)) for row in rows}
        return [taken[seq] for seq in chosen]

    def _give_back(self) -> None:
        with self._news:
            held = list(self._held.values())
            self._held.clear()
            self._news.notify_all()

        def release(connection: sqlite3.Connection) -> None:
            connection.executemany(_RELEASE, [(delivery.seq, delivery.token) for delivery in held])

        if held:
            self._writer.post(release, expires_at=now() + self._settings.lease_s)


def overdue_bounds(settings: BrokerSettings) -> tuple[float, float]:
    """Return the bounds outside which a due time is over.

    The upper one: further ahead than any lease or delay lasts stems from before a reboot, when the clock began anew.
    """
    return now(), now() + max(settings.lease_s, RETRY_LADDER_S[-1]) + 1.0


def _envelope(row: tuple[int, str, str, int, str, str, str, bytes]) -> Envelope:
    _, destination, message_id, attempt, priority, correlation_id, headers, body = row
    return Envelope(
        message_id=message_id,
        destination=destination,
        body=body,
        priority=Priority(priority),
        attempt=attempt,
        correlation_id=correlation_id,
        headers=json.loads(headers) if headers else {},
    )
