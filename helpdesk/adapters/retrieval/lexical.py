"""Search by words: BM25 over stems."""

import re
from collections.abc import Sequence

import bm25s
import numpy as np
import Stemmer
from bm25s.stopwords import STOPWORDS_EN
from numpy.typing import NDArray

_WORD = re.compile(r"\w\w+")
_STOP_WORDS = frozenset(STOPWORDS_EN)


class LexicalIndex:
    """BM25 over a fixed list of texts. Safe across threads.

    Source:
        Robertson and Zaragoza 2009, in Lucene's variant; k1 = 1.5, b = 0.75.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        words = [stems(text) for text in texts]
        self._size = len(texts)
        self._known = {word for text in words for word in text}
        self._index = bm25s.BM25(method="lucene", k1=1.5, b=0.75)
        if self._known:
            self._index.index(words, show_progress=False)

    def scores(self, text: str) -> NDArray[np.float32]:
        """Return one score per text, 0 where no word is shared; shape (number of texts,)."""
        words = [word for word in stems(text) if word in self._known]
        if not words:
            return np.zeros(self._size, dtype=np.float32)
        return np.asarray(self._index.get_scores(words), dtype=np.float32)


def stems(text: str) -> list[str]:
    """Return the stems of a text's English words, stop words left out."""
    words = [word for word in _WORD.findall(text.lower()) if word not in _STOP_WORDS]
    stemmed: list[str] = Stemmer.Stemmer("english").stemWords(words)  # one each time: it is not safe across threads
    return stemmed
