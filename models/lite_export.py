"""Keras networks as LiteRT graphs with int8 weights.

The variables are frozen first: converting a Keras 3 function directly drops weights without a word.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2


def export_token_graph(core: keras.Model) -> bytes:
    """Return a network over token vectors and their mask as a graph for one text of any width."""
    dimensions = core.input_shape[0][-1]
    return _export(
        lambda words, mask: core([words, mask], training=False),
        [tf.TensorSpec((1, None, dimensions), tf.float32), tf.TensorSpec((1, None), tf.float32)],
    )


def export_vector_graph(network: keras.Model) -> bytes:
    """Return a network over vectors as a graph for one of them."""
    return _export(
        lambda vector: network(vector, training=False), [tf.TensorSpec((1, network.input_shape[-1]), tf.float32)]
    )


def _export(call: Callable[..., Any], inputs: Sequence[tf.TensorSpec]) -> bytes:
    concrete = tf.function(call, autograph=False).get_concrete_function(*inputs)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([convert_variables_to_constants_v2(concrete)])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    graph: bytes = converter.convert()
    return graph
