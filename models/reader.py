"""Reads a ticket's text as the stages do: placeholders, then slips of the finger corrected. Part of an artifact."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from models.preprocess import normalise
from models.spelling import Speller, training_words

FREQUENT_PIECES = 10_000
_SHORT_LETTERS = 3


class TextReader:
    """Turns readable texts into what both stages read; the same in training and in serving."""

    def __init__(self, words: dict[str, int], known: Iterable[str]) -> None:
        self._words, self._known = words, sorted(known)
        self._speller = Speller(words, self._known)

    def read(self, texts: Sequence[str]) -> list[str]:
        """Return the texts with placeholders and without slips."""
        return [self._speller.correct(normalise(text)) for text in texts]

    def to_json(self) -> str:
        """Return what ``load_reader`` reads."""
        return json.dumps({"words": self._words, "known": self._known}, ensure_ascii=False, separators=(",", ":"))


def load_reader(content: str) -> TextReader:
    """Read what ``TextReader.to_json`` gave; raises ValueError or KeyError on anything else."""
    stored = json.loads(content)
    return TextReader(stored["words"], stored["known"])


def build_reader(model_dir: Path, texts: Iterable[str]) -> TextReader:
    """Return a reader that knows the words of these readable training texts and MiniLM's whole words.

    Of MiniLM's short words only the frequent ones count: the others are no words but parts of some, such as "teh".
    """
    pieces = (model_dir / "vocab.txt").read_text(encoding="utf-8").splitlines()
    known = (
        piece
        for number, piece in enumerate(pieces)
        if piece.isalpha() and (len(piece) > _SHORT_LETTERS or number < FREQUENT_PIECES)
    )
    return TextReader(training_words(normalise(text) for text in texts), known)
