"""WordPiece as MiniLM has it, over a subset of its vocabulary, plus one token per placeholder; needs no torch."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.lite_graph import shortened
from models.preprocess import PLACEHOLDERS

PAD, UNKNOWN = "[PAD]", "[UNK]"


class TicketTokenizer:
    """Turns normalised texts into ids; id 0 pads."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    @property
    def vocabulary_size(self) -> int:
        """The number of ids, padding included."""
        return self._tokenizer.get_vocab_size()

    @property
    def largest_id(self) -> int:
        """The largest id that any text can have."""
        return max(self._tokenizer.get_vocab().values())

    def pieces(self) -> list[str]:
        """Return every piece, by id."""
        return [str(self._tokenizer.id_to_token(number)) for number in range(self.vocabulary_size)]

    def ids(self, text: str) -> list[int]:
        """Return the ids of one text, at most MAX_TOKENS."""
        return shortened(self._tokenizer.encode(text).ids)

    def encode(self, texts: Sequence[str]) -> NDArray[np.int32]:
        """Return ids, padded to the longest text: shape (len(texts), 1..MAX_TOKENS)."""
        encoded = [shortened(encoding.ids) for encoding in self._tokenizer.encode_batch_fast(list(texts))]
        width = max((len(ids) for ids in encoded), default=0)
        padded = np.zeros((len(encoded), max(width, 1)), dtype=np.int32)
        for row, ids in zip(padded, encoded, strict=True):
            row[: len(ids)] = ids
        return padded

    def to_json(self) -> str:
        """Return the tokenizer as the JSON that ``load_tokenizer`` reads."""
        return str(self._tokenizer.to_str(pretty=False))


def load_tokenizer(path: Path) -> TicketTokenizer:
    """Read what ``TicketTokenizer.to_json`` gave."""
    tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
    tokenizer.no_padding()  # ours has none; a foreign one could make any number of ids of every text
    tokenizer.no_truncation()
    return TicketTokenizer(tokenizer)


def minilm_tokenizer(model_dir: Path) -> TicketTokenizer:
    """Return MiniLM's own tokenizer, without its special tokens around a text."""
    return TicketTokenizer(_from_parts(json.loads((model_dir / "tokenizer.json").read_text(encoding="utf-8"))))


def pruned_tokenizer(model_dir: Path, texts: Iterable[str], *, frequent: int) -> TicketTokenizer:
    """Return MiniLM's tokenizer over fewer pieces.

    Args:
        model_dir: the folder of MiniLM's files.
        texts: normalised texts whose pieces are all kept.
        frequent: how many of the vocabulary's first ids are kept besides; it is sorted by frequency. What is dropped
            falls apart into smaller pieces, never into unknown ones, as long as its characters are kept.
    """
    parts = json.loads((model_dir / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary: dict[str, int] = parts["model"]["vocab"]
    whole = _from_parts(parts)
    used = {piece for encoding in whole.encode_batch(list(texts)) for piece in encoding.tokens}
    kept = [
        piece
        for piece, number in sorted(vocabulary.items(), key=lambda item: item[1])
        if piece in used or (number < frequent and not piece.startswith("[")) or _is_letter(piece)
    ]
    pieces = [PAD, UNKNOWN, *(piece for piece in kept if piece not in (PAD, UNKNOWN, *PLACEHOLDERS))]
    parts["model"]["vocab"] = {piece: number for number, piece in enumerate(pieces)}
    return TicketTokenizer(_from_parts(parts))


def _is_letter(piece: str) -> bool:
    letter = piece.removeprefix("##")
    return len(letter) == 1 and letter.isascii()


def _from_parts(parts: dict[str, object]) -> Tokenizer:
    parts = dict(parts)
    vocabulary = parts["model"]["vocab"]  # type: ignore[index]  # a JSON document
    parts["added_tokens"] = [
        {
            "id": vocabulary[piece],
            "content": piece,
            "special": True,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
        }
        for piece in (PAD, UNKNOWN)
    ]
    for part in ("post_processor", "padding", "truncation"):
        parts[part] = None
    tokenizer = Tokenizer.from_str(json.dumps(parts))
    tokenizer.add_special_tokens(list(PLACEHOLDERS))
    return tokenizer
