"""Fitting a network: batches of similar length, cosine decay, label smoothing; the same seed gives the same weights."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from models.calibrate import Ints

_WIDTH_STEP = 8
_BATCHES_SORTED_TOGETHER = 16

Progress = Callable[[str, int, int, float], None]
"""Called as work goes on with (what is done, steps done, steps in all, loss or 0)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitOptions:
    """How a network is fitted.

    Attributes:
        warm_up: share of the steps over which the learning rate rises from nothing.
    """

    epochs: int
    batch_size: int = 256
    learning_rate: float = 2e-3
    label_smoothing: float = 0.1
    weight_decay: float = 1e-4
    warm_up: float = 0.0


class Batches(Protocol):
    """Training rows, drawn anew for each epoch."""

    def __len__(self) -> int:
        """The number of batches of an epoch."""

    def epoch(self) -> Iterator[tuple[NDArray[Any], NDArray[np.float32]]]:
        """Draw one epoch: inputs and one-hot targets."""

    @property
    def signature(self) -> tuple[tf.TensorSpec, tf.TensorSpec]:
        """Shapes and types of a batch. Keras guesses widths from the first few and then refuses others."""


def fit(
    network: keras.Model, batches: Batches, options: FitOptions, *, name: str, on_progress: Progress | None = None
) -> None:
    """Fit a network that gives logits."""
    steps = options.epochs * len(batches)
    warming = round(steps * options.warm_up)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0 if warming else options.learning_rate,
        steps - warming,
        warmup_target=options.learning_rate if warming else None,
        warmup_steps=warming,
    )
    network.compile(
        keras.optimizers.AdamW(schedule, weight_decay=options.weight_decay),
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=options.label_smoothing),
    )
    report = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: (
            on_progress(name, epoch + 1, options.epochs, logs["loss"]) if on_progress else None
        )
    )

    def drawn() -> Iterator[tuple[NDArray[Any], NDArray[np.float32]]]:
        for _ in range(options.epochs):
            yield from batches.epoch()

    data = tf.data.Dataset.from_generator(drawn, output_signature=batches.signature)
    network.fit(data, steps_per_epoch=len(batches), epochs=options.epochs, verbose=0, callbacks=[report], shuffle=False)


class TokenBatches:
    """Rows of token ids, each batch padded to its own longest: most texts are short, and padding costs as words do.

    Args:
        copies: the same rows several times over, first as they are, then noisy; each epoch takes the first copy and
            one of the others, in turn.
        targets: each row's column.
    """

    def __init__(
        self, copies: Sequence[Sequence[Sequence[int]]], targets: Ints, outputs: int, *, batch_size: int, seed: int
    ) -> None:
        self._copies, self._targets, self._outputs, self._batch_size = copies, targets, outputs, batch_size
        self._rng = np.random.default_rng(seed)
        self._epoch = 0

    @property
    def signature(self) -> tuple[tf.TensorSpec, tf.TensorSpec]:
        return tf.TensorSpec((None, None), tf.int32), tf.TensorSpec((None, self._outputs), tf.float32)

    def __len__(self) -> int:
        return -(-len(self._targets) * min(len(self._copies), 2) // self._batch_size)

    def epoch(self) -> Iterator[tuple[NDArray[np.int32], NDArray[np.float32]]]:
        clean, *noisy = self._copies
        rows = [*clean, *(noisy[self._epoch % len(noisy)] if noisy else ())]
        self._epoch += 1
        lengths = np.array([len(row) for row in rows])
        order = self._rng.permutation(len(rows))
        batches = []
        for start in range(0, len(order), self._batch_size * _BATCHES_SORTED_TOGETHER):
            together = order[start : start + self._batch_size * _BATCHES_SORTED_TOGETHER]
            together = together[np.argsort(lengths[together], kind="stable")]
            batches += [together[at : at + self._batch_size] for at in range(0, len(together), self._batch_size)]
        for number in self._rng.permutation(len(batches)):
            chosen = batches[number]
            targets = self._targets[chosen % len(self._targets)]
            yield padded([rows[row] for row in chosen]), one_hot(targets, self._outputs)


class VectorBatches:
    """Rows of vectors in a new order each epoch."""

    def __init__(
        self, vectors: NDArray[np.float32], targets: Ints, outputs: int, *, batch_size: int, seed: int
    ) -> None:
        self._vectors, self._targets, self._outputs, self._batch_size = vectors, targets, outputs, batch_size
        self._rng = np.random.default_rng(seed)

    @property
    def signature(self) -> tuple[tf.TensorSpec, tf.TensorSpec]:
        inputs = tf.TensorSpec((None, self._vectors.shape[1]), tf.float32)
        return inputs, tf.TensorSpec((None, self._outputs), tf.float32)

    def __len__(self) -> int:
        return -(-len(self._targets) // self._batch_size)

    def epoch(self) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        order = self._rng.permutation(len(self._targets))
        for start in range(0, len(order), self._batch_size):
            chosen = order[start : start + self._batch_size]
            yield self._vectors[chosen], one_hot(self._targets[chosen], self._outputs)


def padded(rows: Sequence[Sequence[int]]) -> NDArray[np.int32]:
    """Return rows of ids padded with zeros to a common width, a multiple of 8: few widths mean few compilations."""
    width = max(1, *(len(row) for row in rows))
    ids = np.zeros((len(rows), -(-width // _WIDTH_STEP) * _WIDTH_STEP), dtype=np.int32)
    for target, row in zip(ids, rows, strict=True):
        target[: len(row)] = row
    return ids


def one_hot(columns: Ints, outputs: int) -> NDArray[Any]:
    """Return (n, outputs), 1 in each row's column."""
    return np.eye(outputs, dtype=np.float32)[columns]
