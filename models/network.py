"""The static network in Keras: token vectors -> masked mean and convolutions with masked maximum -> dense -> logits."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops
from numpy.typing import NDArray
from safetensors import safe_open
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from models.tokenizer import TicketTokenizer

_MINILM_VECTORS = "embeddings.word_embeddings.weight"
_DEVIATION = 0.3


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """Sizes of the network."""

    dimensions: int = 64
    filters: int = 128
    hidden: int = 256


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

    Padding changes nothing: every layer over tokens is masked.
    """
    ids = keras.Input((None,), dtype="int32", name="ids")
    mask = ops.cast(ops.not_equal(ids, 0), "float32")[..., None]  # (n, width, 1)
    tokens = layers.Embedding(*table.shape, weights=[table], name="token_vectors")(ids)  # (n, width, dimensions)
    tokens = layers.Dropout(0.15, noise_shape=(None, None, 1), name="drop_tokens")(layers.Dropout(0.1)(tokens))
    tokens = tokens * mask
    pooled = [ops.sum(tokens, axis=1) / ops.maximum(ops.sum(mask, axis=1), 1.0)]
    for width in (2, 3):
        features = layers.Conv1D(shape.filters, width, padding="same", activation="relu", name=f"phrases_{width}")(
            tokens
        )
        pooled.append(ops.max(features * mask, axis=1))  # (n, filters); relu makes 0 the least
    joined = layers.Dropout(0.3)(layers.Concatenate()(pooled))
    hidden = layers.Dropout(0.3)(layers.Dense(shape.hidden, activation="gelu", name="hidden")(joined))
    return keras.Model(ids, layers.Dense(outputs, name="logits")(hidden), name="static")


def export_litert(network: keras.Model) -> bytes:
    """Return the network as a LiteRT model that takes one text of any width.

    The variables are frozen first: converting a Keras 3 function directly drops weights without a word.
    """
    call = tf.function(lambda ids: network(ids, training=False), autograph=False)
    concrete = call.get_concrete_function(tf.TensorSpec((1, None), tf.int32))
    frozen = convert_variables_to_constants_v2(concrete)
    model: bytes = tf.lite.TFLiteConverter.from_concrete_functions([frozen]).convert()
    return model
