"""The cascade: the static stage alone where it is sure, else the logits of both stages added, by calibrated weights."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from models.calibrate import Floats, Ints, fit_temperature, log_softmax
from models.reader import TextReader

_SHARES = np.arange(0.2, 0.81, 0.05)
_CONFIDENCES = np.concatenate([np.arange(0.5, 0.9, 0.02), np.arange(0.9, 1.0, 0.005)])
_MAX_LOSS_SHARE = 0.01

Temperature = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Stage(Protocol):
    """Part of the cascade that scores texts."""

    def logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return logits of read texts: (len(texts), n_labels + 1), the last column being out-of-scope."""


@dataclass(frozen=True, slots=True)
class Fusion:
    """What makes one calibrated score of two stages' logits.

    Attributes:
        static_temperature: divides the static stage's logits.
        encoder_temperature: divides the encoder stage's logits.
        encoder_share: weight of the encoder stage in the sum; the static stage has the rest.
        fused_temperature: divides the sum.
        sure_from: confidence from which the static stage's answer stands without the other.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    static_temperature: Temperature
    encoder_temperature: Temperature
    encoder_share: Share
    fused_temperature: Temperature
    sure_from: Share

    def alone(self, static: Floats) -> Floats:
        """Return calibrated logits of the static stage."""
        return static / self.static_temperature

    def fused(self, static: Floats, encoder: Floats) -> Floats:
        """Return calibrated logits of both stages."""
        summed = (1 - self.encoder_share) * self.alone(static) + self.encoder_share * encoder / self.encoder_temperature
        calibrated: Floats = summed / self.fused_temperature
        return calibrated

    def is_sure(self, static: Floats) -> NDArray[np.bool_]:
        """Say for each row whether the static stage's answer stands; out-of-scope is never its to say alone."""
        known = np.exp(log_softmax(self.alone(static)))[:, :-1].max(axis=1)
        sure: NDArray[np.bool_] = known >= self.sure_from
        return sure

    def cascaded(self, static: Floats, encoder: Floats) -> Floats:
        """Return the calibrated logits that the cascade gives, both stages' logits being known for every row."""
        return np.where(self.is_sure(static)[:, None], self.alone(static), self.fused(static, encoder))


class FusedStages:
    """Two stages as one that runs both for every text."""

    def __init__(self, first: Stage, second: Stage, fusion: Fusion) -> None:
        self._first, self._second, self._fusion = first, second, fusion

    def logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return their fused logits: (len(texts), n_labels + 1), the last column being out-of-scope."""
        first, second = (stage.logits(texts).astype(np.float64) for stage in (self._first, self._second))
        return self._fusion.fused(first, second).astype(np.float32)


class Cascade:
    """Both stages behind one reader. Safe across threads, which take turns."""

    def __init__(self, reader: TextReader, static: Stage, encoder: Stage, fusion: Fusion) -> None:
        self._reader, self._static, self._encoder, self._fusion = reader, static, encoder, fusion
        self._lock = threading.Lock()

    def logits(self, texts: Sequence[str]) -> Floats:
        """Return calibrated logits of readable texts: (len(texts), n_labels + 1)."""
        read = self._reader.read(texts)
        with self._lock:
            static = self._static.logits(read).astype(np.float64)
            calibrated = self._fusion.alone(static)
            unsure = np.flatnonzero(~self._fusion.is_sure(static))
            if len(unsure):
                encoder = self._encoder.logits([read[row] for row in unsure]).astype(np.float64)
                calibrated[unsure] = self._fusion.fused(static[unsure], encoder)
        return calibrated

    def static_logits(self, texts: Sequence[str]) -> Floats:
        """Return what the static stage says alone of each text, sure or not; for measuring."""
        with self._lock:
            return self._fusion.alone(self._static.logits(self._reader.read(texts)).astype(np.float64))

    def fused_logits(self, texts: Sequence[str]) -> Floats:
        """Return what both stages say together of each text; for measuring."""
        read = self._reader.read(texts)
        with self._lock:
            static, encoder = (stage.logits(read).astype(np.float64) for stage in (self._static, self._encoder))
        return self._fusion.fused(static, encoder)


def fit_fusion(static: Floats, encoder: Floats, targets: Ints) -> Fusion:
    """Choose a fusion on held-out rows.

    The share is the one of least negative log-likelihood. The static stage is left alone from the least confidence on
    above which it makes no more errors on these rows than both stages together do, and likelihood suffers by no more
    than a hundredth: fewer errors alone would let doubtful answers pass for good ones.
    """
    static_temperature, encoder_temperature = fit_temperature(static, targets), fit_temperature(encoder, targets)
    candidates = []
    for share in _SHARES:
        summed = (1 - share) * static / static_temperature + share * encoder / encoder_temperature
        temperature = fit_temperature(summed, targets)
        loss = -log_softmax(summed / temperature)[np.arange(len(targets)), targets].mean()
        candidates.append((float(loss), float(share), temperature))
    _, share, fused_temperature = min(candidates)
    together = Fusion(static_temperature, encoder_temperature, share, fused_temperature, sure_from=1.0)
    return Fusion(
        static_temperature,
        encoder_temperature,
        share,
        fused_temperature,
        sure_from=_sure_from(together.alone(static), together.fused(static, encoder), targets),
    )


def _sure_from(alone: Floats, fused: Floats, targets: Ints) -> float:
    rows = np.arange(len(targets))
    confidences = np.exp(log_softmax(alone))[:, :-1].max(axis=1)
    errors = (alone[:, :-1].argmax(axis=1) != targets).astype(int) - (fused[:, :-1].argmax(axis=1) != targets)
    fused_losses = -log_softmax(fused)[rows, targets]
    losses = -log_softmax(alone)[rows, targets] - fused_losses
    allowed = _MAX_LOSS_SHARE * fused_losses.sum()
    sure_from = 1.0
    for least in _CONFIDENCES[::-1]:
        sure = confidences >= least
        if errors[sure].sum() > 0 or losses[sure].sum() > allowed:
            break
        sure_from = float(least)
    return sure_from
