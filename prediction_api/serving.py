"""What serves: follows its source, loads a new version beside the old one, then puts it in its place at once."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from prometheus_client import Counter, Histogram

from helpdesk import metrics
from helpdesk.errors import ModelUnavailable
from helpdesk.predictions import ModelInfo, Prediction
from prediction_api.batching import Batcher, Model
from prediction_api.shadow import Shadow
from prediction_api.source import ModelSource, Pin, Roles

FOLLOW_EVERY_S = 1.0
RETRY_LOADING_S = 5.0
WARMING_TEXTS = tuple("weather " * words for words in (1, 4, 12, 18, 26, 40, 56, 100, 200))
"""One per width of the networks, none of them a ticket, so that both stages are made ready at every width."""

_logger = logging.getLogger(__name__)

OpenShadow = Callable[[Model, Callable[[], bool]], Shadow]
"""Returns a running shadow of a model, which asks the function whether the live model works."""


@dataclass(frozen=True, slots=True)
class _Live:
    pin: Pin
    info: ModelInfo
    batcher: Batcher


@dataclass(frozen=True, slots=True)
class _Refusal:
    """A version that could not be loaded, why, and when to try again."""

    pin: Pin | None
    reason: str
    retry_at: float


class ServingModel:
    """The live model and, beside it, the shadow. Belongs to one event loop; loading runs in threads.

    Every request is answered by the batcher that it found, so that one response never mixes versions; one that was
    replaced finishes what it has begun.
    """

    def __init__(self, source: ModelSource, *, open_shadow: OpenShadow | None = None) -> None:
        self._source, self._open_shadow = source, open_shadow
        self._live: _Live | None = None
        self._refusal: _Refusal | None = None
        self._shadow: tuple[Pin, Shadow] | None = None
        self._shadow_refusal: _Refusal | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def follow(self) -> None:
        """Go on for ever: load what the source names. What serves goes on serving, whatever happens here."""
        while True:
            roles = await self._roles()
            if roles is not None:
                await self._end_shadow(unless=roles.shadow)
                await self._follow_live(roles.live)
                await self._begin_shadow(roles)
            await asyncio.sleep(FOLLOW_EVERY_S)

    async def close(self) -> None:
        """Finish what waits."""
        if self._shadow is not None:
            await asyncio.to_thread(self._shadow[1].close)
        if self._live is not None:
            await self._live.batcher.close()
        await asyncio.gather(*self._closing)

    @property
    def info(self) -> ModelInfo:
        """What serves; raises ModelUnavailable."""
        return self._serving().info

    @property
    def refused(self) -> str | None:
        """Why what should serve does not; None where it does."""
        return self._refusal.reason if self._refusal else None

    @property
    def shadow_version(self) -> str | None:
        """The version that predicts in shadow."""
        return self._shadow[0].version if self._shadow else None

    @property
    def shadow_refused(self) -> str | None:
        """Why the version that should be in shadow is not; None where it is, or none should be."""
        return self._shadow_refusal.reason if self._shadow_refusal else None

    async def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Return predictions, all by one version; raises ModelUnavailable or PredictionFailed."""
        # No `await` between finding the batcher and giving it the texts: one that is replaced gets none any more.
        predictions = await self._serving().batcher.predict(texts)
        for prediction in predictions:
            _observe(prediction)
        return predictions

    async def show_shadow(self, texts: Sequence[str], predictions: Sequence[Prediction]) -> None:
        """Let the version in shadow read tickets that were answered."""
        if self._shadow is not None:
            self._shadow[1].offer(texts, predictions)

    def _serving(self) -> _Live:
        if self._live is None:
            raise ModelUnavailable(self.refused or "The model is being loaded; try again in a few seconds.")
        return self._live

    def _is_busy(self) -> bool:
        return self._live is not None and self._live.batcher.is_busy

    async def _roles(self) -> Roles | None:
        try:
            return await asyncio.to_thread(self._source.roles)
        except Exception as error:
            self._refusal = _refused(None, error, self._refusal)
            return None

    async def _follow_live(self, wanted: Pin) -> None:
        if self._live is not None and self._live.pin == wanted:
            self._refusal = None
            return
        if _must_wait(self._refusal, wanted):
            return
        try:
            model = await asyncio.to_thread(self._ready, wanted)
        except Exception as error:
            self._refusal = _refused(wanted, error, self._refusal)
            return
        before, self._live = self._live, _Live(wanted, model.info, Batcher(model))
        self._refusal = None
        _logger.info("model loaded", extra={"model_version": model.info.model_version})
        if before is not None:
            metrics.model_switches.labels("switched").inc()
            finishing = asyncio.create_task(before.batcher.close())
            self._closing.add(finishing)
            finishing.add_done_callback(self._closing.discard)

    async def _end_shadow(self, *, unless: Pin | None) -> None:
        if self._shadow_refusal is not None and self._shadow_refusal.pin != unless:
            self._shadow_refusal = None
        if self._shadow is not None and self._shadow[0] != unless:
            (_, shadow), self._shadow = self._shadow, None
            await asyncio.to_thread(shadow.close)

    async def _begin_shadow(self, roles: Roles) -> None:
        wanted = roles.shadow
        if wanted is None or self._open_shadow is None or self._shadow is not None or self._live is None:
            return
        if _must_wait(self._shadow_refusal, wanted):
            return
        try:
            model = await asyncio.to_thread(self._ready, wanted)
            self._shadow = wanted, self._open_shadow(model, self._is_busy)
        except Exception as error:
            self._shadow_refusal = _refused(wanted, error, self._shadow_refusal)
            return
        self._shadow_refusal = None
        _logger.info("shadow begins", extra={"model_version": wanted.version})

    def _ready(self, pin: Pin) -> Model:
        """Load a version and run it once at every width, so that its first callers do not pay for that."""
        try:
            model = self._source.load(pin)
            model.predict(WARMING_TEXTS)
        except Exception:
            raise
        except BaseException as error:  # a panic of the tokenizer; let through, it would end the following for ever
            raise RuntimeError("a library failed beyond an exception") from error
        return model


def _must_wait(refusal: _Refusal | None, wanted: Pin) -> bool:
    return refusal is not None and refusal.pin == wanted and time.monotonic() < refusal.retry_at


def _refused(pin: Pin | None, error: Exception, before: _Refusal | None) -> _Refusal:
    """Return a refusal; the first of its kind is logged and counted."""
    expected = isinstance(error, ModelUnavailable)
    reason = str(error) if expected else f"The model cannot be loaded: {type(error).__name__}."
    if before is None or (before.pin, before.reason) != (pin, reason):
        metrics.model_switches.labels("refused").inc()
        _logger.error("model unavailable", extra={"reason": reason}, exc_info=None if expected else error)
    return _Refusal(pin, reason, time.monotonic() + RETRY_LOADING_S)


def _observe(prediction: Prediction) -> None:
    said, read, confidence = _series(
        prediction.predicted_label, prediction.out_of_scope, prediction.language, prediction.model_version
    )
    said.inc()
    read.inc()
    confidence.observe(prediction.prediction_confidence)


@cache
def _series(intent: str, out_of_scope: bool, language: str, version: str) -> tuple[Counter, Counter, Histogram]:
    """Looking children up by their labels costs more than counting does."""
    return (
        metrics.predictions.labels(intent, str(out_of_scope).lower(), version),
        metrics.prediction_languages.labels(language or "undetermined", version),
        metrics.prediction_confidence.labels(version),
    )
