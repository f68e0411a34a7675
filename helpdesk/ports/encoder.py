"""The encoder port: texts as unit vectors whose dot product says how alike they are."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


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
