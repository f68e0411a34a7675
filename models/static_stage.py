"""The first stage: a small network over static token vectors, for every ticket."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.lite_graph import TokenGraph, TokenTable
from models.tokenizer import TicketTokenizer


class StaticStage:
    """Tokenizer and graph. Belongs to one thread at a time.

    Texts go through one by one: a call costs 10 µs, less than the padding that a batch of unequal texts would need.
    """

    def __init__(self, tokenizer: TicketTokenizer, table: TokenTable, graph: bytes) -> None:
        self._tokenizer, self._graph = tokenizer, TokenGraph(graph, table)

    def logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return logits of texts as a ``TextReader`` gives them: (len(texts), n_labels + 1), out-of-scope last."""
        return np.stack([self._graph.run(self._tokenizer.ids(text)) for text in texts])
