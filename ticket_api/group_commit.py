"""Group commit: many requests' tickets in one transaction, so that one disk flush serves them all."""

import asyncio
import logging
import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from helpdesk.errors import IdempotencyConflict, StoreUnavailable
from helpdesk.ports.store import Store, Submission

log = logging.getLogger(__name__)

MAX_BATCH = 256
MAX_WAITING = 8_192
MAX_RACES = 8


@dataclass(frozen=True, slots=True)
class Accepted:
    """A ticket that is on disk; ``replayed`` when an earlier request with the same key had stored it."""

    ticket_id: str
    replayed: bool


_Outcome = Accepted | Exception
_Waiting = tuple[Submission, "asyncio.Future[Accepted]"]


def commit(store: Store, batch: Sequence[Submission]) -> list[_Outcome]:
    """Store a batch in one transaction; return one outcome per submission, in order.

    One submission that cannot be stored does not keep its neighbours from it.
    """
    for _ in range(MAX_RACES):
        try:
            return _commit_together(store, batch)
        except IdempotencyConflict:
            continue  # another process stored one of the keys after we had looked: look again
        except StoreUnavailable as error:
            return [error] * len(batch)
        except Exception as error:
            if len(batch) == 1:
                log.exception("a submission cannot be stored")
                return [error]
            return [outcome for submission in batch for outcome in commit(store, [submission])]
    return [StoreUnavailable("Other requests use the same idempotency keys at this moment.")] * len(batch)


def _commit_together(store: Store, batch: Sequence[Submission]) -> list[_Outcome]:
    outcomes: list[_Outcome] = []
    fresh: list[Submission] = []
    keys = [(record.owner, record.key) for submission in batch if (record := submission.idempotency)]
    with store.transaction() as tx:
        known = tx.idempotency_records(keys) if keys else {}
        for submission in batch:
            record = submission.idempotency
            earlier = known.get((record.owner, record.key)) if record else None
            if record is None or earlier is None:
                fresh.append(submission)
                outcomes.append(Accepted(submission.ticket.ticket_id, replayed=False))
                if record is not None:
                    known[record.owner, record.key] = record
            elif earlier.body_sha256 == record.body_sha256:
                outcomes.append(Accepted(earlier.ticket_id, replayed=True))
            else:
                outcomes.append(
                    IdempotencyConflict(
                        f"The idempotency key {record.key!r} came before with another body (ticket "
                        f"{earlier.ticket_id}). Send a new key with a new request."
                    )
                )
        if fresh:
            tx.add_submissions(fresh)
    return outcomes


class GroupCommit:
    """A thread that commits whatever has come in since its last commit."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Start; the calling event loop is the one that ``submit`` is called from."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def close(self) -> None:
        """Commit what waits, then end the thread."""
        self._waiting.put(None)
        self._thread.join()

    async def submit(self, submission: Submission) -> Accepted:
        """Return once the submission is on disk.

        Raises:
            IdempotencyConflict: its key was used with another body.
            StoreUnavailable: nothing was stored.
        """
        assert self._loop is not None, "not started"  # noqa: S101
        if self._waiting.qsize() >= MAX_WAITING:
            raise StoreUnavailable("Too many tickets wait to be stored.")
        future: asyncio.Future[Accepted] = self._loop.create_future()
        self._waiting.put((submission, future))
        return await future

    def _run(self) -> None:
        while (batch := self._next_batch()) is not None:
            outcomes = commit(self._store, [submission for submission, _ in batch])
            futures = [future for _, future in batch]
            assert self._loop is not None  # noqa: S101
            self._loop.call_soon_threadsafe(_settle, futures, outcomes)

    def _next_batch(self) -> list[_Waiting] | None:
        first = self._waiting.get()
        if first is None:
            return None
        batch = [first]
        while len(batch) < MAX_BATCH:
            try:
                following = self._waiting.get_nowait()
            except queue.Empty:
                break
            if following is None:
                self._waiting.put(None)
                break
            batch.append(following)
        return batch


def _settle(futures: Sequence["asyncio.Future[Accepted]"], outcomes: Sequence[_Outcome]) -> None:
    for future, outcome in zip(futures, outcomes, strict=True):
        if future.done():
            continue  # the client went away; its ticket is stored all the same
        if isinstance(outcome, Accepted):
            future.set_result(outcome)
        else:
            future.set_exception(outcome)
