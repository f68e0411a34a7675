"""The encoder port: texts as unit vectors whose dot product says how alike they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Encoding:
    """What one run of the model says of one text.

    Attributes:
        vector: of the whole text, as ``Encoder.encode`` gives it; shape (dimension,).
        tokens: one row per word piece, shape (word pieces, dimension): its direction is what the piece means in this
            text, its length how much it weighs there.
    """

    vector: NDArray[np.float32]
    tokens: NDArray[np.float32]


class Encoder(Protocol):
    """Turns texts into vectors."""

    @property
    def name(self) -> str:
        """The model's name; vectors of different names are not comparable."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row per text, of unit length, in order; safe to call from several threads.

        Returns:
            Shape (len(texts), dimension).
        Raises:
            KnowledgeUnavailable: the model cannot be loaded.
        """

    def encode_with_tokens(self, texts: Sequence[str]) -> list[Encoding]:
        """Return vector and token vectors of each text, from one run; otherwise as ``encode``."""
