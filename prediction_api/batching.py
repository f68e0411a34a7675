"""Batches concurrent requests: what waits while one inference runs goes into the next. Nothing waits when idle."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from helpdesk import metrics
from helpdesk.errors import ModelUnavailable, PredictionFailed
from helpdesk.predictions import ModelInfo, Prediction

MAX_INFERENCE = 32
MAX_WAITING = 8_192

_logger = logging.getLogger(__name__)


class Model(Protocol):
    """What serves; ``models.classifier.Classifier`` is one."""

    @property
    def info(self) -> ModelInfo: ...

    def predict(self, texts: Sequence[str]) -> list[Prediction]: ...


class Batcher:
    """Hands texts to the model, up to ``MAX_INFERENCE`` at a time, on one thread. Belongs to one event loop.

    A large request is only a run of texts in the same queue, so that it does not keep small ones waiting for its end.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._waiting: deque[tuple[str, asyncio.Future[Prediction | None]]] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="inference")
        self._running: asyncio.Task[None] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether it works or has work; any thread may ask."""
        return self._running is not None and not self._running.done()

    async def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Return one prediction per text, in order.

        Raises:
            ModelUnavailable: too many texts wait already.
            PredictionFailed: the model breaks on some of the texts; the message counts them off.
        """
        if len(self._waiting) + len(texts) > MAX_WAITING:
            raise ModelUnavailable(f"More than {MAX_WAITING} tickets wait for a prediction; send fewer at a time.")
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[Prediction | None]] = [loop.create_future() for _ in texts]
        self._waiting.extend(zip(texts, futures, strict=True))
        if self._running is None or self._running.done():
            self._running = loop.create_task(self._work())
        outcomes = await asyncio.gather(*futures)
        predictions = [outcome for outcome in outcomes if outcome is not None]
        if len(predictions) < len(outcomes):
            raise PredictionFailed(_which_failed(outcomes))
        return predictions

    async def close(self) -> None:
        """Finish what waits, then end the thread."""
        if self._running is not None:
            await self._running
        self._thread.shutdown()

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            metrics.prediction_queue.set(len(self._waiting))
            batch = [self._waiting.popleft() for _ in range(min(MAX_INFERENCE, len(self._waiting)))]
            batch = [(text, future) for text, future in batch if not future.done()]  # the others' callers went away
            texts = [text for text, _ in batch]
            outcomes = await loop.run_in_executor(self._thread, self._infer, texts)
            for (_, future), outcome in zip(batch, outcomes, strict=True):
                if not future.done():
                    future.set_result(outcome)
        metrics.prediction_queue.set(0)

    def _infer(self, texts: Sequence[str]) -> Sequence[Prediction | None]:
        """Return a prediction per text; None where the model fails."""
        began = time.perf_counter()
        try:
            predictions: Sequence[Prediction | None] = self._model.predict(texts)
        except BaseException:  # a panic of the tokenizer is no Exception, and would leave all callers waiting for ever
            # One text must not cost its neighbours their answer.
            _logger.exception("inference failed", extra={"tickets": len(texts)})
            predictions = [self._infer_one(text) for text in texts]
        metrics.prediction_batch_size.observe(len(texts))
        metrics.prediction_duration.observe(time.perf_counter() - began)
        return predictions

    def _infer_one(self, text: str) -> Prediction | None:
        try:
            return self._model.predict([text])[0]
        except BaseException:
            return None


def _which_failed(outcomes: Sequence[Prediction | None]) -> str:
    if len(outcomes) == 1:
        return "The model failed on this ticket; the log says why."
    failed = [str(at) for at, outcome in enumerate(outcomes) if outcome is None]
    shown = ", ".join(failed[:10]) + (", …" if len(failed) > 10 else "")
    return (
        f"The model failed on {len(failed)} of {len(outcomes)} tickets (counted from 0: {shown}); the log says why. "
        "Ask for the others without them."
    )
