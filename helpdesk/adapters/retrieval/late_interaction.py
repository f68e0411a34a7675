"""Late interaction: a question and an article compared token by token."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LARGEST = 127
_LEAST = np.float32(1e-9)


@dataclass(frozen=True, slots=True)
class TokenMatrix:
    """The token vectors of one article, in 8 bits.

    Attributes:
        values: shape (tokens, dimension); each row uses the whole range.
        scales: shape (tokens,); what makes each row a unit vector.
    """

    values: NDArray[np.int8]
    scales: NDArray[np.float32]

    @property
    def size_bytes(self) -> int:
        """How much memory it takes."""
        return self.values.nbytes + self.scales.nbytes


def quantised(tokens: NDArray[np.float32]) -> NDArray[np.int8]:
    """Return the directions of token vectors in 8 bits; an error of 0.4 % of each row's largest number at most."""
    largest = np.maximum(np.abs(tokens).max(axis=1, keepdims=True, initial=0.0), _LEAST)
    return np.asarray(np.round(tokens / largest * _LARGEST), dtype=np.int8)


def token_matrix(values: NDArray[np.int8]) -> TokenMatrix:
    """Return what ``quantised`` gave, ready to compare."""
    norms = np.linalg.norm(values.astype(np.float32), axis=1)
    return TokenMatrix(values, (1 / np.maximum(norms, 1.0)).astype(np.float32))


def weighted(tokens: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a question's token vectors scaled so that their lengths sum to 1: the longer one, the more it counts."""
    total = np.linalg.norm(tokens, axis=1).sum()
    return np.asarray(tokens / np.maximum(total, _LEAST), dtype=np.float32)


def max_similarity(question: NDArray[np.float32], article: TokenMatrix) -> float:
    """Return the mean cosine between each token of a question and the token of an article that is nearest to it.

    Args:
        question: token vectors as ``weighted`` gives them.

    Source:
        Khattab and Zaharia 2020 (ColBERT), with a mean that weighs tokens instead of their sum.
    """
    if not len(question) or not len(article.values):
        return 0.0
    products = question @ article.values.astype(np.float32).T
    return float((products * article.scales).max(axis=1).sum())
