"""MiniLM, the sentence encoder, in Keras: WordPiece ids to unit vectors of 384 numbers.

Every reshape is written so that LiteRT knows its shapes once the width is set: what a dynamic tensor passes through
runs without the fast kernels.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray
from safetensors import safe_open

DIMENSIONS, LAYERS, HEADS, HIDDEN = 384, 6, 12, 1536
_EPSILON = 1e-12
_MASKED = -1e9
WEIGHTS = "model.safetensors"


class TransformerLayer(layers.Layer):  # type: ignore[misc]  # Keras is untyped
    """One layer of BERT: self-attention, then a feed-forward part, each added to its input and normalised."""

    def __init__(self, *, dropout: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.query, self.key, self.value, self.joined = (
            layers.Dense(DIMENSIONS, name=name) for name in ("query", "key", "value", "joined")
        )
        self.wide = layers.Dense(HIDDEN, name="wide")
        self.narrow = layers.Dense(DIMENSIONS, name="narrow")
        self.norm_attention = layers.LayerNormalization(epsilon=_EPSILON, name="norm_attention")
        self.norm_output = layers.LayerNormalization(epsilon=_EPSILON, name="norm_output")
        self.dropout = layers.Dropout(dropout)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create all variables, so that weights can be loaded before the first call."""
        for layer in (self.query, self.key, self.value, self.joined, self.wide):
            layer.build(input_shape)
        self.narrow.build((*input_shape[:-1], HIDDEN))
        self.norm_attention.build(input_shape)
        self.norm_output.build(input_shape)

    def call(self, tokens: Any, mask: Any, training: bool = False) -> Any:
        """Return new token vectors; ``mask`` (n, width) is 0 where a token is padding."""
        texts = ops.shape(tokens)[0]
        rows = ops.reshape(tokens, (-1, DIMENSIONS))  # (n · width, 384): a dense layer over three axes is no one kernel
        query, key, value = (_heads(layer(rows), texts) for layer in (self.query, self.key, self.value))
        scores = ops.matmul(query * (DIMENSIONS // HEADS) ** -0.5, ops.transpose(key, (0, 1, 3, 2)))
        scores = scores + ops.expand_dims((1.0 - mask) * _MASKED, (1, 2))  # (n, heads, width, width)
        attended = ops.matmul(ops.softmax(scores, axis=-1), value)  # (n, heads, width, 32)
        joined = self.joined(ops.reshape(ops.transpose(attended, (0, 2, 1, 3)), (-1, DIMENSIONS)))
        rows = self.norm_attention(rows + self.dropout(joined, training=training))
        wide = ops.gelu(self.wide(rows), approximate=False)
        rows = self.norm_output(rows + self.dropout(self.narrow(wide), training=training))
        return ops.reshape(rows, (texts, -1, DIMENSIONS))


def _heads(rows: Any, texts: Any) -> Any:
    return ops.transpose(ops.reshape(rows, (texts, -1, HEADS, DIMENSIONS // HEADS)), (0, 2, 1, 3))


def build_encoder(model_dir: Path, *, dropout: float = 0.0) -> keras.Model:
    """Return MiniLM with its weights: ids of shape (n, width), 0 being padding, to unit vectors (n, 384).

    The first and last id of a text are MiniLM's own marks, see ``models.encoder_tokens``. The table of token vectors is
    an input layer of its own, ``token_table``, because serving looks them up outside of the graph.
    """
    weights = _read_weights(model_dir)
    ids = keras.Input((None,), dtype="int32", name="ids")
    words = layers.Embedding(
        *weights["embeddings.word_embeddings.weight"].shape,
        weights=[weights["embeddings.word_embeddings.weight"]],
        name="token_table",
    )(ids)
    mask = ops.cast(ops.not_equal(ids, 0), "float32")
    core = _core(weights, dropout)
    return keras.Model(ids, core([words, mask]), name="minilm")


def _core(weights: dict[str, NDArray[np.float32]], dropout: float) -> keras.Model:
    """Return all of the encoder above its token table: (n, width, 384) and the mask (n, width) to (n, 384)."""
    words = keras.Input((None, DIMENSIONS), name="words")
    mask = keras.Input((None,), name="mask")
    places = weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
    numbers = ops.maximum(ops.cast(ops.cumsum(mask, axis=1), "int32") - 1, 0)
    tokens = words + layers.Embedding(*places.shape, weights=[places], name="places")(numbers)
    norm = layers.LayerNormalization(epsilon=_EPSILON, name="norm_input")
    tokens = layers.Dropout(dropout)(norm(tokens))
    _load(norm, weights, "embeddings.LayerNorm")
    for number in range(LAYERS):
        layer = TransformerLayer(dropout=dropout, name=f"layer_{number}")
        tokens = layer(tokens, mask)
        _load_layer(layer, weights, f"encoder.layer.{number}")
    shares = mask / ops.sum(mask, axis=1, keepdims=True)
    pooled = ops.sum(tokens * ops.expand_dims(shares, 2), axis=1)
    norms = ops.sqrt(ops.sum(ops.square(pooled), axis=1, keepdims=True))
    return keras.Model([words, mask], pooled / ops.maximum(norms, 1e-9), name="core")


def _read_weights(model_dir: Path) -> dict[str, NDArray[np.float32]]:
    with safe_open(model_dir / WEIGHTS, framework="numpy") as stored:
        return {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118  # no mapping


def _load(layer: layers.Layer, weights: dict[str, NDArray[np.float32]], name: str) -> None:
    # A dense layer of torch holds its matrix the other way round.
    layer.set_weights([weights[f"{name}.weight"].T, weights[f"{name}.bias"]])


def _load_layer(layer: TransformerLayer, weights: dict[str, NDArray[np.float32]], name: str) -> None:
    for part, stored in (
        (layer.query, "attention.self.query"),
        (layer.key, "attention.self.key"),
        (layer.value, "attention.self.value"),
        (layer.joined, "attention.output.dense"),
        (layer.norm_attention, "attention.output.LayerNorm"),
        (layer.wide, "intermediate.dense"),
        (layer.narrow, "output.dense"),
        (layer.norm_output, "output.LayerNorm"),
    ):
        _load(part, weights, f"{name}.{stored}")
