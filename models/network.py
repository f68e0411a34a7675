"""The networks that are trained, in Keras.

Static: token vectors -> masked mean, and convolutions with masked maximum -> dense -> logits.
Head: a sentence vector of the encoder -> dense -> logits.
"""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray
from safetensors import safe_open

from models.tokenizer import TicketTokenizer

_MINILM_VECTORS = "embeddings.word_embeddings.weight"
_DEVIATION = 0.3


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """Sizes of the networks."""

    dimensions: int = 64
    filters: int = 128
    hidden: int = 256
    head_hidden: int = 768


def token_vectors(model_dir: Path, tokenizer: TicketTokenizer, dimensions: int) -> NDArray[np.float32]:
    """Return MiniLM's input vectors of the tokenizer's pieces, projected on their first principal components.

    Returns:
        Shape (vocabulary_size, dimensions), with a standard deviation of 0.3 (larger or smaller ones learned worse);
        zeros for padding and for pieces of our own.
    """
    with safe_open(model_dir / "model.safetensors", framework="numpy") as weights:
        vectors = weights.get_tensor(_MINILM_VECTORS)
    row_of = {piece: row for row, piece in enumerate((model_dir / "vocab.txt").read_text("utf-8").splitlines())}
    rows = np.array([row_of.get(piece, -1) for piece in tokenizer.pieces()])
    known = rows >= 0
    known[0] = False  # padding
    selected = vectors[rows[known]].astype(np.float64)
    selected -= selected.mean(axis=0)
    _, axes = np.linalg.eigh(selected.T @ selected)
    projected = selected @ axes[:, ::-1][:, :dimensions]
    table = np.zeros((len(rows), dimensions), dtype=np.float32)
    table[known] = projected * (_DEVIATION / projected.std())
    return table


def build_network(table: NDArray[np.float32], outputs: int, shape: NetworkShape) -> keras.Model:
    """Return an untrained network that reads ids of shape (n, width), 0 being padding, and gives (n, outputs) logits.

    Its layer ``token_table`` looks the vectors up, its layer ``core`` is all the rest: (n, width, dimensions) and a
    mask (n, width) to logits. Padding changes nothing: every layer over tokens is masked.
    """
    ids = keras.Input((None,), dtype="int32", name="ids")
    tokens = layers.Embedding(*table.shape, weights=[table], name="token_table")(ids)
    mask = ops.cast(ops.not_equal(ids, 0), "float32")
    return keras.Model(ids, _core(table.shape[1], outputs, shape)([tokens, mask]), name="static")


def _core(dimensions: int, outputs: int, shape: NetworkShape) -> keras.Model:
    words = keras.Input((None, dimensions), name="words")
    mask = keras.Input((None,), name="mask")
    present = ops.expand_dims(mask, 2)  # (n, width, 1)
    tokens = layers.Dropout(0.15, noise_shape=(None, None, 1), name="drop_tokens")(layers.Dropout(0.1)(words)) * present
    pooled = [ops.sum(tokens, axis=1) / ops.maximum(ops.sum(present, axis=1), 1.0)]
    for width in (2, 3) if shape.filters else ():
        features = layers.Conv1D(shape.filters, width, padding="same", activation="relu", name=f"phrases_{width}")(
            tokens
        )
        pooled.append(ops.max(features * present, axis=1))  # (n, filters); relu makes 0 the least
    joined = layers.Dropout(0.3)(layers.Concatenate()(pooled))
    hidden = layers.Dropout(0.3)(layers.Dense(shape.hidden, activation="gelu", name="hidden")(joined))
    return keras.Model([words, mask], layers.Dense(outputs, name="logits")(hidden), name="core")


def build_head(dimensions: int, outputs: int, shape: NetworkShape) -> keras.Model:
    """Return an untrained network over unit vectors of the encoder: (n, dimensions) to (n, outputs) logits."""
    vectors = keras.Input((dimensions,), name="vectors")
    scaled = layers.Dropout(0.1)(layers.Rescaling(dimensions**0.5)(vectors))  # to a deviation of one
    hidden = layers.Dropout(0.7)(layers.Dense(shape.head_hidden, activation="gelu", name="hidden")(scaled))
    return keras.Model(vectors, layers.Dense(outputs, name="logits")(hidden), name="head")
