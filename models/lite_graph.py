"""What the stages run: LiteRT graphs on one text at a time, and tables of token vectors; needs no TensorFlow.

Tables stay outside of the graphs, because LiteRT would hold them in floats: four times the memory.
"""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

MAX_TOKENS = 256
"""Tokens of a ticket that are read: its beginning and, of a longer one, its end as well."""
HEAD_TOKENS = 192
_HEAD_SHARE = HEAD_TOKENS / MAX_TOKENS
_WIDTHS = (8, 16, 24, 32, 48, 64, 128, MAX_TOKENS)
_LARGEST = 127


@dataclass(frozen=True, slots=True)
class TokenTable:
    """One vector per token id, in 8 bits.

    Attributes:
        values: (tokens, dimensions) int8.
        scales: (tokens, 1); what each row is multiplied by.
    """

    values: NDArray[np.int8]
    scales: NDArray[np.float32]

    def vectors(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """Return the vectors of some ids: (len(ids), dimensions)."""
        vectors: NDArray[np.float32] = self.values[ids] * self.scales[ids]
        return vectors

    def to_bytes(self) -> bytes:
        """Return what ``read_table`` reads."""
        buffer = io.BytesIO()
        np.savez(buffer, values=self.values, scales=self.scales)
        return buffer.getvalue()


def quantised_table(vectors: NDArray[np.float32]) -> TokenTable:
    """Return a table that holds these vectors with an error of at most a 254th of each row's largest number."""
    scales = np.maximum(np.abs(vectors).max(axis=1, keepdims=True), 1e-9).astype(np.float32) / _LARGEST
    return TokenTable(np.round(vectors / scales).astype(np.int8), scales)


def read_table(content: bytes) -> TokenTable:
    """Read what ``TokenTable.to_bytes`` gave.

    Raises:
        ValueError: the bytes are anything else, such as more than they seem (a zip bomb), or pickled objects.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            size_bytes = sum(entry.file_size for entry in archive.infolist())
        if size_bytes > len(content):  # ours are not compressed
            raise ValueError(f"a table of {len(content)} bytes claims to hold {size_bytes}")
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            values, scales = stored["values"], stored["scales"]
    except (zipfile.BadZipFile, KeyError, EOFError, NotImplementedError) as error:
        raise ValueError(f"not a table of token vectors: {error}") from error
    if values.dtype != np.int8 or values.ndim != 2 or scales.dtype != np.float32 or scales.shape != (len(values), 1):
        found = f"{values.dtype}{values.shape} and {scales.dtype}{scales.shape}"
        raise ValueError(f"a table of token vectors is int8(n, d) and float32(n, 1), this one {found}")
    if not np.isfinite(scales).all():
        raise ValueError("a table of token vectors holds scales that are no numbers")
    return TokenTable(values, scales)


class TokenGraph:
    """A graph over the vectors of one text's tokens. Belongs to one thread at a time.

    One interpreter per width, made when first needed, because setting a width costs more than running one.
    """

    def __init__(self, graph: bytes, table: TokenTable) -> None:
        self._graph, self._table = graph, table
        self._runners: dict[int, _Runner] = {}

    def run(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """Return the graph's output for at most MAX_TOKENS ids, its first axis dropped."""
        width = next(width for width in _WIDTHS if width >= len(ids))
        runner = self._runners.get(width)
        if runner is None:
            runner = self._runners[width] = _Runner(self._graph, width, self._table.values.shape[1])
        return runner.run(self._table.vectors(ids))


class _Runner:
    def __init__(self, graph: bytes, width: int, dimensions: int) -> None:
        self._interpreter = Interpreter(model_content=graph, num_threads=1)
        inputs = {len(detail["shape"]): detail["index"] for detail in self._interpreter.get_input_details()}
        self._words, self._mask = inputs[3], inputs[2]
        (self._output,) = (detail["index"] for detail in self._interpreter.get_output_details())
        self._interpreter.resize_tensor_input(self._words, (1, width, dimensions))
        self._interpreter.resize_tensor_input(self._mask, (1, width))
        self._interpreter.allocate_tensors()
        self._vectors = np.zeros((1, width, dimensions), dtype=np.float32)
        self._present = np.zeros((1, width), dtype=np.float32)

    def run(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        count = len(vectors)
        self._vectors[0, :count], self._vectors[0, count:] = vectors, 0
        self._present[0, :count], self._present[0, count:] = 1, 0
        self._interpreter.set_tensor(self._words, self._vectors)
        self._interpreter.set_tensor(self._mask, self._present)
        self._interpreter.invoke()
        output: NDArray[np.float32] = self._interpreter.get_tensor(self._output)[0]
        return output


class VectorGraph:
    """A graph over one vector. Belongs to one thread at a time."""

    def __init__(self, graph: bytes) -> None:
        self._interpreter = Interpreter(model_content=graph, num_threads=1)
        self._interpreter.allocate_tensors()
        (self._input,) = (detail["index"] for detail in self._interpreter.get_input_details())
        (self._output,) = (detail["index"] for detail in self._interpreter.get_output_details())

    def run(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the graph's output, its first axis dropped."""
        self._interpreter.set_tensor(self._input, vector[None])
        self._interpreter.invoke()
        output: NDArray[np.float32] = self._interpreter.get_tensor(self._output)[0]
        return output


def shortened(ids: list[int], limit: int = MAX_TOKENS) -> list[int]:
    """Return the ids of a text that are read: all of a short one, beginning and end of a long one."""
    if len(ids) <= limit:
        return ids
    head = round(limit * _HEAD_SHARE)
    return [*ids[:head], *ids[head - limit :]]
