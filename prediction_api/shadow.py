"""A version in shadow: reads tickets after they were answered, in a thread of its own, and only takes notes."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from helpdesk import metrics
from helpdesk.predictions import Prediction
from models.shadow_log import ShadowRecord, shadow_record
from prediction_api.batching import Model

MAX_WAITING = 1_024
MAX_WAITING_CHARACTERS = 4_000_000
MAX_UNWRITTEN = 64
PATIENCE_S = 0.05
"""While the live model works the shadow waits, but never longer: a busy hour is sampled too, at 20 tickets a second."""
_GLANCE_S = 0.002
_STOP_LIMIT_S = 5.0

_logger = logging.getLogger(__name__)


class Log(Protocol):
    """Keeps records; ``models.shadow_log.ShadowLog`` does."""

    def append(self, records: Sequence[ShadowRecord]) -> None: ...


class Shadow:
    """Runs one model beside the live one. Whatever it does or raises, the live answers are given already.

    Args:
        is_busy: says whether the live model works; the shadow then waits a moment.
    """

    def __init__(self, model: Model, log: Log, *, is_busy: Callable[[], bool]) -> None:
        self._model, self._log, self._is_busy = model, log, is_busy
        self._waiting: deque[tuple[str, Prediction]] = deque()
        self._characters = 0
        self._changed = threading.Condition()
        self._stopping = False
        self._unwritten: list[ShadowRecord] = []
        self._complained = False
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)
        self._thread.start()

    def offer(self, texts: Sequence[str], predictions: Sequence[Prediction]) -> None:
        """Take tickets with their live predictions, as many as there is room for; never waits, never raises."""
        dropped = 0
        with self._changed:
            for text, prediction in zip(texts, predictions, strict=True):
                full = len(self._waiting) >= MAX_WAITING or self._characters + len(text) > MAX_WAITING_CHARACTERS
                if full or self._stopping:
                    dropped += 1
                else:
                    self._waiting.append((text, prediction))
                    self._characters += len(text)
            metrics.shadow_queue.set(len(self._waiting))
            self._changed.notify()
        if dropped:
            metrics.shadow_predictions.labels("dropped").inc(dropped)

    def close(self) -> None:
        """Drop what waits, write down what is known, and end."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(_STOP_LIMIT_S)

    def _run(self) -> None:
        while (ticket := self._next()) is not None:
            self._give_way()
            self._read(*ticket)
            if len(self._unwritten) >= MAX_UNWRITTEN or not self._waiting:
                self._write()
        self._write()

    def _next(self) -> tuple[str, Prediction] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopping)
            if self._stopping:
                metrics.shadow_predictions.labels("dropped").inc(len(self._waiting))
                self._waiting.clear()
                metrics.shadow_queue.set(0)
                return None
            ticket = self._waiting.popleft()
            self._characters -= len(ticket[0])
            metrics.shadow_queue.set(len(self._waiting))
            return ticket

    def _give_way(self) -> None:
        limit = time.monotonic() + PATIENCE_S
        while self._is_busy() and not self._stopping and time.monotonic() < limit:
            time.sleep(_GLANCE_S)

    def _read(self, text: str, live: Prediction) -> None:
        began = time.perf_counter()
        try:
            (prediction,) = self._model.predict([text])
            duration_s = time.perf_counter() - began
            record = shadow_record(text, live, prediction, duration_s=duration_s)
        except BaseException as error:  # a panic of the tokenizer is no Exception
            metrics.shadow_predictions.labels("failed").inc()
            if self._is_first_trouble():
                _logger.error("the version in shadow failed", extra={"error": type(error).__name__})
            return
        metrics.shadow_duration.observe(duration_s)
        metrics.shadow_predictions.labels("agreed" if record.agrees else "disagreed").inc()
        self._unwritten.append(record)

    def _write(self) -> None:
        if not self._unwritten:
            return
        try:
            self._log.append(self._unwritten)
        except Exception as error:
            metrics.shadow_unrecorded.inc(len(self._unwritten))
            if self._is_first_trouble():
                _logger.error("shadow predictions are not recorded", extra={"error": type(error).__name__})
        self._unwritten.clear()

    def _is_first_trouble(self) -> bool:
        """Say whether to log: once per version, without the error's message, which may hold a text; metrics count."""
        first, self._complained = not self._complained, True
        return first
