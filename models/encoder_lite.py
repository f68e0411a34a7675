"""MiniLM as it serves: LiteRT graph, table of token vectors and tokenizer in a folder; needs no TensorFlow."""

import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError
from tokenizers import Tokenizer

from helpdesk.errors import ModelUnavailable
from models.lite_graph import MAX_TOKENS, TokenGraph, TokenTable, read_table, shortened

CORE, TABLE, TOKENIZER, RECORD = "core.tflite", "table.npz", "tokenizer.json", "encoder.json"
_CHUNK = 128
_REMEDY = "build it with `python -m models.encoder_export`"


class EncoderRecord(BaseModel):
    """What an encoder was made from, and the SHA-256 of each of its files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    files: dict[str, str]

    @property
    def checksum(self) -> str:
        """SHA-256 over the checksums of all files: names the content."""
        return hashlib.sha256(json.dumps(self.files, sort_keys=True).encode()).hexdigest()


class LiteEncoder:
    """Turns texts into unit vectors of 384 numbers. Safe across threads, which take turns.

    Texts go through one by one: the padding of a batch of unequal texts costs more than the calls.
    """

    def __init__(self, record: EncoderRecord, graph: bytes, table: TokenTable, tokenizer: str) -> None:
        self.record = record
        self._parts = graph, table, tokenizer
        self._tokenizer = Tokenizer.from_str(tokenizer)
        self._graph = TokenGraph(graph, table)
        self._lock = threading.Lock()

    def encode(self, texts: Sequence[str], *, max_tokens: int = MAX_TOKENS) -> NDArray[np.float32]:
        """Return one vector per text: shape (len(texts), 384); of a long text, beginning and end are read."""
        rows = [self.ids(text, max_tokens=max_tokens) for text in texts]
        with self._lock:
            return np.stack([self._graph.run(ids) for ids in rows])

    def ids(self, text: str, *, max_tokens: int = MAX_TOKENS) -> list[int]:
        """Return the ids of one text between MiniLM's marks."""
        return shortened(self._tokenizer.encode(text).ids, max_tokens)

    def with_graph(self, graph: bytes) -> "LiteEncoder":
        """Return the same encoder with another graph above its token table, such as a fine-tuned one."""
        _, table, tokenizer = self._parts
        return LiteEncoder(self.record, graph, table, tokenizer)

    def copy(self) -> "LiteEncoder":
        """Return one for another thread, so that both run at the same time."""
        return LiteEncoder(self.record, *self._parts)


def load_encoder(directory: Path) -> LiteEncoder:
    """Return the encoder of a folder, after checking every file against its record.

    Raises:
        ModelUnavailable: it is not there, or damaged.
    """
    try:
        record = EncoderRecord.model_validate_json((directory / RECORD).read_bytes())
        contents = {name: (directory / name).read_bytes() for name in (CORE, TABLE, TOKENIZER)}
    except OSError as error:
        raise ModelUnavailable(f"There is no encoder at {directory}: {error.strerror}; {_REMEDY}.") from error
    except ValidationError as error:
        raise ModelUnavailable(f"The encoder's record {directory / RECORD} is damaged; {_REMEDY}.") from error
    for name, content in contents.items():
        if hashlib.sha256(content).hexdigest() != record.files.get(name):
            raise ModelUnavailable(
                f"The encoder's file {directory / name} is damaged: remove its folder, then {_REMEDY}."
            )
    return LiteEncoder(record, contents[CORE], read_table(contents[TABLE]), contents[TOKENIZER].decode())


def encode_in_parallel(
    encoder: LiteEncoder,
    texts: Sequence[str],
    *,
    threads: int,
    max_tokens: int = MAX_TOKENS,
    on_progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.float32]:
    """Return one vector per text, on several cores; equal texts are encoded once.

    Args:
        on_progress: called with (texts done, texts in all).
    """
    distinct = sorted(set(texts), key=len)
    chunks = [distinct[start : start + _CHUNK] for start in range(0, len(distinct), _CHUNK)]
    local = threading.local()

    def encode(chunk: list[str]) -> NDArray[np.float32]:
        if not hasattr(local, "encoder"):
            local.encoder = encoder.copy()
        vectors: NDArray[np.float32] = local.encoder.encode(chunk, max_tokens=max_tokens)
        return vectors

    parts: list[NDArray[np.float32]] = []
    with ThreadPoolExecutor(threads) as pool:
        for number, part in enumerate(pool.map(encode, chunks), start=1):
            parts.append(part)
            if on_progress:
                on_progress(min(number * _CHUNK, len(distinct)), len(distinct))
    row_of = {text: row for row, text in enumerate(distinct)}
    return np.concatenate(parts)[[row_of[text] for text in texts]]
