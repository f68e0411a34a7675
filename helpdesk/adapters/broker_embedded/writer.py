"""Group commit: one thread runs all writes of this process, as many to a transaction as are waiting."""

import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from helpdesk.adapters.broker_embedded.schema import connect, translate
from helpdesk.errors import BrokerUnavailable, PublishUnconfirmed

logger = logging.getLogger(__name__)

T = TypeVar("T")

GROUP_LIMIT = 1024
"""Writes in one transaction at most."""

RETRY_PAUSE_S = 0.05


@dataclass(slots=True)
class _Write:
    work: Callable[[sqlite3.Connection], Any]
    future: Future[Any] | None
    expires_at: float
    durable: bool

    def is_wanted(self) -> bool:
        if self.future is not None and self.future.cancelled():
            return False
        return time.monotonic() < self.expires_at


class GroupCommit:
    """Runs writes in the order in which they came.

    A durable write survives a power cut once ``call`` returns. The others survive the end of the process, but a power
    cut may undo them: right for leases and acks, whose loss is one more delivery, and far faster.
    While the file is locked or full, writes wait until their caller gives up; then everything goes on by itself.

    Args:
        every_s: how often ``periodic`` runs besides.
        periodic: a write of the broker's own, such as renewing leases.
    """

    def __init__(self, path: Path, *, every_s: float, periodic: Callable[[sqlite3.Connection], None]) -> None:
        self._path, self._every_s, self._periodic = path, every_s, periodic
        self._arrivals: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._connection: sqlite3.Connection | None = None
        self._problem: BrokerUnavailable | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="embedded-broker-writer", daemon=True)
        self._thread.start()

    def call(
        self, work: Callable[[sqlite3.Connection], T], *, timeout_s: float, grace_s: float = 0.0, durable: bool = True
    ) -> T:
        """Run ``work`` in a transaction and return its result once that is committed.

        Args:
            timeout_s: how long to wait for a turn and for the commit.
            grace_s: how much longer to wait for a commit that has begun.

        Raises:
            PublishUnconfirmed: it was being committed when the time was up; it may or may not have happened.
            BrokerUnavailable: it did not happen.
        """
        if self._closing:
            raise BrokerUnavailable("the broker is closed")
        future: Future[T] = Future()
        self._arrivals.put(_Write(work, future, time.monotonic() + timeout_s, durable))
        try:
            return future.result(timeout_s)
        except FutureTimeout:
            if future.cancel():
                raise self._problem or BrokerUnavailable(f"no turn to write within {timeout_s:g} s") from None
        try:
            return future.result(grace_s)
        except FutureTimeout:
            raise PublishUnconfirmed(f"no commit within {timeout_s + grace_s:g} s") from None

    def post(self, work: Callable[[sqlite3.Connection], Any], *, expires_at: float) -> None:
        """Run ``work`` in some later transaction, not durably; try again on failure until ``expires_at``."""
        self._arrivals.put(_Write(work, None, expires_at, durable=False))

    def close(self) -> None:
        """Run what is waiting, then end the thread."""
        self._closing = True
        self._arrivals.put(None)
        self._thread.join()

    def _run(self) -> None:
        pending: list[_Write] = []
        next_periodic = time.monotonic() + self._every_s
        while not (self._closing and not pending and self._arrivals.empty()):
            pending = self._gather(pending, next_periodic)
            if time.monotonic() >= next_periodic:
                pending.append(_Write(self._periodic, None, time.monotonic() + self._every_s, durable=False))
                next_periodic = time.monotonic() + self._every_s
            pending = [write for write in pending if write.is_wanted()]
            if pending:
                pending = self._commit(pending)
                if pending:
                    time.sleep(RETRY_PAUSE_S)
        self._disconnect()

    def _gather(self, pending: list[_Write], until: float) -> list[_Write]:
        """Return what is waiting; when nothing is, wait for the first."""
        try:
            if not pending:
                first = self._arrivals.get(timeout=max(0.0, until - time.monotonic()))
                if first is not None:
                    pending.append(first)
            while len(pending) < GROUP_LIMIT:
                write = self._arrivals.get_nowait()
                if write is not None:
                    pending.append(write)
        except queue.Empty:
            pass
        return pending

    def _commit(self, writes: list[_Write]) -> list[_Write]:
        """Run ``writes`` in one transaction and return those that are to be tried again."""
        try:
            if self._connection is None:
                self._connection = connect(self._path)
            connection = self._connection
            durable = any(write.durable for write in writes)
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            connection.execute("BEGIN IMMEDIATE")
        except (sqlite3.Error, BrokerUnavailable) as error:
            problem = self._note(error)
            if "locked" not in str(error):
                self._disconnect()
            if self._closing:
                self._fail(writes, problem)
                return []
            return writes
        running = [write for write in writes if write.future is None or write.future.set_running_or_notify_cancel()]
        try:
            results = [write.work(connection) for write in running]
            connection.execute("COMMIT")
        except Exception as error:
            self._disconnect()  # rolls back, where SQLite has not done so already
            unheard = self._fail(running, self._note(error))
            return [] if self._closing else unheard
        self._problem = None
        for write, result in zip(running, results, strict=True):
            if write.future is not None:
                write.future.set_result(result)
        return []

    def _fail(self, writes: list[_Write], problem: BrokerUnavailable) -> list[_Write]:
        """Tell the callers that wait; return the writes for which nobody does."""
        for write in writes:
            if write.future is not None and not write.future.cancelled():
                write.future.set_exception(problem)
        return [write for write in writes if write.future is None]

    def _note(self, error: Exception) -> BrokerUnavailable:
        if not isinstance(error, sqlite3.Error | BrokerUnavailable):
            logger.error("embedded queue failed in a write", exc_info=error)
        problem = error if isinstance(error, BrokerUnavailable) else translate(error, self._path)
        if self._problem is None or str(self._problem) != str(problem):
            logger.warning("embedded queue cannot write", extra={"reason": str(problem)})
        self._problem = problem
        return problem

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
