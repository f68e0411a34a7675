"""The first stage: a small network over static token vectors, run by LiteRT, without TensorFlow or torch."""

import threading
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from helpdesk.errors import ModelUnavailable
from models.artifact import Artifact
from models.preprocess import normalise
from models.tokenizer import MAX_TOKENS, TicketTokenizer, load_tokenizer

NETWORK, TOKENIZER = "network.tflite", "tokenizer.json"
_WIDTHS = (16, 32, 64, 128, MAX_TOKENS)


class Stage(Protocol):
    """Part of the classifier that scores texts; stages are combined by their logits."""

    def logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return logits of readable texts: shape (len(texts), n_labels + 1), the last column being out-of-scope."""


class StaticStage:
    """Tokenizer and LiteRT network. Safe across threads, which take turns.

    Texts go through one by one: a call costs 10 µs, less than the padding that a batch of unequal texts would need.
    One interpreter per width, made when first needed, because setting a width costs more than running one.
    """

    def __init__(self, tokenizer: TicketTokenizer, network: bytes) -> None:
        self._tokenizer, self._network = tokenizer, network
        self._runners: dict[int, _Runner] = {}
        self._lock = threading.Lock()

    @property
    def tokenizer(self) -> TicketTokenizer:
        """The tokenizer, over normalised texts."""
        return self._tokenizer

    def logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [self._tokenizer.ids(normalise(text)) for text in texts]
        with self._lock:
            return np.stack([self._row(ids) for ids in rows])

    def _row(self, ids: Sequence[int]) -> NDArray[np.float32]:
        width = next(width for width in _WIDTHS if width >= len(ids))
        runner = self._runners.get(width)
        if runner is None:
            runner = self._runners[width] = _Runner(self._network, width)
        return runner.run(ids)


class _Runner:
    def __init__(self, network: bytes, width: int) -> None:
        self._interpreter = Interpreter(model_content=network, num_threads=1)
        (self._input,) = (detail["index"] for detail in self._interpreter.get_input_details())
        (self._output,) = (detail["index"] for detail in self._interpreter.get_output_details())
        self._interpreter.resize_tensor_input(self._input, (1, width))
        self._interpreter.allocate_tensors()
        self._ids = np.zeros((1, width), dtype=np.int32)

    def run(self, ids: Sequence[int]) -> NDArray[np.float32]:
        self._ids[:] = 0
        self._ids[0, : len(ids)] = ids
        self._interpreter.set_tensor(self._input, self._ids)
        self._interpreter.invoke()
        output: NDArray[np.float32] = self._interpreter.get_tensor(self._output)[0]
        return output


def load_static_stage(artifact: Artifact) -> StaticStage:
    """Return the stage of an artifact, after one run of it.

    Raises:
        ModelUnavailable: its files do not hold a network and a tokenizer that fit the manifest.
    """
    try:
        stage = StaticStage(load_tokenizer(artifact.file(TOKENIZER)), artifact.file(NETWORK).read_bytes())
        width = stage.logits(["Where is my order?"]).shape[1]
    except Exception as error:  # whatever the two libraries raise on bytes that they cannot read
        raise ModelUnavailable(f"The model {artifact.manifest.version} cannot be loaded: {error}") from error
    expected = len(artifact.manifest.labels) + 1
    if width != expected:
        raise ModelUnavailable(f"The model {artifact.manifest.version} gives {width} scores; it needs {expected}.")
    return stage
