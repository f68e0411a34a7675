"""The second stage: MiniLM's sentence vector and a trained head, for the tickets that the first is unsure of."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.encoder_lite import LiteEncoder
from models.lite_graph import VectorGraph
from models.preprocess import PLACEHOLDERS

_SPOKEN = dict(zip(PLACEHOLDERS, ("name@example.com", "www.example.com", "$10", "1 may", "12345", "10"), strict=True))
"""MiniLM knows no placeholders; it has seen addresses, amounts and numbers."""


MAX_ENCODER_TOKENS = 64
"""A quarter of what the static stage reads: a batch of long tickets must not keep its caller waiting for seconds."""


class EncoderStage:
    """Encoder and head. Belongs to one thread at a time."""

    def __init__(self, encoder: LiteEncoder, head: bytes) -> None:
        self._encoder, self._head = encoder, VectorGraph(head)

    def logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return logits of texts as a ``TextReader`` gives them: (len(texts), n_labels + 1), out-of-scope last."""
        return self.scores(self._encoder.encode([spoken(text) for text in texts], max_tokens=MAX_ENCODER_TOKENS))

    def scores(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return logits of sentence vectors that are already there."""
        return np.stack([self._head.run(vector) for vector in vectors])


def spoken(text: str) -> str:
    """Return a normalised text as MiniLM reads it: in lower case, with examples instead of placeholders."""
    for placeholder, example in _SPOKEN.items():
        text = text.replace(placeholder, example)
    return text.lower()
